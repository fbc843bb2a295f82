"""Bring a program into a buffer: the bytes that are missing, until all lie there.

The buffer itself says what is missing: an upload that was killed anywhere goes on where it stopped.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from solders.account import Account
from solders.commitment_config import CommitmentConfig, CommitmentLevel
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature

from scripts.program.chunks import Chunk, largest_chunk, plan_chunks
from scripts.program.keys import Signer
from scripts.program.loader import read_buffer, write
from scripts.program.node import Node
from scripts.program.sending import Footing, RefusedError, Sender, distinct
from scripts.runs.steps import Acting, StepFailedError

_CONFIRMED: Final = CommitmentConfig(CommitmentLevel.Confirmed)
_STATUSES: Final = 256
_AGAIN_SECONDS: Final = 0.1
_CATCH_UP_SECONDS: Final = 0.5
"""How much of the stated rate may be caught up with at once, where this machine was busy."""
_IN_FLIGHT: Final = 64
"""Sends that wait for the node's answer at once."""


class UploadError(StepFailedError):
    """A buffer that cannot be filled: why, and what to do."""


@dataclass(kw_only=True)
class Progress:
    """How far an upload is, told to whoever watches it."""

    chunks: int = 0
    """Writes that were needed so far."""
    landed: int = 0
    sent: int = 0
    """Every send, those of the same transaction again included."""
    fees: int = 0
    """Lamports that the landed ones cost."""
    seconds: float = 0.0
    """Since it began."""

    @property
    def rate(self) -> float:
        """Writes that landed in a second."""
        return self.landed / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """By the rate so far."""
        return (self.chunks - self.landed) / self.rate if self.rate else None


@dataclass(kw_only=True)
class _Write:
    """A signed write on its way."""

    wire: bytes
    sent_at: float = 0.0
    """When it was sent last; again, on a link that loses, after `_AGAIN_SECONDS`."""
    delivered: bool = False
    """Whether a node took it."""
    since: int | None = None
    """The slot that the chain was in when somebody first looked for it after that."""
    seen: bool = False
    """Whether a block shows it."""

    def is_overdue(self, slot: int, patience: int) -> bool:
        """Whether so many slots have passed up to `slot` since somebody looked for it in vain."""
        return not self.seen and self.since is not None and self.since + patience <= slot


@dataclass(frozen=True, kw_only=True)
class Uploader:
    """Who writes into a buffer."""

    sender: Sender
    authority: Signer
    watch: Callable[[Progress], None] = field(default=lambda _: None)
    read: Callable[[], Awaitable[Account | None]] | None = None
    """Reads the buffer, where somebody else reads it together with other accounts."""

    @property
    def _node(self) -> Node:
        return self.sender.node

    async def upload(self, buffer: Pubkey, code: bytes, acting: Acting) -> Progress:
        """Make `buffer` hold exactly `code`; `UploadError` says why not.

        What lies there is read back at the end, as confirmed; nothing else counts as done.
        """
        progress, began = Progress(), asyncio.get_running_loop().time()
        footing = Footing.recalled(acting.noted(acting.step))
        if footing and footing.is_gone(await self._node.now()):
            footing = None
        while True:
            account = await (self.read() if self.read else self._node.account(buffer))
            if account is None:
                raise UploadError(f"there is no buffer {buffer}: run it again, which creates it")
            there = held(buffer, account, [self.authority.pubkey()], len(code))
            if there == code:
                return progress
            if footing is None:
                footing = await self.sender.footing([buffer, self.sender.payer.pubkey()])
                acting.note(footing.note())
            largest = largest_chunk(
                payer=self.sender.payer.pubkey(),
                authority=self.authority.pubkey(),
                buffer=buffer,
                fees=footing.fees,
            )
            missing = plan_chunks(code, largest, there)
            progress.chunks = progress.landed + len(missing)
            round_ = _Round(self, footing, acting, progress, began)
            await round_.write(buffer, missing)
            # What lapsed is offered more for.
            footing = None if not round_.lapsed else await self.sender.footing([buffer], footing)
            if footing:
                acting.note(footing.note())


def held(buffer: Pubkey, account: Account, owners: Collection[Pubkey], length: int) -> bytes:
    """What lies in the buffer of one of `owners`; `UploadError` if it is not for `length` bytes."""
    found = read_buffer(bytes(account.data))
    if found.authority not in owners:
        raise UploadError(
            f"buffer {buffer} belongs to {found.authority}, not to {', '.join(map(str, owners))}:"
            " give its authority's key, or upload to a buffer of your own"
        )
    if len(found.code) != length:
        raise UploadError(
            f"buffer {buffer} has room for {len(found.code):,} bytes, the program has"
            f" {length:,}: close it and upload to a new one"
        )
    return found.code


