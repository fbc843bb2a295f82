"""The upgradeable loader (v3): its instructions, the accounts it keeps, and where they lie.

An instruction's data is a little-endian u32 tag and then its fields, as bincode writes them.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import CreateAccountParams, create_account
from solders.sysvar import CLOCK, RENT

from scripts.exits import CommandError

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
BUFFER_HEADER = 37
PROGRAM_SIZE = 36
PROGRAM_DATA_HEADER = 45
LARGEST_ACCOUNT = 10 * 1024 * 1024
LARGEST_PROGRAM = LARGEST_ACCOUNT - PROGRAM_DATA_HEADER

_HAS_AUTHORITY = {0: False, 1: True}


class Tag(IntEnum):
    """What an instruction asks of the loader."""

    INITIALIZE_BUFFER = 0
    WRITE = 1
    DEPLOY = 2
    UPGRADE = 3
    SET_AUTHORITY = 4
    CLOSE = 5
    EXTEND = 6
    SET_AUTHORITY_CHECKED = 7
    EXTEND_CHECKED = 9


class State(IntEnum):
    """What an account of the loader is, by its first four bytes."""

    UNINITIALIZED = 0
    BUFFER = 1
    PROGRAM = 2
    PROGRAM_DATA = 3


class AccountStateError(CommandError):
    """An account that is not what was asked for."""


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A buffer account: who may write to it, and the bytes in it so far."""

    authority: Pubkey | None
    code: bytes


@dataclass(frozen=True, kw_only=True)
class ProgramData:
    """What a program runs: since which slot, who may upgrade it (none: final), and its bytes."""

    slot: int
    authority: Pubkey | None
    code: bytes


def program_data_address(program: Pubkey) -> Pubkey:
    """Where the loader keeps the bytes of `program`."""
    return Pubkey.find_program_address([bytes(program)], LOADER)[0]


def create_buffer(
    *, payer: Pubkey, buffer: Pubkey, authority: Pubkey, length: int, lamports: int
) -> list[Instruction]:
    """Make a buffer for `length` bytes of program, with `lamports` of rent; `buffer` signs."""
    return [
        _create(payer, buffer, lamports, BUFFER_HEADER + length),
        initialize_buffer(buffer, authority),
    ]


def create_program(  # noqa: PLR0913 - each is an account or a size of one instruction
    *,
    payer: Pubkey,
    program: Pubkey,
    buffer: Pubkey,
    authority: Pubkey,
    max_length: int,
    lamports: int,
) -> list[Instruction]:
    """Make the program account with `lamports` of rent and deploy `buffer`; `program` signs."""
    return [
        _create(payer, program, lamports, PROGRAM_SIZE),
        deploy(
            payer=payer,
            program=program,
            buffer=buffer,
            authority=authority,
            max_length=max_length,
        ),
    ]


def initialize_buffer(buffer: Pubkey, authority: Pubkey) -> Instruction:
    """Make an account of the loader a buffer that `authority` writes to."""
    return _instruction(Tag.INITIALIZE_BUFFER, b"", _writable(buffer), _read(authority))


def write(buffer: Pubkey, authority: Pubkey, offset: int, data: bytes) -> Instruction:
    """Put `data` into the buffer, `offset` bytes behind its header."""
    body = struct.pack("<IQ", offset, len(data)) + data
    return _instruction(Tag.WRITE, body, _writable(buffer), _read(authority, signs=True))


def deploy(
    *, payer: Pubkey, program: Pubkey, buffer: Pubkey, authority: Pubkey, max_length: int
) -> Instruction:
    """Make `program` run what the buffer holds, with room for `max_length` bytes."""
    return _instruction(
        Tag.DEPLOY,
        struct.pack("<Q", max_length),
        _writable(payer, signs=True),
        _writable(program_data_address(program)),
        _writable(program),
        _writable(buffer),
        _read(RENT),
        _read(CLOCK),
        _read(SYSTEM),
        _read(authority, signs=True),
    )


def upgrade(*, program: Pubkey, buffer: Pubkey, authority: Pubkey, spill: Pubkey) -> Instruction:
    """Make `program` run what the buffer holds; the buffer's lamports go to `spill`."""
    return _instruction(
        Tag.UPGRADE,
        b"",
        _writable(program_data_address(program)),
        _writable(program),
        _writable(buffer),
        _writable(spill),
        _read(RENT),
        _read(CLOCK),
        _read(authority, signs=True),
    )


