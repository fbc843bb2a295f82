"""What a transaction says: its accounts, its price, the hash that it stands on."""

from collections.abc import Callable
from dataclasses import dataclass

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTable
from solders.hash import Hash
from solders.message import Message, MessageV0, MessageV1
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

LARGEST_TRANSACTION = 1232
SIGNATURE_FEE = 5000
_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
_SET_LIMIT, _SET_PRICE = 2, 3
_DEFAULT_UNITS, _MOST_UNITS = 200_000, 1_400_000
_MICRO = 1_000_000
_NONCE_HASH = slice(40, 72)

AnyMessage = Message | MessageV0 | MessageV1
Accounts = Callable[[Pubkey], Account | None]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The accounts of a transaction, in order: its own, then those from lookup tables."""

    own: tuple[Pubkey, ...]
    loaded_writable: tuple[Pubkey, ...]
    loaded_readonly: tuple[Pubkey, ...]
    writable: tuple[Pubkey, ...]

    @property
    def all(self) -> tuple[Pubkey, ...]:
        """Every one, as instructions count them."""
        return (*self.own, *self.loaded_writable, *self.loaded_readonly)


def keys_of(message: AnyMessage, account: Accounts) -> Keys:
    """The accounts of `message`; an address that its table does not hold is left out."""
    own, header = message.account_keys, message.header
    signers = header.num_required_signatures
    written = (
        *own[: signers - header.num_readonly_signed_accounts],
        *own[signers : len(own) - header.num_readonly_unsigned_accounts],
    )
    loaded_writable: list[Pubkey] = []
    loaded_readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups if isinstance(message, MessageV0) else ():
        found = account(lookup.account_key)
        table = AddressLookupTable.deserialize(found.data).addresses if found else []
        for into, indexes in (
            (loaded_writable, lookup.writable_indexes),
            (loaded_readonly, lookup.readonly_indexes),
        ):
            into += [table[index] for index in indexes if index < len(table)]
    return Keys(
        own=tuple(own),
        loaded_writable=tuple(loaded_writable),
        loaded_readonly=tuple(loaded_readonly),
        writable=(*written, *loaded_writable),
    )


def programs_of(message: AnyMessage) -> list[Pubkey]:
    """The program that each instruction calls."""
    return [message.account_keys[each.program_id_index] for each in message.instructions]


def price_of(message: AnyMessage) -> int:
    """What it offers for a compute unit, in millionths of a lamport."""
    return _budget(message, _SET_PRICE, 8) or 0


def fee_of(message: AnyMessage) -> int:
    """What it costs in lamports, whether it succeeds or not."""
    budget = sum(1 for program in programs_of(message) if program == _COMPUTE_BUDGET)
    units = _budget(message, _SET_LIMIT, 4)
    if units is None:
        units = _DEFAULT_UNITS * (len(message.instructions) - budget)
    priority = -(-price_of(message) * min(units, _MOST_UNITS) // _MICRO)
    return SIGNATURE_FEE * message.header.num_required_signatures + priority


def asks(message: AnyMessage) -> bytes:
    """What it asks for, without who asks, when and for what fee: the same in each attempt."""
    return b"".join(
        each.data
        for each, program in zip(message.instructions, programs_of(message), strict=True)
        if program != _COMPUTE_BUDGET
    )


def nonce_is_good(transaction: VersionedTransaction, account: Accounts) -> bool:
    """Whether it stands on a durable nonce that its account still holds."""
    if not transaction.uses_durable_nonce():
        return False
    message = transaction.message
    nonce = account(message.account_keys[message.instructions[0].accounts[0]])
    return nonce is not None and nonce.data[_NONCE_HASH] == bytes(message.recent_blockhash)


def id_of(transaction: VersionedTransaction) -> Signature:
    """What it is known by: its payer's signature."""
    return transaction.signatures[0]


def blockhash_of(transaction: VersionedTransaction) -> Hash:
    """The hash that it stands on."""
    return transaction.message.recent_blockhash


def _budget(message: AnyMessage, tag: int, length: int) -> int | None:
    for each, program in zip(message.instructions, programs_of(message), strict=True):
        if program == _COMPUTE_BUDGET and each.data[:1] == bytes([tag]):
            return int.from_bytes(each.data[1 : 1 + length], "little")
    return None
