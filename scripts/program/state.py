"""What the chain says of a program: whether it is there, what it runs, and who may change that."""

from collections.abc import Sequence
from dataclasses import dataclass

from solana.rpc.commitment import Commitment
from solders.account import Account
from solders.pubkey import Pubkey

from scripts.exits import CommandError, ExitCode
from scripts.program.elf import program_hash
from scripts.program.loader import (
    LOADER,
    ProgramData,
    program_data_address,
    read_program,
    read_program_data,
)
from scripts.program.node import CONFIRMED, Node


class ProgramRefusedError(CommandError):
    """A program that cannot be acted on as asked: why, and what to do. Nothing was spent."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class OnChain:
    """A program as of one slot."""

    program: Pubkey
    data: ProgramData | None
    """What it runs; None where it is not deployed."""
    lamports: int = 0
    """The rent in its program data."""
    executable: bool = False
    closed: bool = False
    """Whether it was closed: its id is gone for good."""

    @property
    def is_final(self) -> bool:
        """Whether nobody can change it any more."""
        return self.data is not None and self.data.authority is None

    @property
    def hash(self) -> str | None:
        """What it runs, as solana-verify shows it."""
        return program_hash(self.data.code) if self.data else None

    @property
    def capacity(self) -> int:
        """How many bytes it has room for."""
        return len(self.data.code) if self.data else 0

    def runs(self, code: bytes) -> bool:
        """Whether it runs `code`, byte by byte, with nothing but room behind it."""
        return self.data is not None and self.data.code.rstrip(b"\0") == code.rstrip(b"\0")


async def look(node: Node, program: Pubkey, commitment: Commitment = CONFIRMED) -> OnChain:
    """What the chain says of `program`."""
    accounts = await node.accounts([program, program_data_address(program)], commitment)
    return read(program, accounts)


def read(program: Pubkey, accounts: Sequence[Account | None]) -> OnChain:
    """What its two accounts say: the program's and its data's."""
    account, data = accounts
    if account is None:
        return OnChain(program=program, data=None)
    if account.owner != LOADER:
        raise ProgramRefusedError(
            f"{program} is an account of {account.owner}, and not of the upgradeable loader:"
            " the environment's programId names something else"
        )
    if read_program(bytes(account.data)) != program_data_address(program):
        raise ProgramRefusedError(f"{program} does not point at its program data")
    if data is None or data.owner != LOADER or not any(data.data[:4]):
        return OnChain(program=program, data=None, closed=True)
    return OnChain(
        program=program,
        data=read_program_data(bytes(data.data)),
        lamports=data.lamports,
        executable=account.executable,
    )
