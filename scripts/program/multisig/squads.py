"""Squads v4: its accounts, where they lie, and its instructions.

The program is Anchor's: an account or an instruction begins with eight bytes of the hash of its
name. Source: the program's public IDL, which the tests hold every byte to.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from hashlib import sha256
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from scripts.program.multisig.message import Message, MessageError, Reader, decode, encode

SQUADS: Final = Pubkey.from_string("SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf")
_PREFIX: Final = b"multisig"
_TAG: Final = 8
_NO_MEMO: Final = b"\0"


class Permission(IntFlag):
    """What a member may do."""

    INITIATE = 1
    VOTE = 2
    EXECUTE = 4


class Status(IntEnum):
    """How far a proposal is, as the program numbers it."""

    DRAFT = 0
    ACTIVE = 1
    REJECTED = 2
    APPROVED = 3
    EXECUTING = 4
    EXECUTED = 5
    CANCELLED = 6


@dataclass(frozen=True, kw_only=True)
class Multisig:
    """Who decides, how many must agree, and how long everybody then waits.

    A transaction whose index is not above `stale_index` can no longer be voted on; approved before,
    it can still be executed.
    """

    threshold: int
    time_lock: int
    """Seconds between approval and execution, for every transaction."""
    transaction_index: int
    """Of the newest transaction."""
    stale_index: int
    config_authority: Pubkey | None
    """Who may change members and threshold without a vote; none where only votes do."""
    members: dict[Pubkey, Permission]

    def who(self, permission: Permission) -> list[Pubkey]:
        """The members that may do so."""
        return [key for key, own in self.members.items() if permission in own]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What the members said of a transaction; `since` is the Unix time of its status."""

    index: int
    status: Status
    since: int
    approved: tuple[Pubkey, ...]
    rejected: tuple[Pubkey, ...]
    cancelled: tuple[Pubkey, ...]

    def executable_at(self, multisig: Multisig) -> int | None:
        """The Unix time from which it can be executed; none where it is not approved."""
        return self.since + multisig.time_lock if self.status is Status.APPROVED else None


@dataclass(frozen=True, kw_only=True)
class VaultTransaction:
    """What a vault does when the proposal with the same index is executed."""

    multisig: Pubkey
    creator: Pubkey
    index: int
    vault_index: int
    message: Message


def vault_address(multisig: Pubkey, index: int = 0) -> Pubkey:
    """The vault: what owns programs and pays, once members agree."""
    return _address(bytes(multisig), b"vault", bytes([index]))


def transaction_address(multisig: Pubkey, index: int) -> Pubkey:
    """Where the transaction with this index lies."""
    return _address(bytes(multisig), b"transaction", struct.pack("<Q", index))


def proposal_address(multisig: Pubkey, index: int) -> Pubkey:
    """Where the proposal of the transaction with this index lies."""
    return _address(bytes(multisig), b"transaction", struct.pack("<Q", index), b"proposal")


def transaction_space(message: Message) -> int:
    """How many bytes the account of a transaction with `message` has."""
    # It keeps four bytes of length where the message that was sent has one, or two before data.
    wider = 3 + 3 + 5 * len(message.instructions) + 3
    return _TAG + 2 * Pubkey.LENGTH + struct.calcsize("<QBBBI") + len(encode(message)) + wider


def proposal_space(members: int) -> int:
    """How many bytes the account of a proposal has: room for every member to say each thing."""
    lists = 3 * (struct.calcsize("<I") + members * Pubkey.LENGTH)
    return _TAG + Pubkey.LENGTH + struct.calcsize("<QBqB") + lists


def create_transaction(
    *, multisig: Pubkey, index: int, creator: Pubkey, message: Message, vault_index: int = 0
) -> Instruction:
    """Write down what the vault is to do; `index` is one more than the newest transaction's.

    `creator` signs and pays the rent.
    """
    text = encode(message)
    body = struct.pack("<BBI", vault_index, 0, len(text)) + text + _NO_MEMO
    return _instruction(
        "vault_transaction_create",
        body,
        AccountMeta(multisig, is_signer=False, is_writable=True),
        AccountMeta(transaction_address(multisig, index), is_signer=False, is_writable=True),
        *_pays(creator),
    )


def create_proposal(*, multisig: Pubkey, index: int, creator: Pubkey) -> Instruction:
    """Ask the members about the transaction; voting begins at once."""
    return _instruction(
        "proposal_create",
        struct.pack("<Q?", index, False),  # noqa: FBT003 - no draft, in the order of the struct
        AccountMeta(multisig, is_signer=False, is_writable=False),
        AccountMeta(proposal_address(multisig, index), is_signer=False, is_writable=True),
        *_pays(creator),
    )


