"""A node of a cluster, asked with patience: again where it does not answer, or answers too old.

Where a record names several, the next one is asked instead of one that stays silent or behind; one
of another cluster never.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import inf
from typing import Final, Protocol, TypeVar

import httpx2
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Commitment, Confirmed, Finalized
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.rpc.errors import SendTransactionPreflightFailureMessage
from solders.rpc.responses import RpcResponseContext

from scripts.runs.steps import StepPendingError

_Answer = TypeVar("_Answer")
_AnswerOf = TypeVar("_AnswerOf", bound="_InContext")
_LONGEST_PAUSE: Final = 10.0
_TRIES: Final = 3
"""How often a node is asked before the next one is, where there is one."""
_RECENT_SECONDS: Final = 0.4
"""For how long a look is as good as another: a slot, in which most accounts change once."""
_UNASKED: Final = TxOpts(skip_preflight=True, max_retries=0)
_ASKED_SECONDS: Final = 5.0
"""How long the next one may take to say which chain it serves."""
_BEHIND: Final = 10
"""How often one that is behind is: a few slots catch up by themselves."""
CONFIRMED: Final = Confirmed
FINALIZED: Final = Finalized


class _InContext(Protocol):
    """An answer that says as of which slot it is."""

    @property
    def context(self) -> RpcResponseContext:
        """The slot."""
        ...


class OutOfTimeError(StepPendingError):
    """The time was up before the cluster had done it; run again, it goes on."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a node is asked."""

    per_second: float = 100.0
    """Transactions sent in a second, at the most."""
    poll: float = 0.2
    """Seconds between two looks at what has landed."""
    patience: int = 2
    """After how many slots a transaction that no block shows is sent again, as it is."""

    def __post_init__(self) -> None:
        if self.per_second <= 0:
            raise ValueError(f"{self.per_second:g} transactions a second would never end")


@dataclass(frozen=True)
class Now:
    """How far the chain is, as confirmed."""

    slot: int
    height: int


@dataclass(frozen=True)
class _Look:
    """An account as a node showed it, as of a slot; and when, by the loop's clock."""

    slot: int
    at: float
    account: Account | None