def set_authority(account: Pubkey, current: Pubkey, new: Pubkey | None) -> Instruction:
    """Give a buffer or program data to `new`, who need not sign; None makes a program final."""
    successor = [_read(new)] if new else []
    return _instruction(
        Tag.SET_AUTHORITY, b"", _writable(account), _read(current, signs=True), *successor
    )


def set_authority_checked(account: Pubkey, current: Pubkey, new: Pubkey) -> Instruction:
    """Give a buffer or program data to `new`, who signs too: no key that nobody has."""
    return _instruction(
        Tag.SET_AUTHORITY_CHECKED,
        b"",
        _writable(account),
        _read(current, signs=True),
        _read(new, signs=True),
    )


def close_buffer(buffer: Pubkey, recipient: Pubkey, authority: Pubkey) -> Instruction:
    """Remove a buffer; its lamports go to `recipient`."""
    return _instruction(
        Tag.CLOSE, b"", _writable(buffer), _writable(recipient), _read(authority, signs=True)
    )


def close_program(program: Pubkey, recipient: Pubkey, authority: Pubkey) -> Instruction:
    """Remove a program for good: its id can never be used again."""
    return _instruction(
        Tag.CLOSE,
        b"",
        _writable(program_data_address(program)),
        _writable(recipient),
        _read(authority, signs=True),
        _writable(program),
    )


def extend(program: Pubkey, payer: Pubkey, additional: int) -> Instruction:
    """Give a program room for `additional` bytes more; anyone may pay for it."""
    return _instruction(
        Tag.EXTEND,
        struct.pack("<I", additional),
        _writable(program_data_address(program)),
        _writable(program),
        _read(SYSTEM),
        _writable(payer, signs=True),
    )


def extend_checked(
    program: Pubkey, payer: Pubkey | None, authority: Pubkey, additional: int
) -> Instruction:
    """The same where the loader wants the upgrade authority's signature.

    Without `payer` the rent has to lie in the program's data already.
    """
    paid = [_read(SYSTEM), _writable(payer, signs=True)] if payer else []
    return _instruction(
        Tag.EXTEND_CHECKED,
        struct.pack("<I", additional),
        _writable(program_data_address(program)),
        _writable(program),
        _read(authority, signs=True),
        *paid,
    )


def read_buffer(data: bytes) -> Buffer:
    """What a buffer account's `data` says; `AccountStateError` where it is none."""
    _expect(data, State.BUFFER, BUFFER_HEADER)
    return Buffer(authority=_authority(data, 4), code=data[BUFFER_HEADER:])


def read_program(data: bytes) -> Pubkey:
    """Where a program account's `data` says its bytes are."""
    _expect(data, State.PROGRAM, PROGRAM_SIZE)
    return Pubkey.from_bytes(data[4:PROGRAM_SIZE])


def read_program_data(data: bytes) -> ProgramData:
    """What a program data account's `data` says; `AccountStateError` where it is none."""
    _expect(data, State.PROGRAM_DATA, PROGRAM_DATA_HEADER)
    (slot,) = struct.unpack_from("<Q", data, 4)
    return ProgramData(slot=slot, authority=_authority(data, 12), code=data[PROGRAM_DATA_HEADER:])


def _expect(data: bytes, state: State, size: int) -> None:
    found = int.from_bytes(data[:4], "little")
    if len(data) < size or found != state:
        name = State(found).name if found in tuple(State) else f"of the unknown state {found}"
        raise AccountStateError(
            f"the account holds {len(data)} bytes and is {name.lower()}, not {state.name.lower()}"
        )


def _authority(data: bytes, at: int) -> Pubkey | None:
    if data[at] not in _HAS_AUTHORITY:
        raise AccountStateError(f"byte {at} says {data[at]}; 0 is no authority, 1 is one")
    return Pubkey.from_bytes(data[at + 1 : at + 33]) if _HAS_AUTHORITY[data[at]] else None


def _create(payer: Pubkey, account: Pubkey, lamports: int, space: int) -> Instruction:
    return create_account(
        CreateAccountParams(
            from_pubkey=payer, to_pubkey=account, lamports=lamports, space=space, owner=LOADER
        )
    )


def _instruction(tag: Tag, body: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(LOADER, struct.pack("<I", tag) + body, list(accounts))


def _writable(key: Pubkey, *, signs: bool = False) -> AccountMeta:
    return AccountMeta(key, is_signer=signs, is_writable=True)


def _read(key: Pubkey, *, signs: bool = False) -> AccountMeta:
    return AccountMeta(key, is_signer=signs, is_writable=False)
