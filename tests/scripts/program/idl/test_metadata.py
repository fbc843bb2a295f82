"""Every byte that goes to program-metadata, and comes from it, is as its public client has it."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.system_program import decode_create_account
from solders.sysvar import RENT

from scripts.program.idl import metadata
from scripts.program.idl.metadata import (
    METADATA,
    Compression,
    Encoding,
    Format,
    Kind,
    MetadataError,
    Source,
    Tag,
)
from scripts.program.loader import program_data_address

PROGRAM, AUTHORITY, BUFFER, PAYER, OTHER = (
    Pubkey.from_bytes(bytes([byte] * 32)) for byte in range(1, 6)
)
ADDRESS = metadata.metadata_address(PROGRAM)
IDL = b"idl" + bytes(13)

TAGS = {
    "write": 0,
    "initialize": 1,
    "setAuthority": 2,
    "setData": 3,
    "setImmutable": 4,
    "trim": 5,
    "close": 6,
    "allocate": 7,
    "extend": 8,
}
"""As the generated client spells them out."""

INSTRUCTIONS: dict[str, tuple[Callable[[], Instruction], str, str, bytes]] = {
    "a buffer of its own": (
        lambda: metadata.create_buffer(
            payer=PAYER, buffer=BUFFER, authority=AUTHORITY, length=5, lamports=9
        )[1],
        "allocate",
        "w buffer, s buffer, none, none, system",
        b"",
    ),
    "the program's own address": (
        lambda: metadata.allocate(PROGRAM, AUTHORITY),
        "allocate",
        "w metadata, s authority, program, programData, system",
        IDL,
    ),
    "some bytes": (
        lambda: metadata.write(BUFFER, AUTHORITY, 258, b"\xaa\xbb"),
        "write",
        "w buffer, s authority, none",
        b"\x02\x01\x00\x00\xaa\xbb",
    ),
    "another buffer": (
        lambda: metadata.copy(BUFFER, ADDRESS, AUTHORITY),
        "write",
        "w metadata, s authority, buffer",
        b"\x00\x00\x00\x00",
    ),
    "the first": (
        lambda: metadata.initialize(PROGRAM, AUTHORITY),
        "initialize",
        "w metadata, s authority, program, programData, none",
        IDL + b"\x01\x02\x01\x00",
    ),
    "another": (
        lambda: metadata.set_data(PROGRAM, AUTHORITY, BUFFER),
        "setData",
        "w metadata, s authority, w buffer, program, programData",
        b"\x01\x02\x01\x00",
    ),
    "more room": (
        lambda: metadata.extend(PROGRAM, AUTHORITY, 10_240),
        "extend",
        "w metadata, s authority, program, programData",
        b"\x00\x28",
    ),
    "less room": (
        lambda: metadata.trim(PROGRAM, AUTHORITY, PAYER),
        "trim",
        "w metadata, s authority, program, programData, w payer, rent",
        b"",
    ),
    "a key": (
        lambda: metadata.set_authority(PROGRAM, AUTHORITY, OTHER),
        "setAuthority",
        "w metadata, s authority, program, programData",
        b"\x01" + bytes([5] * 32),
    ),
    "no key": (
        lambda: metadata.set_authority(PROGRAM, AUTHORITY, None),
        "setAuthority",
        "w metadata, s authority, program, programData",
        b"\x00",
    ),
    "a buffer's key": (
        lambda: metadata.give_buffer(BUFFER, AUTHORITY, OTHER),
        "setAuthority",
        "w buffer, s authority, none, none",
        b"\x01" + bytes([5] * 32),
    ),
    "a buffer that goes": (
        lambda: metadata.close_buffer(BUFFER, AUTHORITY, PAYER),
        "close",
        "w buffer, s authority, none, none, w payer",
        b"",
    ),
}
"""What each instruction is called, its accounts in the client's order, and what is behind its tag.

