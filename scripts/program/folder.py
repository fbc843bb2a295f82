"""What is kept of a program on disk: buffer keys, and every binary that may have to come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from preview.files import replace
from scripts.exits import CommandError
from scripts.program.elf import program_hash
from scripts.program.keys import make_key, read_key
from scripts.runs.canonical import sha256
from scripts.runs.times import Timestamp

_SHORT: Final = 16


class SavedError(CommandError):
    """A saved program that is not what its name says, or that is not there."""


class Saved(BaseModel):
    """What is known of a saved program, beside its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program: str
    hash: str
    size: int
    version: str | None = None
    replaced: Timestamp | None = None
    """When a release took its place."""
    withdrawn: bool = False
    """Whether a rollback took it away: nothing goes back to it unasked."""
    idl: str | None = None
    """The SHA-256 of the IDL that was published of it when it was replaced."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What is kept of `program` under `root`, which its owner alone can read."""

    root: Path
    program: Pubkey

    def buffer_path(self, code: bytes) -> Path:
        """Where the key of the buffer for `code` lies."""
        return self.root / "buffers" / f"{self.program}-{program_hash(code)[:_SHORT]}.json"

    def buffer(self, code: bytes) -> Keypair | None:
        """The key of the buffer for `code`, if it was made."""
        path = self.buffer_path(code)
        return read_key(path) if path.exists() else None

    def make_buffer(self, code: bytes) -> Keypair:
        """A new key of a buffer for `code`, on disk before it is used."""
        self._private(self.root)
        return make_key(self.buffer_path(code))

    def buffers(self) -> dict[Path, Keypair]:
        """Every buffer key of the program that is kept."""
        return {
            path: key
            for path, key in self.every_buffer().items()
            if self.program_of(path) == self.program
        }

    def every_buffer(self) -> dict[Path, Keypair]:
        """Every buffer key that is kept, other programs' too."""
        return {path: read_key(path) for path in sorted((self.root / "buffers").glob("*-*.json"))}

    @staticmethod
    def program_of(path: Path) -> Pubkey:
        """Whose buffer a key is of, by its file's name."""
        return Pubkey.from_string(path.name.partition("-")[0])

    def save(self, code: bytes, about: Saved) -> None:
        """Keep `code`, on disk when this returns."""
        folder = self._private(self.root / "programs")
        replace(folder / f"{about.hash}.so", code, mode=0o600)
        beside = folder / f"{self.program}-{about.hash}.json"
        replace(beside, about.model_dump_json().encode(), mode=0o600)

    def saved(self, hash_: str) -> Saved | None:
        """What is kept of the program with that hash."""
        path = self.root / "programs" / f"{self.program}-{hash_}.json"
        return _read(path) if path.exists() else None

    def all_saved(self) -> Iterator[Saved]:
        """Every saved program."""
        for path in sorted((self.root / "programs").glob(f"{self.program}-*.json")):
            yield _read(path)

    def code(self, hash_: str) -> bytes:
        """The bytes of a saved program; `SavedError` where they are no longer what they were."""
        path = self.root / "programs" / f"{hash_}.so"
        try:
            code = path.read_bytes()
        except FileNotFoundError:
            raise SavedError(f"{path} is gone: give the program with --file") from None
        if program_hash(code) != hash_:
            raise SavedError(f"{path} was changed: its hash is {program_hash(code)}")
        return code

    def idl_path(self, hash_: str) -> Path:
        """Where an IDL is kept, by the SHA-256 of its file."""
        return self.root / "programs" / f"{hash_}.idl"

    def save_idl(self, hash_: str, content: bytes) -> None:
        """Keep an IDL, on disk when this returns."""
        path = self.idl_path(hash_)
        self._private(path.parent)
        replace(path, content, mode=0o600)

    def idl(self, hash_: str) -> bytes:
        """A kept IDL; `SavedError` where it is no longer what it was."""
        path = self.idl_path(hash_)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise SavedError(f"{path} is gone: publish the IDL from its file") from None
        if sha256(content) != hash_:
            raise SavedError(f"{path} was changed: its SHA-256 is {sha256(content)}")
        return content

    def previous(self, running: str | None) -> Saved:
        """What ran last before `running`, and was not taken away; `SavedError` if nothing did."""
        there = [
            (one.replaced, one)
            for one in self.all_saved()
            if one.hash != running and one.replaced and not one.withdrawn
        ]
        if not there:
            raise SavedError(
                f"no earlier version of {self.program} is kept in {self.root}: name one with --to"
                " and give its file with --file"
            )
        return max(there, key=lambda pair: pair[0])[1]

    def named(self, name: str) -> Saved | None:
        """The saved program with that version, or with a hash that begins so; one that ran first.

        A build whose deployment was given up has a version, too, and nobody wants it back.
        """
        found = [
            one
            for one in self.all_saved()
            if one.version == name or (len(name) >= _SHORT // 2 and one.hash.startswith(name))
        ]
        found = [one for one in found if one.replaced] or found
        if len(found) > 1:
            hashes = ", ".join(one.hash for one in found)
            raise SavedError(f"{name} is ambiguous: name the hash, one of {hashes}")
        return found[0] if found else None

    def about(self, code: bytes, version: str | None = None) -> Saved:
        """What is known of `code`: what was kept of it, and its version."""
        hash_ = program_hash(code)
        before = self.saved(hash_)
        return before or Saved(
            program=str(self.program), hash=hash_, size=len(code), version=version
        )

    @staticmethod
    def _private(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def now() -> datetime:
    """The time, as records have it."""
    return datetime.now(UTC)


def _read(path: Path) -> Saved:
    try:
        return Saved.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise SavedError(f"{path} cannot be read: {error.errors()[0]['msg']}") from None
