"""Sending a transaction until it has landed, so that no kill and no bad link pays for it twice.

What a transaction stands on (a blockhash, a fee) is journaled before the first send. Whoever
resumes signs the same transaction again, as long as it can land: the same bytes land once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from solders.commitment_config import CommitmentConfig, CommitmentLevel
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey
from solders.rpc.responses import RpcSimulateTransactionResult
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionErrorFieldless, TransactionStatus

from scripts.program.keys import Signer
from scripts.program.node import CONFIRMED, Node, Now
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, StepFailedError

UNITS: Final = 4_000
"""The compute units that a transaction asks for: the loader and the system program use 2,970."""
SIGNATURE_FEE: Final = 5_000
_MICRO: Final = 10**6
_FIRST_PRICE: Final = 1_000
"""What is offered where nothing was and a blockhash went by, in millionths of a lamport."""
_PERCENTILE: Final = 0.75
_CONFIRMED: Final = CommitmentConfig(CommitmentLevel.Confirmed)

_POOR: Final = (
    TransactionErrorFieldless.AccountNotFound,
    TransactionErrorFieldless.InsufficientFundsForFee,
)
"""How the chain refuses a transaction that its payer cannot pay for."""


class RefusedError(StepFailedError):
    """The chain refuses a transaction, now and later."""


@dataclass(frozen=True, kw_only=True)
class Footing:
    """What a transaction stands on: it lands on this blockhash for this price, or never."""

    blockhash: Hash
    last_valid: int
    """The last block height at which it can land."""
    price: int
    """Of a compute unit, in millionths of a lamport."""
    units: int = UNITS
    """How many it asks for, where it offers something for them."""

    @classmethod
    def recalled(cls, note: Mapping[str, Json] | None, units: int = UNITS) -> Self | None:
        """The one that was noted before a kill."""
        match note:
            case {"blockhash": str(text), "last_valid": int(last_valid), "price": int(price)}:
                hash_ = Hash.from_string(text)
                return cls(blockhash=hash_, last_valid=last_valid, price=price, units=units)
            case _:
                return None

    def note(self) -> dict[str, Json]:
        """What the journal keeps of it."""
        return {
            "blockhash": str(self.blockhash),
            "last_valid": self.last_valid,
            "price": self.price,
        }

    @property
    def fees(self) -> list[Instruction]:
        """The instructions that offer the price; none where nothing is offered."""
        if not self.price:
            return []
        return [set_compute_unit_limit(self.units), set_compute_unit_price(self.price)]

    def fee(self, signatures: int) -> int:
        """What a transaction with so many signatures costs."""
        return SIGNATURE_FEE * signatures + priority_fee(self.price, self.units)

    def is_gone(self, now: Now) -> bool:
        """Whether nothing can land on it any more."""
        return now.height > self.last_valid


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A transaction that is confirmed."""

    signature: Signature
    slot: int
    fee: int

    def facts(self) -> dict[str, Json]:
        """What the journal keeps of it."""
        return {"signature": str(self.signature), "slot": self.slot, "fee_lamports": self.fee}