An account that is left out is named by the program itself (`none`).
"""

NAMES = {
    METADATA: "none",
    ADDRESS: "metadata",
    AUTHORITY: "authority",
    PROGRAM: "program",
    program_data_address(PROGRAM): "programData",
    BUFFER: "buffer",
    PAYER: "payer",
    SYSTEM: "system",
    RENT: "rent",
}


def shown(metas: list[AccountMeta]) -> str:
    """Accounts as the table above has them."""
    kinds = [("w" if one.is_writable else "") + ("s" if one.is_signer else "") for one in metas]
    return ", ".join(
        f"{kind} {NAMES[one.pubkey]}".strip() for kind, one in zip(kinds, metas, strict=True)
    )


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_an_instruction_is_written_as_the_client_writes_it(name: str) -> None:
    """Its tag, its fields, its accounts in order, who signs and what is written."""
    make, called, accounts, body = INSTRUCTIONS[name]
    instruction = make()
    assert instruction.program_id == METADATA
    assert instruction.data == bytes([TAGS[called]]) + body
    assert shown(list(instruction.accounts)) == accounts


def test_the_numbers_of_instructions_are_the_clients() -> None:
    """Those that are never sent, too: a program that says them is understood."""
    said = {name.upper().replace("SET", "SET_"): number for name, number in TAGS.items()}
    assert {tag.name: tag.value for tag in Tag} == said


def test_a_buffer_is_made_and_given_away_at_once() -> None:
    """Allocated by the system program for this one, header included, and handed over."""
    made, _, given = metadata.create_buffer(
        payer=PAYER, buffer=BUFFER, authority=AUTHORITY, length=5, lamports=9
    )
    asked = decode_create_account(made)
    assert (asked["space"], asked["lamports"], asked["owner"]) == (101, 9, METADATA)
    assert shown(list(given.accounts)) == "w buffer, s buffer, none, none"
    assert given.data == b"\x02\x01" + bytes(AUTHORITY)


def test_where_an_idl_lies() -> None:
    """At the program's address and the seed, filled with zeros to 16 bytes."""
    seeds = [bytes(PROGRAM), IDL]
    assert Pubkey.find_program_address(seeds, METADATA)[0] == ADDRESS


addresses = st.binary(min_size=32, max_size=32).filter(any).map(Pubkey.from_bytes)


@given(
    st.sampled_from(Encoding),
    st.sampled_from(Compression),
    st.sampled_from(Format),
    st.sampled_from(Source),
    addresses,
    st.none() | addresses,
    st.booleans(),
    st.binary(max_size=300),
    st.binary(max_size=30),
)
def test_metadata_is_read_as_the_client_reads_it(  # noqa: PLR0913, PLR0917 - the header's fields
    encoding: Encoding,
    compression: Compression,
    form: Format,
    source: Source,
    program: Pubkey,
    authority: Pubkey | None,
    flag: bool,  # noqa: FBT001 - drawn
    data: bytes,
    room: bytes,
) -> None:
    """Field by field; what lies behind the stated length is none of it."""
    account = (
        b"\x02" + bytes(program) + (bytes(authority) if authority else bytes(32))
        + bytes([flag, not flag]) + IDL + bytes([encoding, compression, form, source])
        + struct.pack("<I", len(data)) + bytes(5) + data + room
    )  # fmt: skip
    found = metadata.parse_metadata(account)
    assert (found.program, found.authority) == (program, authority)
    assert (found.mutable, found.canonical, found.seed) == (flag, not flag, IDL)
    assert (found.encoding, found.compression) == (encoding, compression)
    assert (found.format, found.source, found.data) == (form, source, data)


def test_a_buffer_is_read_as_the_client_reads_it() -> None:
    """A program's, which has a seed, and a key's, which has none."""
    for seed, authority in ((IDL, AUTHORITY), (bytes(16), None)):
        own = bytes(authority) if authority else bytes(32)
        account = b"\x01" + bytes(32) + own + b"\x00" + seed + bytes(14) + b"data"
        found = metadata.parse_buffer(account)
        assert (found.authority, found.data) == (authority, b"data")


@given(st.binary(max_size=200))
def test_an_account_of_another_kind_is_refused(data: bytes) -> None:
    """It never makes anything else fail, whatever it begins with."""
    parsers = {
        Kind.BUFFER: metadata.parse_buffer,
        Kind.METADATA: metadata.parse_metadata,
    }
    for kind, parse in parsers.items():
        try:
            parse(data)
        except MetadataError:
            continue
        assert data[0] == kind
        assert len(data) >= metadata.HEADER


@pytest.mark.parametrize("at", [83, 84, 85, 86])
def test_a_form_that_nobody_knows_is_refused(at: int) -> None:
    """An encoding, a compression, a format, a source of a later version."""
    account = bytearray(b"\x02" + bytes(95))
    account[at] = 9
    with pytest.raises(MetadataError, match="nobody knows"):
        metadata.parse_metadata(bytes(account))


def test_data_that_the_account_does_not_hold_is_refused() -> None:
    """A length that says more than there is."""
    account = bytearray(b"\x02" + bytes(95) + b"abc")
    account[87:91] = struct.pack("<I", 4)
    with pytest.raises(MetadataError, match="4 bytes"):
        metadata.parse_metadata(bytes(account))