class Node:
    """A node, and the newest slot that it is known to have seen."""

    def __init__(
        self,
        client: AsyncClient,
        pace: Pace | None = None,
        *,
        others: Sequence[AsyncClient] = (),
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """One that is asked by `client`; `others` are, in turn, where it does not answer."""
        self._clients: Final = deque([client, *others])
        self._tell: Final = tell
        self.pace: Final = pace or Pace()
        self.genesis: Hash | None = None
        """Of the chain that is meant, once it is known: a node of another one is not asked."""
        self.seen = 0
        """Nothing is read as of an earlier slot: behind the node's address may stand several."""
        self._ends = inf
        self._rents: Final[dict[int, int]] = {}
        self._looks: Final[dict[tuple[Pubkey, Commitment], _Look]] = {}

    @property
    def client(self) -> AsyncClient:
        """Which node is asked now."""
        return self._clients[0]

    @property
    def count(self) -> int:
        """How many nodes there are to ask."""
        return len(self._clients)

    async def leave(self, client: AsyncClient, why: str) -> None:
        """Ask the next node of the same chain from now on, unless somebody else saw to it."""
        for candidate in list(self._clients)[1:]:
            serves = await self._serves(candidate)
            if self.client is not client:
                return
            self._clients.remove(candidate)
            if serves:
                self._clients.appendleft(candidate)
                self._clients.remove(client)
                self._clients.append(client)
                self._tell(f"   the node is left for the next one: {why}")
                return
            if serves is None:
                self._clients.append(candidate)
            else:
                self._tell("   a node of another chain is named in rpcUrls: it is not asked")

    async def _serves(self, client: AsyncClient) -> bool | None:
        """Whether that node is one of the chain; None where it does not answer."""
        try:
            async with asyncio.timeout(_ASKED_SECONDS):
                genesis = (await client.get_genesis_hash()).value
        except (SolanaRpcException, RPCException, httpx2.HTTPError, TimeoutError):
            return None
        return self.genesis in {None, genesis}

    @contextmanager
    def within(self, seconds: float) -> Generator[None]:
        """Ask for `seconds` at the most; then `OutOfTimeError`."""
        before, self._ends = self._ends, asyncio.get_running_loop().time() + seconds
        try:
            yield
        finally:
            self._ends = before

    async def ask(self, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What the node answers, asked again while it does not, with longer and longer pauses."""
        pause, tries = self.pace.poll, 0
        while True:
            asked = self.client
            try:
                return await question()
            except (SolanaRpcException, RPCException, httpx2.HTTPError) as error:
                if is_verdict(error):
                    raise
                why, wait = _described(error), _retry_after(error)
            except BaseException as error:
                # Solders' Rust panics with an exception that is no Exception, on a broken answer.
                if type(error).__name__ != "PanicException":
                    raise
                why, wait = "its answer cannot be read", None
            if wait is not None and wait > _LONGEST_PAUSE:
                await self.leave(asked, why)
                if self.client is not asked:
                    continue
            await self.pause(pause if wait is None else wait, f"the node does not answer: {why}")
            pause, tries = min(pause * 2, _LONGEST_PAUSE), tries + 1
            if tries % _TRIES == 0:
                await self.leave(asked, why)

    async def ask_newest(self, question: Callable[[], Awaitable[_AnswerOf]]) -> _AnswerOf:
        """An answer as of the newest slot seen or later; a node behind is asked again."""
        tries = 0
        while True:
            asked = self.client
            answer = await self.ask(question)
            if answer.context.slot >= self.seen:
                return answer
            why = f"the node is {self.seen - answer.context.slot} slots behind what was seen before"
            await self.pause(self.pace.poll, why)
            tries += 1
            if tries % _BEHIND == 0:
                await self.leave(asked, why)

    async def pause(self, seconds: float, waiting_for: str) -> None:
        """Wait, unless the time is up, or would be long before that."""
        left = self._ends - asyncio.get_running_loop().time()
        if left <= 0 or seconds > max(left, _LONGEST_PAUSE):
            raise OutOfTimeError(f"ran out of time, and {waiting_for}. Run it again, it goes on")
        await asyncio.sleep(min(seconds, left))

    async def accounts(
        self, keys: Sequence[Pubkey], commitment: Commitment = CONFIRMED
    ) -> list[Account | None]:
        """Accounts as of one slot; as they were a moment ago, if nothing was sent since."""
        if looked := self._recent(keys, commitment):
            return looked
        answer = await self.ask_newest(
            lambda: self.client.get_multiple_accounts(list(keys), commitment)
        )
        if commitment == CONFIRMED:
            self.seen = answer.context.slot
        slot, at = answer.context.slot, asyncio.get_running_loop().time()
        for key, account in zip(keys, answer.value, strict=True):
            self._looks[key, commitment] = _Look(slot, at, account)
        return list(answer.value)

    def _recent(
        self, keys: Sequence[Pubkey], commitment: Commitment
    ) -> list[Account | None] | None:
        """The accounts as of one slot, where all were looked at a moment ago."""
        looks = [self._looks.get((key, commitment)) for key in keys]
        found = [look for look in looks if look]
        if len(found) < len(keys) or len({look.slot for look in found}) > 1:
            return None
        earliest = asyncio.get_running_loop().time() - _RECENT_SECONDS
        if any(look.slot < self.seen or look.at < earliest for look in found):
            return None
        return [look.account for look in found]

    def forget(self) -> None:
        """Look at everything anew from now on: something is about to be decided, or was sent."""
        self._looks.clear()

    async def send(self, wire: bytes) -> None:
        """Hand a signed transaction to the node; whether it lands, its status shows."""
        self.forget()
        await self.ask(lambda: self.client.send_raw_transaction(wire, opts=_UNASKED))

    async def account(self, key: Pubkey) -> Account | None:
        """One account, as confirmed."""
        return (await self.accounts([key]))[0]

    async def lamports(self, key: Pubkey) -> int:
        """What an account holds, as confirmed."""
        account = await self.account(key)
        return account.lamports if account else 0

    async def rent(self, length: int) -> int:
        """The lamports that keep an account of `length` bytes, while this runs."""
        if length not in self._rents:
            answer = await self.ask(
                lambda: self.client.get_minimum_balance_for_rent_exemption(length)
            )
            self._rents[length] = answer.value
        return self._rents[length]

    async def now(self, commitment: Commitment = CONFIRMED) -> Now:
        """How far the chain is."""
        info = (await self.ask(lambda: self.client.get_epoch_info(commitment))).value
        return Now(slot=info.absolute_slot, height=info.block_height or 0)

    async def until_final(self, slot: int) -> None:
        """Wait until the slot is final: nothing can undo it any more."""
        while (await self.now(FINALIZED)).slot < slot:
            await self.pause(self.pace.poll, f"slot {slot} is not final yet")


def is_verdict(error: Exception) -> bool:
    """Whether the node says something about a transaction, which asking again does not change."""
    return (
        isinstance(error, RPCException)
        and bool(error.args)
        and isinstance(error.args[0], SendTransactionPreflightFailureMessage)
    )


def _described(error: Exception) -> str:
    """What went wrong, without the address that was asked: a key may be in it."""
    cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
    if isinstance(cause, httpx2.HTTPStatusError):
        return f"HTTP status {cause.response.status_code}"
    if cause is not None:
        return type(cause).__name__
    said = error.args[0] if error.args else error
    return str(getattr(said, "message", said))


def _retry_after(error: Exception) -> float | None:
    """How long a node that refuses for now says to wait, if it does: seconds, or until when."""
    cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
    if not isinstance(cause, httpx2.HTTPStatusError):
        return None
    headers = cause.response.headers
    text = headers.get("retry-after", "")
    with suppress(ValueError, TypeError):
        return max(0.0, float(text))
    with suppress(ValueError, TypeError):
        # By the node's own clock, where it says what that shows.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    return None


def sol(lamports: int) -> str:
    """`lamports` as people say it: exact, without trailing zeros."""
    whole, rest = divmod(abs(lamports), 10**9)
    decimals = f".{rest:09}".rstrip("0") if rest else ""
    return f"{'-' if lamports < 0 else ''}{whole:,}{decimals} SOL"