Build = Callable[[], Awaitable[Sequence[Instruction] | None]]
"""Looks at the world and says what is to be done in it; None where nothing is left to do."""


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who pays, over which node, and how much for haste at the most."""

    node: Node
    payer: Signer
    ceiling: int
    """The highest price of a compute unit, in millionths of a lamport."""

    async def footing(
        self, writes: Sequence[Pubkey], after: Footing | None = None, units: int = UNITS
    ) -> Footing:
        """A fresh blockhash at the price of the day; higher than the one `after` which it comes."""
        latest, answer = await asyncio.gather(
            self.node.ask_newest(lambda: self.node.client.get_latest_blockhash(CONFIRMED)),
            self.node.ask(lambda: self.node.client.get_recent_prioritization_fees(list(writes))),
        )
        paid = sorted(sample.prioritization_fee for sample in answer.value)
        price = paid[int(len(paid) * _PERCENTILE)] if paid else 0
        if after:
            price = max(price, after.price * 2, _FIRST_PRICE)
        return Footing(
            blockhash=latest.value.blockhash,
            last_valid=latest.value.last_valid_block_height,
            price=min(price, self.ceiling),
            units=units,
        )

    def sign(
        self, instructions: Sequence[Instruction], footing: Footing, signers: Sequence[Signer]
    ) -> VersionedTransaction:
        """The transaction: the same bytes whenever it is made from the same."""
        message = Message.new_with_blockhash(
            [*footing.fees, *instructions], self.payer.pubkey(), footing.blockhash
        )
        return VersionedTransaction(message, list(distinct(self.payer, *signers)))

    async def send(
        self,
        build: Build,
        *,
        writes: Sequence[Pubkey],
        signers: Sequence[Signer] = (),
        acting: Acting,
        units: int = UNITS,
    ) -> Landed | None:
        """Do what `build` says, signed anew whenever a blockhash is gone, until it has landed.

        `build` is asked anew each time. None: it found nothing to do, an earlier try has landed.
        What an earlier process landed and somebody has undone since is done again.
        """
        footing = Footing.recalled(acting.noted(acting.step), units)
        recalled = footing is not None
        while True:
            gone = footing is None or footing.is_gone(await self.node.now())
            self.node.forget()
            if (instructions := await build()) is None:
                return None
            if footing is None or gone:
                # Its block comes after what `build` saw: on another fork the hash is unknown.
                footing, recalled = await self.footing(writes, footing, units), False
                acting.note(footing.note())
            transaction = self.sign(instructions, footing, signers)
            if landed := await self._follow(transaction, footing, acting, recalled=recalled):
                if not recalled or await build() != instructions:
                    return landed
                footing = None

    async def _follow(
        self, transaction: VersionedTransaction, footing: Footing, acting: Acting, *, recalled: bool
    ) -> Landed | None:
        """Send until it is confirmed or can land no more; `recalled`: it may have landed before."""
        node, signature = self.node, transaction.signatures[0]
        began, _ = await asyncio.gather(node.now(), self._rehearse(transaction, footing))
        now, slot, due = began, began.slot, 0
        look = recalled
        while True:
            # Heights rise no faster than slots: before so many have passed nothing can be gone.
            if slot - began.slot > footing.last_valid - began.height:
                # Asked before the status: what has not landed by then never will.
                now = await node.now()
            status = None
            if look:
                status, slot = await self._status(signature, slot)
            if status and status.err is not None:
                raise RefusedError(f"it failed on chain ({signature}): {status.err}")
            if status and status.satisfies_commitment(_CONFIRMED):
                node.seen = max(node.seen, status.slot)
                fee = footing.fee(len(transaction.signatures))
                return Landed(signature=signature, slot=status.slot, fee=fee)
            if footing.is_gone(now):
                node.seen = max(node.seen, now.slot)
                return None
            if status is None and slot >= due:
                acting.check()
                await node.send(bytes(transaction))
                due = slot + node.pace.patience
            look = True
            await node.pause(node.pace.poll / 2, f"{signature} has not landed")

    async def _status(
        self, signature: Signature, slot: int
    ) -> tuple[TransactionStatus | None, int]:
        """How far it is, and the newest slot, `slot` or later."""
        answer = await self.node.ask(lambda: self.node.client.get_signature_statuses([signature]))
        return answer.value[0], max(slot, answer.context.slot)

    async def _rehearse(self, transaction: VersionedTransaction, footing: Footing) -> None:
        """See that the chain would take it, before anything is paid for it."""
        node = self.node
        while True:
            result = (
                await node.ask(
                    lambda: node.client.simulate_transaction(
                        transaction,
                        sig_verify=True,
                        commitment=CONFIRMED,
                        min_context_slot=node.seen or None,
                    )
                )
            ).value
            if result.err is None or result.err == TransactionErrorFieldless.AlreadyProcessed:
                return
            if result.err in _POOR:
                raise RefusedError(f"{self.payer.pubkey()} has too little to pay for it: fund it")
            if result.err != TransactionErrorFieldless.BlockhashNotFound:
                raise RefusedError(f"the chain refuses it: {refusal(result)}")
            if footing.is_gone(await node.now()):
                return
            await node.pause(node.pace.poll, "the node does not know the newest blockhash yet")


def refusal(result: RpcSimulateTransactionResult) -> str:
    """Why a simulation failed: the error, and the last that the programs said."""
    told = [line for line in result.logs or [] if not line.startswith("Program ")]
    return f"{result.err}{f' ({told[-1]})' if told else ''}"


def priority_fee(price: int, units: int = UNITS) -> int:
    """What a transaction costs beside its signatures, in lamports."""
    return -(-price * units // _MICRO)


def distinct(*keys: Signer) -> tuple[Signer, ...]:
    """Each key once, in order: who signs a transaction."""
    return tuple({key.pubkey(): key for key in keys}.values())
