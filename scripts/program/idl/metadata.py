"""The program-metadata program, which Anchor keeps IDLs in: its accounts and its instructions.

A buffer and a metadata account have a header of 96 bytes, and the data behind it. An instruction is
one byte and then its fields; an account that is left out is named by the program itself. Source:
the program's public instructions and generated client, which the tests hold every byte to.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import CreateAccountParams, create_account
from solders.sysvar import RENT

from scripts.exits import CommandError
from scripts.program.loader import program_data_address

METADATA: Final = Pubkey.from_string("ProgM6JCCvbYkfKqJYHePx4xxSUSqJp7rh8Lyv7nk7S")
SEED: Final = b"idl".ljust(16, b"\0")
HEADER: Final = 96
LARGEST_GROWTH: Final = 10_240
"""By how many bytes an account can grow in one instruction."""
_BUFFER: Final = struct.Struct("<B32s32sB16s14x")
_METADATA: Final = struct.Struct("<B32s32sBB16sBBBBI5x")


class MetadataError(CommandError):
    """An account that is not what was asked for."""


class Tag(IntEnum):
    """What an instruction asks of the program."""

    WRITE = 0
    INITIALIZE = 1
    SET_AUTHORITY = 2
    SET_DATA = 3
    SET_IMMUTABLE = 4
    TRIM = 5
    CLOSE = 6
    ALLOCATE = 7
    EXTEND = 8


class Kind(IntEnum):
    """What an account of the program is, by its first byte."""

    EMPTY = 0
    BUFFER = 1
    METADATA = 2


class Encoding(IntEnum):
    """How text became bytes."""

    NONE = 0
    UTF8 = 1
    BASE58 = 2
    BASE64 = 3


class Compression(IntEnum):
    """What the bytes were made smaller with."""

    NONE = 0
    GZIP = 1
    ZLIB = 2


class Format(IntEnum):
    """What the text is."""

    NONE = 0
    JSON = 1
    YAML = 2
    TOML = 3


class Source(IntEnum):
    """Where the data lies: in the account, at an address of the web, in another account."""

    DIRECT = 0
    URL = 1
    EXTERNAL = 2


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A buffer: who may write to it, and the bytes in it so far."""

    authority: Pubkey | None
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a program says about itself under a seed."""

    program: Pubkey
    authority: Pubkey | None
    """Who may change it, beside the program's upgrade authority."""
    mutable: bool
    canonical: bool
    """Whether the program's upgrade authority made it, and not somebody else."""
    seed: bytes
    encoding: Encoding
    compression: Compression
    format: Format
    source: Source
    data: bytes


FORM: Final = bytes([Encoding.UTF8, Compression.ZLIB, Format.JSON, Source.DIRECT])
"""How an IDL is kept, as every client writes it."""


def metadata_address(program: Pubkey, seed: bytes = SEED) -> Pubkey:
    """Where the word of the program's upgrade authority lies."""
    return Pubkey.find_program_address([bytes(program), seed], METADATA)[0]


def create_buffer(
    *, payer: Pubkey, buffer: Pubkey, authority: Pubkey, length: int, lamports: int
) -> list[Instruction]:
    """Make a buffer for `length` bytes that `authority` writes to; `buffer` signs."""
    made = CreateAccountParams(
        from_pubkey=payer,
        to_pubkey=buffer,
        lamports=lamports,
        space=HEADER + length,
        owner=METADATA,
    )
    allocation = _instruction(
        Tag.ALLOCATE, b"", _writable(buffer), _signs(buffer), *[_read(METADATA)] * 2, _read(SYSTEM)
    )
    return [create_account(made), allocation, give_buffer(buffer, buffer, authority)]


def allocate(program: Pubkey, authority: Pubkey) -> Instruction:
    """Make the program's own address a buffer; it holds the rent already."""
    return _instruction(
        Tag.ALLOCATE,
        SEED,
        _writable(metadata_address(program)),
        _signs(authority),
        *_program(program),
        _read(SYSTEM),
    )


def write(buffer: Pubkey, authority: Pubkey, offset: int, data: bytes) -> Instruction:
    """Put `data` into the buffer, `offset` bytes behind its header."""
    body = struct.pack("<I", offset) + data
    return _instruction(Tag.WRITE, body, _writable(buffer), _signs(authority), _read(METADATA))


def copy(source: Pubkey, target: Pubkey, authority: Pubkey) -> Instruction:
    """Put what lies in the buffer `source` into the buffer `target`."""
    return _instruction(
        Tag.WRITE,
        struct.pack("<I", 0),
        _writable(target),
        _signs(authority),
        _read(source),
    )


