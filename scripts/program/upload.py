"""Bring a program into a buffer: the bytes that are missing, until all lie there.

The buffer itself says what is missing: an upload that was killed anywhere goes on where it stopped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

import httpx2
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.commitment_config import CommitmentConfig, CommitmentLevel
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from scripts.exits import CommandError, ExitCode
from scripts.program.chunks import Chunk, largest_chunk, plan_chunks
from scripts.program.loader import read_buffer, write

_Answer = TypeVar("_Answer")
_UNASKED = TxOpts(skip_preflight=True, max_retries=0)
_CONFIRMED = CommitmentConfig(CommitmentLevel.Confirmed)
_STATUSES = 256
_LONGEST_PAUSE = 10.0


class UploadError(CommandError):
    """A buffer that cannot be filled: why, and what to do."""


class UploadPendingError(UploadError):
    """An upload that ran out of time; run again, it goes on."""

    code = ExitCode.PENDING


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast an upload goes, and how long it may take; all in seconds but `per_second`."""

    per_second: float = 100.0
    """Transactions sent in a second."""
    poll: float = 0.5
    """Between two looks at what has landed."""
    resend: float = 2.0
    """After which what has not landed is sent again, as it is: it can land only once."""
    deadline: float = 600.0


@dataclass(kw_only=True)
class Progress:
    """How far an upload is, told to whoever watches it."""

    chunks: int = 0
    """Writes that were needed so far."""
    landed: int = 0
    sent: int = 0
    """Every send, those of the same transaction again included."""


@dataclass(frozen=True, kw_only=True)
class Uploader:
    """Who writes into a buffer, and over which node."""

    client: AsyncClient
    payer: Keypair
    authority: Keypair
    fees: Sequence[Instruction] = ()
    """Compute price and limit, in each transaction."""
    pace: Pace = field(default_factory=Pace)
    watch: Callable[[Progress], None] = field(default=lambda _: None)

    async def upload(self, buffer: Pubkey, code: bytes, *, since: int = 0) -> Progress:
        """Make `buffer`, made in the slot `since`, hold exactly `code`; `UploadError` says why not.

        What lies there is read back at the end, as confirmed; nothing else counts as done.
        """
        progress, ends, seen = Progress(), monotonic() + self.pace.deadline, since
        largest = largest_chunk(
            payer=self.payer.pubkey(),
            authority=self.authority.pubkey(),
            buffer=buffer,
            fees=self.fees,
        )
        while True:
            held = await self._held(buffer, len(code), seen, ends)
            missing = plan_chunks(code, largest, held)
            if not missing:
                return progress
            progress.chunks += len(missing)
            seen = max(seen, await self._write(buffer, missing, progress, ends))

    async def _held(self, buffer: Pubkey, length: int, seen: int, ends: float) -> bytes:
        """What lies in the buffer, as of the slot `seen` at least: a node may be behind."""
        while True:
            answer = await self._patiently(lambda: self.client.get_account_info(buffer), ends)
            if answer.context.slot >= seen:
                break
            await self._pause(self.pace.poll, ends)
        if answer.value is None:
            raise UploadError(f"there is no buffer {buffer}: create it first")
        found = read_buffer(bytes(answer.value.data))
        if found.authority != self.authority.pubkey():
            raise UploadError(
                f"buffer {buffer} belongs to {found.authority}, not to {self.authority.pubkey()}:"
                " give its authority's key, or upload to a buffer of your own"
            )
        if len(found.code) != length:
            raise UploadError(
                f"buffer {buffer} has room for {len(found.code):,} bytes, the program has"
                f" {length:,}: close it and upload to a new one"
            )
        return found.code

    async def _write(
        self, buffer: Pubkey, chunks: Sequence[Chunk], progress: Progress, ends: float
    ) -> int:
        """Send writes until each has landed or its blockhash is gone; the slot to read back at."""
        latest = (await self._patiently(self.client.get_latest_blockhash, ends)).value
        pending: dict[Signature, bytes] = {}
        for chunk in chunks:
            instruction = write(buffer, self.authority.pubkey(), chunk.offset, chunk.data)
            message = Message.new_with_blockhash(
                [*self.fees, instruction], self.payer.pubkey(), latest.blockhash
            )
            signers = {keys.pubkey(): keys for keys in (self.payer, self.authority)}
            transaction = VersionedTransaction(message, list(signers.values()))
            pending[transaction.signatures[0]] = bytes(transaction)
        slot, sent_at = 0, float("-inf")
        while pending:
            if monotonic() - sent_at >= self.pace.resend:
                await self._send(pending.values(), progress, ends)
                sent_at = monotonic()
            # Asked before the statuses: what has not landed by then never will.
            now = (await self._patiently(self.client.get_epoch_info, ends)).value
            slot = max(slot, await self._take_landed(pending, progress, ends))
            self.watch(progress)
            if pending and (now.block_height or 0) > latest.last_valid_block_height:
                # A node further behind may not show yet what did land.
                return max(slot, now.absolute_slot)
            if pending:
                await self._pause(self.pace.poll, ends)
        return slot

    async def _send(self, wires: Iterable[bytes], progress: Progress, ends: float) -> None:
        """Send each at the stated rate."""
        due = monotonic()
        for wire in list(wires):
            due += 1 / self.pace.per_second
            await self._patiently(
                lambda wire=wire: self.client.send_raw_transaction(wire, opts=_UNASKED), ends
            )
            progress.sent += 1
            if (early := due - monotonic()) > 0:
                await self._pause(early, ends)

    async def _take_landed(
        self, pending: dict[Signature, bytes], progress: Progress, ends: float
    ) -> int:
        """Take out of `pending` what is confirmed; the last slot of any."""
        slot, asked = 0, list(pending)
        for start in range(0, len(asked), _STATUSES):
            some = asked[start : start + _STATUSES]
            answer = await self._patiently(
                lambda some=some: self.client.get_signature_statuses(some), ends
            )
            for signature, status in zip(some, answer.value, strict=True):
                if status is None or not status.satisfies_commitment(_CONFIRMED):
                    continue
                if status.err is not None:
                    raise UploadError(f"a write failed on chain ({signature}): {status.err}")
                del pending[signature]
                progress.landed += 1
                slot = max(slot, status.slot)
        return slot

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]], ends: float) -> _Answer:
        """What the node answers, asked again while it does not, with longer and longer pauses."""
        pause = self.pace.poll
        while True:
            try:
                return await ask()
            except (SolanaRpcException, RPCException, httpx2.HTTPError) as error:
                if monotonic() >= ends:
                    raise UploadPendingError(f"the node does not answer: {error}") from error
                told = _retry_after(error)
                await self._pause(pause if told is None else told, ends)
                pause = min(pause * 2, _LONGEST_PAUSE)

    @staticmethod
    async def _pause(seconds: float, ends: float) -> None:
        if monotonic() >= ends:
            raise UploadPendingError(
                "the upload ran out of time; run the command again, it goes on"
            )
        await asyncio.sleep(seconds)


def _retry_after(error: BaseException) -> float | None:
    """How long a node that refuses for now says to wait, if it does."""
    cause = error if isinstance(error, httpx2.HTTPStatusError) else error.__cause__
    if not isinstance(cause, httpx2.HTTPStatusError):
        return None
    text = cause.response.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdigit() else None
