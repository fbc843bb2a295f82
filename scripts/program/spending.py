"""What was paid, to the lamport, as the chain has it: not what was meant to be paid.

Each blockhash is noted in the journal before a transaction stands on it. So the journal alone tells
which of a wallet's transactions are a run's, whatever it did and wherever it was killed.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey
from solders.rpc.responses import RpcConfirmedTransactionStatusWithSignature
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import UiTransactionStatusMeta

from scripts.exits import CommandError
from scripts.program.node import CONFIRMED, Node
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.journal import Entry
from scripts.telling import tell

_PAGE: Final = 1000
_AT_ONCE: Final = 16
_TRIES: Final = 5
_SECONDS: Final = 90.0
"""How long adding up may take where no step of the run did: a large program has many writes."""


@dataclass(frozen=True)
class _Kept:
    """A transaction as the chain keeps it."""

    transaction: VersionedTransaction
    meta: UiTransactionStatusMeta

    @property
    def keys(self) -> list[Pubkey]:
        """The accounts that it names itself; who pays is the first."""
        return self.transaction.message.account_keys

    @property
    def blockhash(self) -> str:
        """What it stands on."""
        return str(self.transaction.message.recent_blockhash)

    def lost(self, wallets: Collection[Pubkey]) -> int:
        """What `wallets` have less by, the fee included; negative if more came back."""
        # Behind its own keys stand those of lookup tables, which nobody pays from.
        balances = zip(self.keys, self.meta.pre_balances, self.meta.post_balances, strict=False)
        return sum(before - after for key, before, after in balances if key in wallets)


def costs(world: World, entries: Sequence[Entry], run: str) -> dict[str, int]:
    """What `run` cost, however it ended: as its last step added it up, or as the chain has it now.

    Nothing where no node can tell in time.
    """
    own = [entry for entry in entries if entry.run == run]
    done = [entry.data for entry in own if entry.kind == "step.done"]
    sums = [data for data in done if "fees_lamports" in data]
    notes = [entry.data for entry in own if entry.kind == "step.note"]
    landed = [Signature.from_string(str(data["signature"])) for data in done if "signature" in data]
    try:
        is_added_up = sums and own[-1].kind == "run.done"
        found = sums[-1] if is_added_up else world.wait(spent(world, notes, landed), _SECONDS)
    except CommandError as error:
        tell(f"  what was paid could not be added up: {error}")
        return {}
    return {name: value for name, value in found.items() if isinstance(value, int)}


async def spent(
    world: World, notes: Sequence[Mapping[str, Json]], landed: Iterable[Signature] = ()
) -> dict[str, Json]:
    """What a run's wallets paid, in the transactions on each blockhash among its `notes`.

    Those that `landed` are among them, even where the node does not list them yet. Where a
    product's own commands pay, all count that the wallets paid for since the run began.
    """
    hashes = {str(note["blockhash"]) for note in notes if "blockhash" in note}
    slots = [slot for note in notes if isinstance(slot := note.get("slot"), int)]
    signatures = dict.fromkeys(landed)
    if slots and (hashes or world.product_pays):
        for wallet in world.wallets if world.product_pays else [world.payer.pubkey()]:
            signatures |= dict.fromkeys(await _signatures(world.node, wallet, min(slots)))
    found = await _transactions(world.node, signatures)
    own = [
        one
        for one in found
        if one and one.keys[0] in world.wallets and (world.product_pays or one.blockhash in hashes)
    ]
    moved = [one.lost(world.wallets) - one.meta.fee for one in own]
    facts: dict[str, Json] = {
        "transactions": len(own),
        "fees_lamports": sum(one.meta.fee for one in own),
        "rent_paid_lamports": sum(max(each, 0) for each in moved),
        "rent_returned_lamports": sum(max(-each, 0) for each in moved),
    }
    # A node without a history: what is added up is not all.
    unknown = found.count(None)
    return {**facts, **({"transactions_unknown": unknown} if unknown else {})}


async def written(node: Node, signer: Pubkey, *, since: int) -> set[Pubkey]:
    """The accounts that transactions with `signer` could write to, of slots behind `since`."""
    found = await _transactions(node, await _signatures(node, signer, since))
    return {key for one in found if one and one.meta.err is None for key in _writable(one)}


def _writable(found: _Kept) -> list[Pubkey]:
    """The accounts that a transaction could write to, those of lookup tables, too."""
    keys, header = found.keys, found.transaction.message.header
    signed, ends = header.num_required_signatures, len(keys) - header.num_readonly_unsigned_accounts
    own = [*keys[: signed - header.num_readonly_signed_accounts], *keys[signed:ends]]
    loaded = found.meta.loaded_addresses
    return [*own, *(loaded.writable if loaded else [])]


async def _signatures(node: Node, account: Pubkey, since: int) -> list[Signature]:
    """The transactions that name `account`, of slots behind `since`."""
    found: list[Signature] = []
    before: Signature | None = None
    while True:
        page = await _page(node, account, before)
        found += [one.signature for one in page if one.slot > since]
        if len(page) < _PAGE or page[-1].slot < since:
            return found
        before = page[-1].signature


async def _page(
    node: Node, account: Pubkey, before: Signature | None
) -> list[RpcConfirmedTransactionStatusWithSignature]:
    answer = await node.ask(
        lambda: node.client.get_signatures_for_address(account, before, None, _PAGE, CONFIRMED)
    )
    return answer.value


async def _transactions(node: Node, signatures: Iterable[Signature]) -> list[_Kept | None]:
    """The transactions as the chain keeps them; None for one that the node does not know."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def kept(signature: Signature) -> _Kept | None:
        async with room:
            return await _transaction(node, signature)

    return await asyncio.gather(*map(kept, signatures))


async def _transaction(node: Node, signature: Signature) -> _Kept | None:
    for _ in range(_TRIES):
        answer = await node.ask(
            lambda: node.client.get_transaction(
                signature, "base64", CONFIRMED, max_supported_transaction_version=0
            )
        )
        if answer.value is not None:
            encoded = answer.value.transaction
            if encoded.meta is None or not isinstance(encoded.transaction, VersionedTransaction):
                return None
            return _Kept(encoded.transaction, encoded.meta)
        await node.pause(node.pace.poll, f"the node does not know {signature}")
    return None
