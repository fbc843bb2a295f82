"""From which source a program was built, as it is to stand on chain."""

import re
import shlex
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from scripts.exits import CommandError, ExitCode
from scripts.program.multisig.message import MessageError
from scripts.program.node import Node
from scripts.program.record.otter import (
    OTTER,
    Params,
    initialize,
    parse_record,
    record_address,
    update,
)
from scripts.program.world import World

SOLANA_VERIFY: Final = "0.4.15"
"""The version of solana-verify whose record and arguments these are."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TAKE_A_VALUE: Final = (
    "--library-name",
    "--mount-path",
    "--workspace-path",
    "--base-image",
    "--arch",
)
_FLAGS: Final = ("--bpf",)
_REST: Final = "--"


class RecordError(CommandError):
    """A record that nobody could build the program from, or an account that holds none."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a program is built from, and with which arguments of solana-verify."""

    git_url: str
    commit: str
    args: tuple[str, ...]

    @classmethod
    def read(cls, git_url: str, commit: str, args: str) -> Self:
        """What was typed; `RecordError` where nobody could build the program from it."""
        address = urlsplit(git_url)
        if address.scheme != "https" or not address.hostname:
            raise RecordError(
                f"--repository {git_url}: whoever verifies the build clones it from there: give its"
                " https:// address"
            )
        if address.username or address.password:
            raise RecordError(
                "--repository holds a user or a password, and everybody reads the record: give the"
                " address without"
            )
        if not _COMMIT.fullmatch(commit):
            raise RecordError(
                f"--commit {commit} is no whole commit hash: git rev-parse HEAD shows it"
            )
        return cls(git_url=git_url, commit=commit, args=_args(args))

    def params(self, slot: int) -> Params:
        """As it is written down of what runs since `slot`."""
        return Params(
            version=SOLANA_VERIFY,
            git_url=self.git_url,
            commit=self.commit,
            args=self.args,
            slot=slot,
        )


@dataclass(frozen=True, kw_only=True)
class Record:
    """`source`, as `signer`, the program's upgrade authority, says it."""

    source: Source
    program: Pubkey
    signer: Pubkey

    @property
    def address(self) -> Pubkey:
        """Where it lies."""
        return record_address(self.program, self.signer)

    async def is_done(self, world: World, slot: int | None = None) -> bool:
        """Whether it stands there, of what runs since `slot` if that is given."""
        found = await read_record(world.node, self.address)
        if found is None:
            return False
        return found == self.source.params(found.slot if slot is None else slot)

    async def lacking(self, world: World) -> int:
        """The lamports that its account still lacks for its rent."""
        account = await world.node.account(self.address)
        rent = await world.node.rent(self.source.params(0).space)
        return max(0, rent - (account.lamports if account else 0))

    async def funding(self, world: World) -> list[Instruction]:
        """What its account still lacks, from who pays."""
        missing = await self.lacking(world)
        if not missing:
            return []
        return [
            transfer(
                TransferParams(
                    from_pubkey=world.payer.pubkey(), to_pubkey=self.address, lamports=missing
                )
            )
        ]

    async def writing(self, world: World, slot: int = 0) -> list[Instruction]:
        """What `signer` signs for it to stand there."""
        write = update if await read_record(world.node, self.address) else initialize
        return [write(self.program, self.signer, self.source.params(slot))]


async def read_record(node: Node, address: Pubkey) -> Params | None:
    """What stands at the address of a record; None where nothing does."""
    account = await node.account(address)
    if account is None or account.owner != OTTER:
        return None  # lamports that somebody sent there are no record
    try:
        return parse_record(bytes(account.data))
    except MessageError as error:
        raise RecordError(f"{address}: {error}") from None


def _args(text: str) -> tuple[str, ...]:
    """The arguments, in the form in which the verifiers' services read them."""
    try:
        given = shlex.split(text)
    except ValueError as error:
        raise RecordError(f"--build-args {text!r}: {error}") from None
    own = given[: given.index(_REST)] if _REST in given else given
    left = list(own)
    while left:
        name = left.pop(0)
        if name in _FLAGS:
            continue
        if name not in _TAKE_A_VALUE or not left:
            raise RecordError(
                f"--build-args: {name} is no argument of solana-verify's that a record holds, or"
                f" lacks its value: {', '.join([*_TAKE_A_VALUE, *_FLAGS])}, and cargo's behind --"
            )
        left.pop(0)
    if "--library-name" not in own:
        raise RecordError("--build-args lacks --library-name NAME, which a record always has")
    return tuple(given)
