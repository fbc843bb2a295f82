"""What a deployment will take: transactions, lamports, what comes back, and what must be there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Final, TypeVar

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.chunks import largest_chunk, plan_chunks
from scripts.program.loader import (
    BUFFER_HEADER,
    LOADER,
    PROGRAM_DATA_HEADER,
    PROGRAM_SIZE,
    read_buffer,
)
from scripts.program.node import sol
from scripts.program.sending import SIGNATURE_FEE, UNITS, distinct, priority_fee
from scripts.program.state import OnChain
from scripts.program.steps.switch import extension, signers_of_extension
from scripts.program.world import World
from scripts.runs.steps import duration

_UNKNOWN: Final = Pubkey(bytes([255]) * 32)
"""In the place of a buffer whose key is not made yet."""
_SYSTEM_ACCOUNT: Final = 0
"""The length of a wallet's account, whose rent stays in it."""


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a command takes of its payer: all in lamports, where nothing else is said."""

    payer: Pubkey
    transactions: int
    fees: int
    """At the price of the moment."""
    most_fees: int
    """At the ceiling."""
    needed: int
    """What the payer must have now."""
    balance: int

    @property
    def missing(self) -> int:
        """What the payer lacks."""
        return max(0, self.needed - self.balance)

    def lines(self) -> list[str]:
        """For people."""
        return [f"{counted(self.transactions, 'transaction')}, {self.paid}", self.wallet]

    @property
    def paid(self) -> str:
        """The fees, for people."""
        return f"fees {sol(self.fees)} now, at most {sol(self.most_fees)} at the price's ceiling"

    @property
    def wallet(self) -> str:
        """What the payer needs, has and lacks, for people."""
        said = f"needed {sol(self.needed)}, the payer has {sol(self.balance)}"
        return f"{said}: MISSING {sol(self.missing)}, fund {self.payer}" if self.missing else said


_Bill = TypeVar("_Bill", bound=Bill)


@dataclass(frozen=True, kw_only=True)
class Estimate(Bill):
    """What a deployment takes."""

    writes: int
    buffer_rent: int
    """Still to be paid; comes back when the program is switched."""
    stays: int
    """The rent that stays in the program; what comes back of it, where negative."""
    extension_bytes: int
    returned: int
    resumable: str | None
    """The buffer that an earlier run left."""
    per_second: float
    """How many writes are sent in a second."""

    @property
    def seconds(self) -> float:
        """How long its writes take to send, at the least."""
        return self.writes / self.per_second

    def lines(self) -> list[str]:
        """For people."""
        sent = f", sent within {duration(ceil(self.seconds))} at {self.per_second:g} a second"
        found = [
            f"{counted(self.writes, 'write')}, {counted(self.transactions, 'transaction')}"
            + (sent if self.writes else ""),
            self.paid,
            f"rent of the buffer {sol(self.buffer_rent)}, comes back: {sol(self.returned)}",
            f"rent that comes back from the program {sol(-self.stays)}"
            if self.stays < 0
            else f"rent that stays in the program {sol(self.stays)}",
            self.wallet,
        ]
        if self.extension_bytes:
            found.insert(3, f"the program grows by {self.extension_bytes:,} bytes")
        if self.resumable:
            found.append(f"goes on with the buffer {self.resumable}")
        return found


async def bill(
    world: World, transactions: int, signatures: int, *, rent: int = 0, units: int = UNITS
) -> Bill:
    """What so many transactions take, which have so many signatures and pay so much `rent`."""
    payer = world.payer.pubkey()
    footing, least, balance = await asyncio.gather(
        world.sender.footing([payer]), world.node.rent(_SYSTEM_ACCOUNT), world.node.lamports(payer)
    )
    base, each = signatures * SIGNATURE_FEE, partial(priority_fee, units=units)
    most_fees = base + transactions * each(world.sender.ceiling)
    return Bill(
        payer=payer,
        transactions=transactions,
        fees=base + transactions * each(footing.price),
        most_fees=most_fees,
        needed=rent + most_fees + least if transactions else 0,
        balance=balance,
    )


def together(taken: _Bill, more: Bill) -> _Bill:
    """`taken` and `more` at once; what `more` needs is beside what `taken` does."""
    return replace(
        taken,
        transactions=taken.transactions + more.transactions,
        fees=taken.fees + more.fees,
        most_fees=taken.most_fees + more.most_fees,
        needed=taken.needed + more.needed,
    )


def counted(number: int, what: str) -> str:
    """So many of them, for people."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


