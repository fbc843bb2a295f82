"""An IDL that no client could use, or that is another program's, is refused before it is paid."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from scripts.program.idl.account import unpacked
from scripts.program.idl.document import IdlError, parse_idl, read_idl, says_the_same
from scripts.program.idl.metadata import Compression
from tests.scripts.program.idl.scene import document, idl_of

PROGRAM, OTHER = (Pubkey.from_bytes(bytes([byte] * 32)) for byte in (1, 2))


def test_an_idl_of_anchor_is_read() -> None:
    """Its version, its instructions, and every byte of the file."""
    idl = idl_of(PROGRAM, version="1.2.3")
    assert (idl.name, idl.version, idl.instructions) == ("vault", "1.2.3", ("open", "close"))
    assert zlib.decompress(idl.packed) == idl.content


Change = Callable[[dict[str, Any]], object]

WRONG: dict[str, Change] = {
    "programId is": lambda idl: idl.update(address=str(OTHER)),
    "Anchor before 0.30": lambda idl: idl.pop("address"),
    "metadata is missing, not an object": lambda idl: idl.pop("metadata"),
    "metadata.version is missing, not a text": lambda idl: idl["metadata"].pop("version"),
    "metadata.version is 'new': a version is X.Y.Z": lambda idl: idl["metadata"].update(
        version="new"
    ),
    "metadata.name is 7, not a text": lambda idl: idl["metadata"].update(name=7),
    "instructions is missing, not a list": lambda idl: idl.pop("instructions"),
    "instructions is empty": lambda idl: idl["instructions"].clear(),
    'instructions[1] is "close", not an object': lambda idl: idl["instructions"].__setitem__(
        1, "close"
    ),
    "instructions[0].args is missing": lambda idl: idl["instructions"][0].pop("args"),
    "instructions[0].discriminator is [256]": lambda idl: idl["instructions"][0].update(
        discriminator=[256]
    ),
    "names open more than once": lambda idl: idl["instructions"][1].update(name="open"),
}


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_idl_is_refused(tmp_path: Path, said: str) -> None:
    """With the file, the place in it and what belongs there."""
    wrong = document(PROGRAM)
    WRONG[said](wrong)
    file = tmp_path / "vault.json"
    file.write_text(json.dumps(wrong), encoding="utf-8")
    with pytest.raises(IdlError) as refused:
        read_idl(file, PROGRAM)
    assert f"{file}: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"null", b"[" * 10**5])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    """Whatever it is instead."""
    with pytest.raises(IdlError, match=r"no JSON|not an object"):
        parse_idl(content, PROGRAM)


def test_an_idl_of_another_version_is_refused(tmp_path: Path) -> None:
    """The tag that is deployed is what its IDL is built from."""
    file = tmp_path / "vault.json"
    file.write_bytes(idl_of(PROGRAM, version="1.2.3").content)
    assert read_idl(file, PROGRAM, "1.2.3").version == "1.2.3"
    with pytest.raises(IdlError, match=r"metadata.version is 1.2.3, and --version says 1.2.4"):
        read_idl(file, PROGRAM, "1.2.4")


def test_an_idl_that_no_transaction_has_room_for_is_refused(tmp_path: Path) -> None:
    """With its size and the limit."""
    file = tmp_path / "vault.json"
    file.write_bytes(idl_of(PROGRAM, noise=400_000).content)
    with pytest.raises(IdlError, match="at most 262,144"):
        read_idl(file, PROGRAM)


def test_spaces_are_no_difference() -> None:
    """Between two IDLs that say the same; anything else is one."""
    idl = document(PROGRAM)
    one, other = json.dumps(idl).encode(), json.dumps(idl, indent=2, sort_keys=True).encode()
    assert says_the_same(one, other)
    assert not says_the_same(one, json.dumps(document(PROGRAM, version="2.0.0")).encode())
    assert not says_the_same(b"{", one)
    assert says_the_same(b"{", b"{")


@given(st.binary(max_size=2_000), st.sampled_from([Compression.NONE, Compression.ZLIB]))
def test_what_is_packed_comes_back(content: bytes, compression: Compression) -> None:
    """Byte by byte, and nothing comes back from what was cut off."""
    packed = content if compression is Compression.NONE else zlib.compress(content)
    assert unpacked(packed, compression) == content
    if compression is Compression.ZLIB:
        with pytest.raises(IdlError, match="has no end"):
            unpacked(packed[:-1], compression)
        with pytest.raises(IdlError, match="cannot be read"):
            unpacked(b"\xff" + packed, compression)


def test_what_would_fill_the_memory_is_refused() -> None:
    """A small account can say that it is a large one."""
    with pytest.raises(IdlError, match="larger than any account"):
        unpacked(zlib.compress(bytes(20_000_000)), Compression.ZLIB)