def initialize(program: Pubkey, authority: Pubkey) -> Instruction:
    """Make the buffer at the program's own address its IDL."""
    return _instruction(
        Tag.INITIALIZE,
        SEED + FORM,
        _writable(metadata_address(program)),
        _signs(authority),
        *_program(program),
        _read(METADATA),
    )


def set_data(program: Pubkey, authority: Pubkey, buffer: Pubkey) -> Instruction:
    """Make what lies in `buffer` the program's IDL."""
    return _instruction(
        Tag.SET_DATA,
        FORM,
        _writable(metadata_address(program)),
        _signs(authority),
        _writable(buffer),
        *_program(program),
    )


def extend(program: Pubkey, authority: Pubkey, length: int) -> Instruction:
    """Make room for `length` more bytes; the account holds the rent already."""
    return _instruction(
        Tag.EXTEND,
        struct.pack("<H", length),
        _writable(metadata_address(program)),
        _signs(authority),
        *_program(program),
    )


def trim(program: Pubkey, authority: Pubkey, destination: Pubkey) -> Instruction:
    """Take the rent back that a smaller IDL does not need."""
    return _instruction(
        Tag.TRIM,
        b"",
        _writable(metadata_address(program)),
        _signs(authority),
        *_program(program),
        _writable(destination),
        _read(RENT),
    )


def set_authority(program: Pubkey, authority: Pubkey, new: Pubkey | None) -> Instruction:
    """Let `new` change the IDL, too; nobody but the upgrade authority where it is none."""
    return _instruction(
        Tag.SET_AUTHORITY,
        b"\1" + bytes(new) if new else b"\0",
        _writable(metadata_address(program)),
        _signs(authority),
        *_program(program),
    )


def give_buffer(buffer: Pubkey, authority: Pubkey, new: Pubkey) -> Instruction:
    """Let `new` write to the buffer, and nobody else."""
    return _instruction(
        Tag.SET_AUTHORITY,
        b"\1" + bytes(new),
        _writable(buffer),
        _signs(authority),
        *[_read(METADATA)] * 2,
    )


def close_buffer(buffer: Pubkey, authority: Pubkey, destination: Pubkey) -> Instruction:
    """Remove the buffer; its lamports go to `destination`."""
    return _instruction(
        Tag.CLOSE,
        b"",
        _writable(buffer),
        _signs(authority),
        *[_read(METADATA)] * 2,
        _writable(destination),
    )


def kind_of(data: bytes) -> Kind:
    """What an account of the program is; `MetadataError` where nobody knows."""
    try:
        return Kind(data[0]) if data else Kind.EMPTY
    except ValueError:
        raise MetadataError(f"an account of program-metadata is of kind {data[0]}") from None


def parse_buffer(data: bytes) -> Buffer:
    """The buffer in an account of the program; `MetadataError` where there is none."""
    if len(data) < HEADER or kind_of(data) is not Kind.BUFFER:
        raise MetadataError("the account is no buffer of program-metadata")
    _kind, _program_key, authority, _canonical, _seed = _BUFFER.unpack(data[:HEADER])
    return Buffer(authority=_key(authority), data=data[HEADER:])


def parse_metadata(data: bytes) -> Metadata:
    """The metadata in an account of the program; `MetadataError` where there is none."""
    if len(data) < HEADER or kind_of(data) is not Kind.METADATA:
        raise MetadataError("the account is no metadata of program-metadata")
    _kind, program, authority, mutable, canonical, seed, *form, length = _METADATA.unpack(
        data[:HEADER]
    )
    if length > len(data) - HEADER:
        raise MetadataError(f"its data has {length:,} bytes, the account {len(data) - HEADER:,}")
    encoding, compression, format_, source = form
    try:
        return Metadata(
            program=Pubkey.from_bytes(program),
            authority=_key(authority),
            mutable=bool(mutable),
            canonical=bool(canonical),
            seed=seed,
            encoding=Encoding(encoding),
            compression=Compression(compression),
            format=Format(format_),
            source=Source(source),
            data=data[HEADER : HEADER + length],
        )
    except ValueError as error:
        raise MetadataError(f"the metadata is kept in a way that nobody knows: {error}") from None


def _key(data: bytes) -> Pubkey | None:
    """An address, where all zeros are none."""
    return Pubkey.from_bytes(data) if any(data) else None


def _program(program: Pubkey) -> list[AccountMeta]:
    """By which the upgrade authority is recognised."""
    return [_read(program), _read(program_data_address(program))]


def _instruction(tag: Tag, body: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(METADATA, bytes([tag]) + body, list(accounts))


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signs(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
