"""Otter Verify: the account that says how a program is built again, and its instructions.

solana-verify writes it, explorers and OtterSec's service read it: for each signer and program one
account. They believe the program's upgrade authority. Origin: the program's own code, whose public
IDL the tests hold every byte to.
"""

import struct
from dataclasses import dataclass
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from scripts.program.multisig.message import MessageError, Reader
from scripts.program.multisig.squads import tag

OTTER: Final = Pubkey.from_string("verifycLy8mB96wd9wqq3WDXQwM4oU6r42Th37Db9fC")
_SEED: Final = b"otter_verify"
_TAG: Final = tag("account", "BuildParams")
_KEYS: Final = 2
_BUMP: Final = 1


@dataclass(frozen=True, kw_only=True)
class Params:
    """How a program is built again, as solana-verify says it."""

    version: str
    """Of solana-verify."""
    git_url: str
    commit: str
    args: tuple[str, ...]
    slot: int
    """In which what runs was put on chain; 0 where that is not known when it is written down."""

    def encoded(self) -> bytes:
        """The bytes that both instructions take."""
        texts = [_text(one) for one in (self.version, self.git_url, self.commit)]
        args = [struct.pack("<I", len(self.args)), *map(_text, self.args)]
        return b"".join([*texts, *args, struct.pack("<Q", self.slot)])

    @property
    def space(self) -> int:
        """How many bytes their account has."""
        return len(_TAG) + _KEYS * Pubkey.LENGTH + len(self.encoded()) + _BUMP


def record_address(program: Pubkey, signer: Pubkey) -> Pubkey:
    """Where `signer` says how `program` is built."""
    return Pubkey.find_program_address([_SEED, bytes(signer), bytes(program)], OTTER)[0]


def initialize(program: Pubkey, signer: Pubkey, params: Params) -> Instruction:
    """Say it for the first time; `signer` pays the rent that the account does not have yet."""
    return _instruction("initialize", program, signer, params)


def update(program: Pubkey, signer: Pubkey, params: Params) -> Instruction:
    """Say it anew; rent that is too much then goes to `signer`, what lacks is paid by it."""
    return _instruction("update", program, signer, params)


def parse_record(data: bytes) -> Params:
    """What an account of Otter Verify says; `MessageError` where it is none of its records."""
    if data[: len(_TAG)] != _TAG:
        raise MessageError("the account is no record of Otter Verify")
    reader = Reader(data[len(_TAG) :])
    for _ in range(_KEYS):
        reader.key()
    return _params(reader)


def parse_instruction(data: bytes) -> Params:
    """What an instruction says; `MessageError` where it is neither of the two."""
    if data[: len(_TAG)] not in {tag("global", name) for name in ("initialize", "update")}:
        raise MessageError("the instruction writes no record of Otter Verify")
    return _params(Reader(data[len(_TAG) :]))


def _params(reader: Reader) -> Params:
    version, git_url, commit = (_read_text(reader) for _ in range(3))
    args = tuple(_read_text(reader) for _ in range(reader.length()))
    (slot,) = reader.take("<Q")
    return Params(version=version, git_url=git_url, commit=commit, args=args, slot=slot)


def _instruction(name: str, program: Pubkey, signer: Pubkey, params: Params) -> Instruction:
    accounts = [
        AccountMeta(record_address(program, signer), is_signer=False, is_writable=True),
        AccountMeta(signer, is_signer=True, is_writable=True),
        AccountMeta(program, is_signer=False, is_writable=False),
        AccountMeta(SYSTEM, is_signer=False, is_writable=False),
    ]
    return Instruction(OTTER, tag("global", name) + params.encoded(), accounts)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded


def _read_text(reader: Reader) -> str:
    try:
        return reader.octets().decode()
    except UnicodeDecodeError:
        raise MessageError("the record of Otter Verify holds what is no text") from None