async def estimate(world: World, found: OnChain) -> Estimate:
    """What is left to do and to pay for the world's code to run."""
    node, code, first = world.node, world.code, found.data is None
    if found.runs(code):
        return await _nothing(world)
    payer = world.payer.pubkey()
    key = world.folder.buffer(code)
    buffer = key.pubkey() if key else _UNKNOWN
    sizes_itself = (await world.how_loads()).sizes_itself
    more = 0 if first or sizes_itself else extension(found.capacity, len(code))
    room = len(code) if sizes_itself else max(len(code) + world.room, found.capacity + more)
    footing, buffer_rent, program_data, program, least, balance = await asyncio.gather(
        world.sender.footing([payer, buffer]),
        node.rent(BUFFER_HEADER + len(code)),
        node.rent(PROGRAM_DATA_HEADER + room),
        node.rent(PROGRAM_SIZE),
        node.rent(_SYSTEM_ACCOUNT),
        node.lamports(payer),
    )
    program = program if first else 0
    filled = await filling(world, footing.fees)
    # What offers something has less room: at the ceiling there may be more writes than now.
    most = await filling(world, replace(footing, price=world.sender.ceiling).fees)
    writes, to_pay = filled.writes, 0 if filled.begun else buffer_rent
    stays = program + program_data - (0 if first else found.lamports)
    # Only a loader that sizes the program's data gives back what is too much.
    stays = stays if sizes_itself else max(stays, 0)
    signers = len(distinct(world.payer, world.authority))
    others = (0 if filled.begun else 1) + (1 if more else 0) + 1
    # A buffer's creation has its key's signature, a program's its own key's.
    others_sign = (
        (0 if filled.begun else 2)
        + (len(distinct(world.payer, *await signers_of_extension(world))) if more else 0)
        + (signers + 1 if first else signers)
    )

    def fees(writes: int, price: int) -> int:
        signatures = writes * signers + others_sign
        return signatures * SIGNATURE_FEE + (writes + others) * priority_fee(price)

    most_fees = fees(most.writes, world.sender.ceiling)
    # A buffer's rent is back in the payer's hands before that of the program's data is taken.
    # So it is for an upgrade, too, where the loader itself sizes the program's data.
    peak = (
        max(to_pay + program, to_pay + stays - buffer_rent)
        if first or sizes_itself
        else to_pay + stays
    )
    return Estimate(
        payer=payer,
        writes=writes,
        per_second=node.pace.per_second,
        transactions=writes + others,
        fees=fees(writes, footing.price),
        most_fees=most_fees,
        buffer_rent=to_pay,
        stays=stays,
        extension_bytes=more,
        returned=buffer_rent,
        needed=peak + most_fees + least,
        balance=balance,
        resumable=str(key.pubkey()) if key and filled.begun else None,
    )


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What is left of bringing a program into its buffer."""

    begun: bool
    """Whether the buffer is there."""
    writes: int


async def filling(world: World, fees: Sequence[Instruction]) -> Filling:
    """How far the buffer of the world's code is, with `fees` beside each write."""
    key, (_, account) = world.folder.buffer(world.code), await world.look()
    held = read_buffer(bytes(account.data)).code if account else b""
    largest = largest_chunk(
        payer=world.payer.pubkey(),
        authority=world.authority.pubkey(),
        buffer=key.pubkey() if key else _UNKNOWN,
        fees=fees,
    )
    writes = len(plan_chunks(world.code, largest, held))
    return Filling(begun=account is not None, writes=writes)


async def _nothing(world: World) -> Estimate:
    payer = world.payer.pubkey()
    return Estimate(
        payer=payer,
        writes=0,
        per_second=world.node.pace.per_second,
        transactions=0,
        fees=0,
        most_fees=0,
        buffer_rent=0,
        stays=0,
        extension_bytes=0,
        returned=0,
        needed=0,
        balance=await world.node.lamports(payer),
        resumable=None,
    )


async def left_behind(world: World, found: OnChain) -> list[str]:
    """The buffers of other builds that runs of this program left, for people.

    Not those of the vault, which are ways back, nor that of what runs, which becomes one.
    """
    own = {world.folder.buffer_path(code) for code in (world.code, _running(found))}
    kept = {key.pubkey(): path for path, key in world.folder.buffers().items() if path not in own}
    accounts = await world.node.accounts([*kept]) if kept else []
    lines: list[str] = []
    for (buffer, path), account in zip(kept.items(), accounts, strict=True):
        if account is None or account.owner != LOADER:
            continue
        if read_buffer(bytes(account.data)).authority == world.authority.pubkey():
            lines.append(
                f"left behind: buffer {buffer} of another build, {sol(account.lamports)}, key"
                f" {path}. To get them back: slipway program recover ENVIRONMENT --buffer {buffer}"
                " --close --execute"
            )
    return lines


def _running(found: OnChain) -> bytes:
    return found.data.code if found.data else b""