class _Round:
    """Writes on one blockhash: sent until each has landed, or none can any more."""

    def __init__(
        self,
        uploader: Uploader,
        footing: Footing,
        acting: Acting,
        progress: Progress,
        began: float,
    ) -> None:
        self._uploader: Final = uploader
        signers = distinct(uploader.sender.payer, uploader.authority)
        self._fee: Final = footing.fee(len(signers))
        self._node: Final = uploader.sender.node
        self._footing: Final = footing
        self._acting: Final = acting
        self._progress: Final = progress
        self._began: Final = began
        self._pending: Final[dict[Signature, _Write]] = {}
        self._unsent: Final[deque[Instruction]] = deque()
        """Signed when their turn comes: nobody waits until all are."""
        self._slot = 0
        self._lossy = False
        """Whether the link has lost something: then there is no waiting where there is room."""
        self._room: Final = asyncio.Semaphore(_IN_FLIGHT)
        self.lapsed = False

    async def write(self, buffer: Pubkey, chunks: Sequence[Chunk]) -> None:
        """Send a write for each chunk; those that did not land show when the buffer is read."""
        own = self._uploader.authority.pubkey()
        self._unsent.extend(write(buffer, own, chunk.offset, chunk.data) for chunk in chunks)
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(group))
                await self._watch()
                sending.cancel()
        except ExceptionGroup as several:
            # What went wrong first is what is told.
            raise several.exceptions[0] from None

    async def _send(self, group: asyncio.TaskGroup) -> None:
        """Send what is due, at the stated rate."""
        node, clock = self._node, asyncio.get_running_loop().time
        due = clock()
        while True:
            if (one := self._next()) is None:
                await asyncio.sleep(node.pace.poll / 4)
                continue
            await self._room.acquire()
            self._acting.check()
            one.sent_at, one.since = clock(), None
            self._progress.sent += 1
            group.create_task(self._deliver(one))
            # What was late is caught up with, a little: the stated rate holds over a moment.
            due = max(due + 1 / node.pace.per_second, clock() - _CATCH_UP_SECONDS)
            await asyncio.sleep(max(0.0, due - clock()))

    def _next(self) -> _Write | None:
        """The next to send: one that never was, or one that is overdue."""
        if self._unsent:
            return self._signed(self._unsent.popleft())
        pace, now = self._node.pace, asyncio.get_running_loop().time()
        unseen = [one for one in self._pending.values() if not one.seen]
        self._lossy = self._lossy or any(
            one.is_overdue(self._slot, pace.patience) for one in unseen
        )
        if not self._lossy:
            return None
        again = [one for one in unseen if one.sent_at + _AGAIN_SECONDS <= now]
        # First what was looked for in vain, then what was sent longest ago.
        return min(
            again, key=lambda one: (not one.is_overdue(self._slot, 1), one.sent_at), default=None
        )

    def _signed(self, instruction: Instruction) -> _Write:
        uploader = self._uploader
        transaction = uploader.sender.sign([instruction], self._footing, [uploader.authority])
        made = self._pending[transaction.signatures[0]] = _Write(wire=bytes(transaction))
        return made

    async def _deliver(self, one: _Write) -> None:
        try:
            await self._node.send(one.wire)
            one.delivered = True
        finally:
            self._room.release()

    async def _watch(self) -> None:
        """Look at what has landed, until all has or the blockhash is gone."""
        node, clock = self._node, asyncio.get_running_loop().time
        now = await node.now()
        began = now
        while self._pending or self._unsent:
            looked = clock()
            # Heights rise no faster than slots: before so many have passed nothing can be gone.
            if self._slot - began.slot > self._footing.last_valid - began.height:
                # Asked before the statuses: what has not landed by then never will.
                now = await node.now()
            await self._take_landed()
            self._progress.seconds = clock() - self._began
            self._uploader.watch(self._progress)
            left = len(self._pending) + len(self._unsent)
            if left and self._footing.is_gone(now):
                # A node further behind may not show yet what did land.
                node.seen, self.lapsed = max(node.seen, now.slot), True
                return
            if left:
                # What is all sent is waited for: then each moment counts.
                every = node.pace.poll if self._unsent else node.pace.poll / 2
                rest = max(0.0, looked + every - clock())
                await node.pause(rest, f"{left} writes have not landed")

    async def _take_landed(self) -> None:
        """Take out of `pending` what is confirmed."""
        asked = [key for key, one in self._pending.items() if one.delivered]
        for start in range(0, len(asked), _STATUSES):
            some = asked[start : start + _STATUSES]
            answer = await self._node.ask(
                lambda some=some: self._node.client.get_signature_statuses(some)
            )
            self._slot = max(self._slot, answer.context.slot)
            for signature, status in zip(some, answer.value, strict=True):
                one = self._pending[signature]
                one.seen = status is not None
                one.since = answer.context.slot if one.since is None else one.since
                if status is None or not status.satisfies_commitment(_CONFIRMED):
                    continue
                self._node.seen = max(self._node.seen, status.slot)
                if status.err is not None:
                    raise RefusedError(f"a write failed on chain ({signature}): {status.err}")
                del self._pending[signature]
                self._progress.landed += 1
                self._progress.fees += self._fee
