"""Tests of programs' files: their hash, and what the loader would not take."""

import hashlib
import struct
from pathlib import Path

import pytest

from scripts.program.elf import ElfError, check, program_hash, read_program_file
from scripts.program.loader import LARGEST_PROGRAM
from tests.localnet.programs import MEMO, TOKEN, TOKEN_2022, code_of


def _with(at: int, form: str, value: int) -> bytes:
    code = bytearray(code_of(TOKEN))
    struct.pack_into(form, code, at, value)
    return bytes(code)


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022, MEMO])
def test_real_programs_are_taken(tmp_path: Path, program: object) -> None:
    """With their size and hash."""
    code = code_of(program)  # pyright: ignore[reportArgumentType] - parametrize loses the type
    path = tmp_path / "program.so"
    path.write_bytes(code)
    read = read_program_file(path)
    assert (read.size, read.hash) == (len(code), program_hash(code))


def test_the_hash_is_of_the_bytes_without_trailing_zeros() -> None:
    """So that the room behind a program on chain does not change it."""
    code = code_of(TOKEN)
    assert program_hash(code + bytes(10_240)) == program_hash(code)
    assert program_hash(b"\x7fELF\0\0") == hashlib.sha256(b"\x7fELF").hexdigest()
    assert program_hash(bytes(5)) == hashlib.sha256(b"").hexdigest()
    assert program_hash(code) == "ff34502314dd7be61d027a7d502ce91943bb06e09ddb78f24b517af1c12c52e3"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (b"", "it is empty"),
        (b"#!/bin/sh\n", "it is no ELF file, it begins with 23 21 2f 62"),
        (code_of(TOKEN)[:40], "inside its header"),
        (code_of(TOKEN)[:-1], "cut off: 100,311 bytes of 100,312"),
        (_with(4, "B", 1), "no 64-bit little-endian"),
        (_with(5, "B", 2), "no 64-bit little-endian"),
        (_with(18, "<H", 62), r"machine 62, not 247 \(BPF\) or 263 \(SBPF\)"),
        (_with(16, "<H", 2), "type 2, not a shared object"),
        (_with(24, "<Q", 2**40), "the loader refuses it: Entrypoint out of bounds"),
        (_with(48, "<I", 9), "the loader refuses it: .*version"),
        (b"\x7fELF" + bytes(LARGEST_PROGRAM), "at most 10,485,715"),
    ],
)
def test_what_the_loader_would_refuse_is_told_before(code: bytes, said: str) -> None:
    """What is wrong, and what to do."""
    with pytest.raises(ElfError, match=said):
        check(code)


def test_an_instruction_that_is_none_is_found() -> None:
    """The loader's own verifier looks at each, before any lamport moves."""
    code = bytearray(code_of(MEMO))
    start = struct.unpack_from("<Q", code, 24)[0]
    code[start] = 0xFF
    with pytest.raises(ElfError, match="Verifier error: unknown eBPF opcode"):
        check(bytes(code))


def test_the_file_is_named(tmp_path: Path) -> None:
    """Where it is wrong."""
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    with pytest.raises(ElfError, match=r"notes\.txt: it is no ELF file"):
        read_program_file(path)
