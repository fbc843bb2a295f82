"""What a program's file is, and whether the loader would take it, before a lamport is spent."""

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from solders.account import Account
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from scripts.exits import CommandError, ExitCode
from scripts.program.loader import LARGEST_PROGRAM, LOADER, PROGRAM_SIZE, State, create_program

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN, _SHARED_OBJECT = 2, 1, 3
_MACHINES = {247: "BPF", 263: "SBPF"}
_SOL = 10**9


class ElfError(CommandError):
    """A file that the loader would refuse: why, and what to do."""

    code = ExitCode.USAGE


@dataclass(frozen=True)
class Program:
    """A built program: its bytes, as the loader would keep them."""

    code: bytes

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return len(self.code)

    @cached_property
    def hash(self) -> str:
        """What it is known by, on chain and off."""
        return program_hash(self.code)


def program_hash(code: bytes) -> str:
    """SHA-256 of a program without its trailing zeros, in hex: what solana-verify shows.

    The room that an account keeps behind a program is zeros, so both have the same hash.
    """
    return hashlib.sha256(code.rstrip(b"\0")).hexdigest()


def without_room(code: bytes) -> bytes:
    """A program as an account holds it, without the room behind: its file, as far as that matters.

    A file may end in zeros of its own; where its section table ends, it cannot end before.
    """
    end = len(code.rstrip(b"\0"))
    if len(code) >= _HEADER.size and code.startswith(_MAGIC):
        _, _, _, *rest = _HEADER.unpack_from(code)
        end = max(end, rest[3] + rest[8] * rest[9])
    return code[:end]


def read_program_file(path: Path) -> Program:
    """The program in the file `path`; `ElfError`, naming it, where the loader would refuse it."""
    code = path.read_bytes()
    try:
        check(code)
    except ElfError as error:
        raise ElfError(f"{path}: {error}") from None
    return Program(code)


def check(code: bytes) -> None:
    """Raise `ElfError` if the loader would refuse `code`: by its header, or when it deploys it."""
    _check_header(code)
    if log := _refusal(code):
        raise ElfError(f"the loader refuses it: {log}. Build it with `cargo build-sbf`")


def _check_header(code: bytes) -> None:
    build = "give the .so file that `cargo build-sbf` wrote to target/deploy"
    if not code:
        raise ElfError(f"it is empty: {build}")
    if not code.startswith(_MAGIC):
        raise ElfError(f"it is no ELF file, it begins with {code[:4].hex(' ')}: {build}")
    if len(code) > LARGEST_PROGRAM:
        raise ElfError(f"it has {len(code):,} bytes; the loader takes at most {LARGEST_PROGRAM:,}")
    if len(code) < _HEADER.size:
        raise ElfError(f"it ends after {len(code)} bytes, inside its header: build it again")
    identity, kind, machine, *rest = _HEADER.unpack_from(code)
    sections, section_size, section_count = rest[3], rest[8], rest[9]
    if identity[4] != _CLASS_64 or identity[5] != _LITTLE_ENDIAN:
        raise ElfError(f"it is no 64-bit little-endian ELF file: {build}")
    if machine not in _MACHINES:
        allowed = " or ".join(f"{number} ({name})" for number, name in _MACHINES.items())
        raise ElfError(f"it is built for machine {machine}, not {allowed}: {build}")
    if kind != _SHARED_OBJECT:
        raise ElfError(f"it is an ELF file of type {kind}, not a shared object (3): {build}")
    if (end := sections + section_size * section_count) > len(code):
        raise ElfError(f"it is cut off: {len(code):,} bytes of {end:,}. Build or copy it again")


def _refusal(code: bytes) -> str:
    """What the loader itself says against `code`, from a deploy to a chain in memory; else ""."""
    svm = (
        LiteSVM()
        .with_mainnet_features()
        .with_blockhash_check(check=False)
        .with_sigverify(sigverify=False)
    )
    payer, program, buffer = (Pubkey.from_bytes(bytes([byte]) * 32) for byte in (1, 2, 3))
    rent = svm.minimum_balance_for_rent_exemption
    header = struct.pack("<IB", State.BUFFER, 1) + bytes(payer)
    funds = rent(len(code) * 2) + _SOL
    svm.set_account(payer, Account(funds, b"", Pubkey.default()))
    svm.set_account(buffer, Account(rent(len(header) + len(code)), header + code, LOADER))
    instructions = create_program(
        payer=payer,
        program=program,
        buffer=buffer,
        authority=payer,
        max_length=len(code),
        lamports=rent(PROGRAM_SIZE),
    )
    message = Message.new_with_blockhash(instructions, payer, svm.latest_blockhash())
    unsigned = VersionedTransaction.populate(
        message, [Keypair.from_seed(bytes(32)).sign_message(b"")] * 2
    )
    result = svm.send_transaction(unsigned)
    if not isinstance(result, FailedTransactionMetadata):
        return ""
    told = [line for line in result.meta().logs() if not line.startswith("Program ")]
    return told[-1] if told else str(result.err())
