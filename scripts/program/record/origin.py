"""From which source a program was built: what is typed, held to what others can build from."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from scripts.exits import CommandError, ExitCode
from scripts.program.record.otter import Params
from scripts.program.source import head
from scripts.runs.canonical import Json

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
class Origin:
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

    def inputs(self) -> dict[str, Json]:
        """What of it is approved with the plan."""
        return {
            "repository": self.git_url,
            "commit": self.commit,
            "build_args": shlex.join(self.args),
        }


def origin_of(repository: str, commit: str | None, build_args: str, source: Path | None) -> Origin:
    """What was typed; the commit is that of `source` where none is named."""
    out = head(source) if source else None
    if commit and out and commit != out:
        raise RecordError(f"--commit is {commit}, and --source has {out} checked out")
    if not (commit or out):
        raise RecordError("--repository goes with --commit HASH, or with --source FOLDER")
    return Origin.read(repository, commit or out or "", build_args)


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
