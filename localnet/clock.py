"""Blocks: slots, heights and hashes, and how long a hash is good for."""

import hashlib
from collections import deque
from dataclasses import dataclass, field

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

SLOT_SECONDS = 0.4
SLOTS_PER_EPOCH = 432_000
HASH_AGE = 150
"""How many blocks a blockhash is good for after its own."""
CONFIRMED_LAG = 1
FINALIZED_LAG = 32
_KEPT = 512


@dataclass(kw_only=True)
class Block:
    """One block, and what it changed."""

    slot: int
    height: int
    hash: Hash
    time: int
    before: dict[Pubkey, Account | None] = field(default_factory=dict[Pubkey, Account | None])
    """The accounts that it wrote to, as they were."""
    signatures: list[Signature] = field(default_factory=list[Signature])
    prices: list[tuple[int, frozenset[Pubkey]]] = field(
        default_factory=list[tuple[int, frozenset[Pubkey]]]
    )
    """Of each transaction, what it paid for a compute unit and the accounts that it wrote to."""


class Blocks:
    """The chain of blocks, of which the newest is still being built."""

    def __init__(self, *, seed: bytes, slot: int, time: int) -> None:
        self._seed = seed
        self._start = (slot, time)
        self._forks = 0
        self._final = 0
        self._blocks = deque([self._block(slot, 0)])
        self._heights = {self.newest.hash: 0}

    @property
    def newest(self) -> Block:
        """The block that takes transactions."""
        return self._blocks[-1]

    def add(self) -> Block:
        """Begin the next block."""
        block = self._block(self.newest.slot + 1, self.newest.height + 1)
        if len(self._blocks) == _KEPT:
            del self._heights[self._blocks.popleft().hash]
        self._blocks.append(block)
        self._heights[block.hash] = block.height
        self._final = max(self._final, block.height - FINALIZED_LAG)
        return block

    def abandon(self, count: int) -> list[Block]:
        """Take away the newest blocks, newest first; their slots stay empty, their hashes die.

        What was final once stays.
        """
        top = self.newest.slot
        gone = [self._blocks.pop() for _ in range(min(count, self.newest.height - self._final))]
        for block in gone:
            del self._heights[block.hash]
        self._forks += 1
        after = self._block(top + 1, self.newest.height + 1)
        self._blocks.append(after)
        self._heights[after.hash] = after.height
        return gone

    def behind(self, count: int) -> Block:
        """The block `count` before the newest, or the oldest that is known."""
        return self._blocks[max(0, len(self._blocks) - 1 - count)]

    def after(self, block: Block) -> list[Block]:
        """What came after `block`, oldest first."""
        newer: list[Block] = []
        for other in reversed(self._blocks):
            if other.slot <= block.slot:
                break
            newer.append(other)
        return newer[::-1]

    def recent(self) -> list[Block]:
        """The blocks whose hashes are good, oldest first."""
        return list(self._blocks)[-HASH_AGE - 1 :]

    def height_of(self, blockhash: Hash) -> int | None:
        """The height of the block of that hash, if it is known and not abandoned."""
        return self._heights.get(blockhash)

    def is_good(self, blockhash: Hash, at: Block) -> bool:
        """Whether a transaction may name that hash in the block after `at`."""
        height = self._heights.get(blockhash)
        return height is not None and 0 <= at.height - height <= HASH_AGE

    def clock(self, at: Block | None = None) -> Clock:
        """What programs read as the time, in the block `at`; the newest unless given."""
        _, start = self._start
        at = at or self.newest
        epoch = at.slot // SLOTS_PER_EPOCH
        return Clock(at.slot, start, epoch, epoch + 1, at.time)

    def _block(self, slot: int, height: int) -> Block:
        first, start = self._start
        text = self._seed + f"/{slot}/{self._forks}".encode()
        return Block(
            slot=slot,
            height=height,
            hash=Hash(hashlib.sha256(text).digest()),
            time=start + int((slot - first) * SLOT_SECONDS),
        )