def approve(*, multisig: Pubkey, index: int, member: Pubkey) -> Instruction:
    """Agree; the last of `threshold` members starts the time lock."""
    return _vote("proposal_approve", multisig, index, member)


def reject(*, multisig: Pubkey, index: int, member: Pubkey) -> Instruction:
    """Refuse a proposal that is being voted on."""
    return _vote("proposal_reject", multisig, index, member)


def cancel(*, multisig: Pubkey, index: int, member: Pubkey) -> Instruction:
    """Take back an approved proposal, stale ones too; `threshold` members have to."""
    return _vote("proposal_cancel", multisig, index, member)


def execute(*, multisig: Pubkey, index: int, member: Pubkey, message: Message) -> Instruction:
    """Do what the members agreed on, once the time lock is over."""
    return _instruction(
        "vault_transaction_execute",
        b"",
        AccountMeta(multisig, is_signer=False, is_writable=False),
        AccountMeta(proposal_address(multisig, index), is_signer=False, is_writable=True),
        AccountMeta(transaction_address(multisig, index), is_signer=False, is_writable=False),
        AccountMeta(member, is_signer=True, is_writable=False),
        *message.metas(),
    )


def parse_multisig(data: bytes) -> Multisig:
    """The multisig in an account of Squads; `MessageError` where there is none."""
    reader = _reader(data, "Multisig")
    reader.key()  # it was created with
    authority = reader.key()
    threshold, time_lock, newest, stale, collected = reader.take("<HIQQB")
    if collected:
        reader.key()
    reader.take("<B")
    members: dict[Pubkey, Permission] = {}
    (count,) = reader.take("<I")
    for _ in range(count):
        key = reader.key()
        (mask,) = reader.take("<B")
        members[key] = Permission(mask)
    return Multisig(
        threshold=threshold,
        time_lock=time_lock,
        transaction_index=newest,
        stale_index=stale,
        config_authority=None if authority == Pubkey.default() else authority,
        members=members,
    )


def parse_proposal(data: bytes) -> Proposal:
    """The proposal in an account of Squads; `MessageError` where there is none."""
    reader = _reader(data, "Proposal")
    reader.key()
    index, number = reader.take("<QB")
    try:
        status = Status(number)
    except ValueError:
        raise MessageError(f"a proposal has status {number}, which nobody knows") from None
    since = 0 if status is Status.EXECUTING else reader.take("<q")[0]
    reader.take("<B")
    return Proposal(
        index=index,
        status=status,
        since=since,
        approved=reader.keys(),
        rejected=reader.keys(),
        cancelled=reader.keys(),
    )


def parse_transaction(data: bytes) -> VaultTransaction:
    """The vault transaction in an account of Squads; `MessageError` where there is none."""
    reader = _reader(data, "VaultTransaction")
    multisig, creator = reader.key(), reader.key()
    index, _bump, vault_index, _vault_bump = reader.take("<QBBB")
    reader.octets()  # of signers that the program makes up
    return VaultTransaction(
        multisig=multisig,
        creator=creator,
        index=index,
        vault_index=vault_index,
        message=decode(reader.rest),
    )


def tag(kind: str, name: str) -> bytes:
    """The eight bytes that Anchor begins the account or the instruction `name` with."""
    return sha256(f"{kind}:{name}".encode()).digest()[:_TAG]


def _reader(data: bytes, name: str) -> Reader:
    if data[:_TAG] != tag("account", name):
        raise MessageError(f"the account is no {name} of Squads v4")
    return Reader(data[_TAG:])


def _address(*seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address([_PREFIX, *seeds], SQUADS)[0]


def _pays(creator: Pubkey) -> list[AccountMeta]:
    """The creator, who is also who pays the rent."""
    return [
        AccountMeta(creator, is_signer=True, is_writable=False),
        AccountMeta(creator, is_signer=True, is_writable=True),
        AccountMeta(SYSTEM, is_signer=False, is_writable=False),
    ]


def _vote(name: str, multisig: Pubkey, index: int, member: Pubkey) -> Instruction:
    return _instruction(
        name,
        _NO_MEMO,
        AccountMeta(multisig, is_signer=False, is_writable=False),
        AccountMeta(member, is_signer=True, is_writable=True),
        AccountMeta(proposal_address(multisig, index), is_signer=False, is_writable=True),
    )


def _instruction(name: str, body: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(SQUADS, tag("global", name) + body, list(accounts))
