"""The multisig that owns a program: what its members decided, read from the chain."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey
from solders.sysvar import CLOCK

from scripts.exits import CommandError, ExitCode
from scripts.program.keys import Signer
from scripts.program.multisig.message import Message, MessageError
from scripts.program.multisig.squads import (
    SQUADS,
    Multisig,
    Permission,
    Proposal,
    Status,
    VaultTransaction,
    parse_multisig,
    parse_proposal,
    parse_transaction,
    proposal_address,
    transaction_address,
    vault_address,
)
from scripts.program.node import Node

_LOOKED_AT: Final = 50
"""How many transactions are read at once, with what was said: a node answers for 100 accounts."""
_SEARCHED: Final = 2_000
"""How many of the newest transactions are searched, so that a busy treasury hides no way back."""
_UNIX_TIME: Final = slice(32, 40)
_ALIVE: Final = frozenset({Status.ACTIVE, Status.APPROVED})


class SquadError(CommandError):
    """A multisig that cannot decide about the program, or a member that cannot take part."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Squad:
    """A multisig, the vault of it that owns the program, and the member who acts here."""

    multisig: Pubkey
    vault_index: int = 0
    member: Signer
    rules: Multisig | None = None
    """Who decides and how long all wait, as of when the command was typed: to tell people."""
    known: dict[int, Message | None] = field(default_factory=dict, compare=False, repr=False)
    """What older transactions do, which never changes, by their numbers, once they were read."""

    @property
    def vault(self) -> Pubkey:
        """What owns the program."""
        return vault_address(self.multisig, self.vault_index)

    @property
    def time_lock(self) -> int:
        """How many seconds whatever it decides waits for."""
        return self.rules.time_lock if self.rules else 0

    @property
    def key(self) -> Pubkey:
        """The member's address."""
        return self.member.pubkey()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A transaction that was put to the members, and what they said."""

    message: Message
    proposal: Proposal

    @property
    def is_alive(self) -> bool:
        """Whether it may still come to something."""
        return self.proposal.status in _ALIVE


async def chain_time(node: Node) -> int:
    """The Unix time by which the program reckons a time lock: the chain's own."""
    account = await node.account(CLOCK)
    if account is None:
        raise SquadError("the node does not show the chain's clock: ask another")
    return int.from_bytes(bytes(account.data)[_UNIX_TIME], "little", signed=True)


async def read_multisig(node: Node, squad: Squad) -> Multisig:
    """Who decides; `SquadError` where the address holds no multisig of Squads v4."""
    account = await node.account(squad.multisig)
    if account is None or account.owner != SQUADS:
        raise SquadError(
            f"{squad.multisig} is no multisig of Squads v4 on this cluster: --multisig takes the"
            " address of the multisig, not of its vault"
        )
    try:
        return parse_multisig(bytes(account.data))
    except MessageError as error:
        raise SquadError(f"{squad.multisig}: {error}") from None


def refuse_member(squad: Squad, multisig: Multisig, permission: Permission) -> None:
    """Refuse a member who may not do what the command needs."""
    own = multisig.members.get(squad.key)
    if own is None:
        raise SquadError(
            f"{squad.key} is no member of {squad.multisig}: give a member's key with --member"
        )
    if permission not in own:
        raise SquadError(
            f"{squad.key} may not {str(permission.name).lower()} in {squad.multisig}: give the key"
            f" of one who may: {', '.join(map(str, multisig.who(permission))) or 'nobody may'}"
        )


async def search(
    node: Node, squad: Squad, wanted: Callable[[Message], bool]
) -> AsyncIterator[Asked]:
    """Whatever was put to the members that is `wanted`, the newest first."""
    multisig = await read_multisig(node, squad)
    for one in await newest(node, squad, multisig):
        if wanted(one.message):
            yield one
    older = await _older(node, squad, multisig.transaction_index - _LOOKED_AT)
    matching = [index for index, message in older.items() if message and wanted(message)]
    for page in _pages(matching, _LOOKED_AT):
        for one in await _asked(node, squad, page):
            yield one


async def _older(node: Node, squad: Squad, last: int) -> dict[int, Message | None]:
    """What the transactions up to the `last` do, the newest first; each is read once."""
    indexes = range(last, max(0, last - _SEARCHED), -1)
    for page in _pages([one for one in indexes if one not in squad.known], 2 * _LOOKED_AT):
        addresses = [transaction_address(squad.multisig, index) for index in page]
        for index, account in zip(page, await node.accounts(addresses), strict=True):
            found = _transaction(account, squad)
            squad.known[index] = found.message if found else None
    return {index: squad.known[index] for index in indexes}


def _pages(indexes: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indexes[at : at + size] for at in range(0, len(indexes), size)]


async def newest(node: Node, squad: Squad, multisig: Multisig) -> list[Asked]:
    """The newest transactions that were put to the members, the newest first."""
    return await _asked(node, squad, _newest(multisig))


def _newest(multisig: Multisig) -> list[int]:
    last = multisig.transaction_index
    return list(range(last, max(0, last - _LOOKED_AT), -1))


async def asked(node: Node, squad: Squad, index: int) -> Asked:
    """The transaction with that index; `SquadError` where nobody was asked."""
    found = await _asked(node, squad, [index])
    if not found:
        raise SquadError(f"{squad.multisig} has no proposal {index}")
    return found[0]


async def unasked(node: Node, squad: Squad, message: Message) -> int | None:
    """The newest transaction that does just this and has no proposal yet."""
    multisig = await read_multisig(node, squad)
    indexes = [index for index in _newest(multisig) if index > multisig.stale_index]
    for index, (transaction, proposal) in zip(
        indexes, await _pairs(node, squad, indexes), strict=True
    ):
        written = _transaction(transaction, squad)
        if proposal is None and written and written.message == message:
            return index
    return None


async def find(node: Node, squad: Squad, message: Message) -> Asked | None:
    """The newest transaction that does just this, and was not refused or taken back."""
    multisig = await read_multisig(node, squad)
    async for one in search(node, squad, message.__eq__):
        done = one.proposal.status is Status.EXECUTED
        stale = one.proposal.index <= multisig.stale_index
        open_ = one.proposal.status is Status.ACTIVE and not stale
        if done or open_ or one.proposal.status is Status.APPROVED:
            return one
    return None


async def _asked(node: Node, squad: Squad, indexes: Sequence[int]) -> list[Asked]:
    pairs = await _pairs(node, squad, indexes)
    return [one for pair in pairs if (one := _read(*pair, squad))]


async def _pairs(
    node: Node, squad: Squad, indexes: Sequence[int]
) -> list[tuple[Account | None, Account | None]]:
    """The accounts of each transaction and its proposal."""
    addresses = [
        address
        for index in indexes
        for address in (
            transaction_address(squad.multisig, index),
            proposal_address(squad.multisig, index),
        )
    ]
    accounts = await node.accounts(addresses) if addresses else []
    return list(zip(accounts[::2], accounts[1::2], strict=True))


def _read(transaction: Account | None, proposal: Account | None, squad: Squad) -> Asked | None:
    """Both accounts as one; None for a batch, a change of members, or what was never proposed."""
    found = _transaction(transaction, squad)
    if found is None or proposal is None:
        return None
    try:
        return Asked(message=found.message, proposal=parse_proposal(bytes(proposal.data)))
    except MessageError:
        return None


def _transaction(account: Account | None, squad: Squad) -> VaultTransaction | None:
    """What the vault is to do; None where the account holds something else."""
    if account is None:
        return None
    try:
        found = parse_transaction(bytes(account.data))
    except MessageError:
        return None
    return found if found.vault_index == squad.vault_index else None
