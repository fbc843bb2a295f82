"""What was paid, to the lamport, as the chain has it: not what was meant to be paid."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey
from solders.rpc.responses import RpcConfirmedTransactionStatusWithSignature
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import EncodedConfirmedTransactionWithStatusMeta

from scripts.program.node import CONFIRMED, Node
from scripts.runs.canonical import Json

_PAGE: Final = 1000
_AT_ONCE: Final = 16
_TRIES: Final = 5


@dataclass(frozen=True)
class _Payment:
    fee: int
    moved: int
    """What the payer has less by, without the fee; negative if it came back."""


async def spent(
    node: Node, payer: Pubkey, accounts: Sequence[Pubkey], *, since: int
) -> dict[str, Json]:
    """What `payer` paid in all transactions with one of `accounts`, from the slot `since` on."""
    signatures: dict[Signature, None] = {}
    for account in accounts:
        signatures |= dict.fromkeys(await _signatures(node, account, since))
    room = asyncio.Semaphore(_AT_ONCE)

    async def payment(signature: Signature) -> _Payment | None:
        async with room:
            return await _payment(node, payer, signature)

    found = await asyncio.gather(*(payment(signature) for signature in signatures))
    payments = [one for one in found if one]
    moved = sum(one.moved for one in payments)
    facts: dict[str, Json] = {
        "transactions": len(payments),
        "fees_lamports": sum(one.fee for one in payments),
        "rent_paid_lamports": max(moved, 0),
        "rent_returned_lamports": max(-moved, 0),
    }
    if len(found) > len(payments):
        # A node without a history: what is added up is not all.
        facts["transactions_unknown"] = len(found) - len(payments)
    return facts


async def _signatures(node: Node, account: Pubkey, since: int) -> list[Signature]:
    found: list[Signature] = []
    before: Signature | None = None
    while True:
        page = await _page(node, account, before)
        found += [one.signature for one in page if one.slot >= since]
        if len(page) < _PAGE or page[-1].slot < since:
            return found
        before = page[-1].signature


async def written(node: Node, signer: Pubkey, *, since: int) -> set[Pubkey]:
    """The accounts that transactions with `signer` could write to, from the slot `since` on."""
    found: set[Pubkey] = set()
    for signature in await _signatures(node, signer, since):
        answer = await node.ask(
            lambda signature=signature: node.client.get_transaction(
                signature, "base64", CONFIRMED, max_supported_transaction_version=0
            )
        )
        if answer.value is not None:
            found.update(_writable(answer.value))
    return found


def _writable(found: EncodedConfirmedTransactionWithStatusMeta) -> list[Pubkey]:
    """The accounts that a transaction could write to, those of lookup tables, too."""
    encoded = found.transaction
    if not isinstance(encoded.transaction, VersionedTransaction):
        return []
    if encoded.meta and encoded.meta.err is not None:
        return []
    message = encoded.transaction.message
    keys, header = message.account_keys, message.header
    signed, ends = header.num_required_signatures, len(keys) - header.num_readonly_unsigned_accounts
    own = [*keys[: signed - header.num_readonly_signed_accounts], *keys[signed:ends]]
    loaded = encoded.meta.loaded_addresses if encoded.meta else None
    return [*own, *(loaded.writable if loaded else [])]


async def _page(
    node: Node, account: Pubkey, before: Signature | None
) -> list[RpcConfirmedTransactionStatusWithSignature]:
    answer = await node.ask(
        lambda: node.client.get_signatures_for_address(account, before, None, _PAGE, CONFIRMED)
    )
    return answer.value


async def _payment(node: Node, payer: Pubkey, signature: Signature) -> _Payment | None:
    """What `payer` paid in the transaction; nothing where somebody else did."""
    for _ in range(_TRIES):
        answer = await node.ask(
            lambda: node.client.get_transaction(
                signature, "base64", CONFIRMED, max_supported_transaction_version=0
            )
        )
        if answer.value is not None:
            return _read(answer.value, payer)
        await node.pause(node.pace.poll, f"the node does not know {signature}")
    return None


def _read(found: EncodedConfirmedTransactionWithStatusMeta, payer: Pubkey) -> _Payment:
    encoded = found.transaction
    meta, transaction = encoded.meta, encoded.transaction
    if meta is None or not isinstance(transaction, VersionedTransaction):
        return _Payment(0, 0)
    if transaction.message.account_keys[0] != payer:
        return _Payment(0, 0)
    lost = meta.pre_balances[0] - meta.post_balances[0]
    return _Payment(fee=meta.fee, moved=lost - meta.fee)
