"""An IDL: read from the build and held to what clients expect of it, before it is published."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from solders.pubkey import Pubkey

from scripts.exits import CommandError, ExitCode

LARGEST: Final = 256 * 1024
"""The most compressed bytes: what one transaction can make room for, and more than any IDL has."""
_DISCRIMINATOR: Final = 8
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")


class IdlError(CommandError):
    """An IDL that no client could use, or that is another program's."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Idl:
    """What a program can be asked, as its build says."""

    content: bytes
    """The file, byte by byte."""
    name: str
    version: str
    instructions: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The SHA-256 of the file."""
        return sha256(self.content).hexdigest()

    @property
    def packed(self) -> bytes:
        """What is kept on chain."""
        return zlib.compress(self.content, 9)


def read_idl(path: Path, program: Pubkey, version: str | None = None) -> Idl:
    """The IDL of `program` in the file `path`; `IdlError` says what is wrong with it."""
    try:
        idl = parse_idl(path.read_bytes(), program)
    except IdlError as error:
        raise IdlError(f"{path}: {error}") from None
    if version is not None and idl.version != version:
        raise IdlError(
            f"{path}: metadata.version is {idl.version}, and --version says {version}: build the"
            " IDL from the tag that is deployed"
        )
    if len(idl.packed) > LARGEST:
        raise IdlError(f"{path}: {len(idl.packed):,} bytes compressed, at most {LARGEST:,}")
    return idl


def parse_idl(content: bytes, program: Pubkey) -> Idl:
    """The IDL of `program` in `content`; `IdlError` says what is wrong with it."""
    try:
        parsed: object = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise IdlError(f"is no JSON: {error}") from None
    idl = _object(parsed, "the IDL")
    if "address" not in idl:
        raise IdlError("has no address, as Anchor before 0.30 left it: anchor idl build makes one")
    if idl["address"] != str(program):
        raise IdlError(
            f"address is {idl['address']}, and the environment's programId is {program}:"
            " build it for that program id"
        )
    metadata = _object(idl.get("metadata"), "metadata")
    version = _text(metadata, "version", "metadata.version")
    if not _VERSION.fullmatch(version):
        raise IdlError(f"metadata.version is {version!r}: a version is X.Y.Z")
    names = [
        _instruction(each, f"instructions[{at}]")
        for at, each in enumerate(_list(idl.get("instructions"), "instructions"))
    ]
    if not names:
        raise IdlError("instructions is empty: a program that cannot be asked anything")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise IdlError(f"instructions names {', '.join(twice)} more than once")
    return Idl(
        content=content,
        name=_text(metadata, "name", "metadata.name"),
        version=version,
        instructions=tuple(names),
    )


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two IDLs say the same, however they are spaced."""
    try:
        left: object = json.loads(one)
        right: object = json.loads(other)
    except ValueError:
        return one == other
    return left == right


def _instruction(value: object, where: str) -> str:
    found = _object(value, where)
    name = _text(found, "name", f"{where}.name")
    for part in ("accounts", "args"):
        _list(found.get(part), f"{where}.{part}")
    tag = _list(found.get("discriminator"), f"{where}.discriminator")
    if not tag or not all(isinstance(one, int) and 0 <= one <= 0xFF for one in tag):  # noqa: PLR2004 - a byte
        raise IdlError(
            f"{where}.discriminator is {tag}: a list of bytes, {_DISCRIMINATOR} unless chosen"
        )
    return name


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise IdlError(f"{where} is {_kind(value)}, not an object")
    return cast("Mapping[str, object]", value)


def _list(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise IdlError(f"{where} is {_kind(value)}, not a list")
    return cast("Sequence[object]", value)


def _text(found: Mapping[str, object], name: str, where: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise IdlError(f"{where} is {_kind(value)}, not a text")
    return value


def _kind(value: object) -> str:
    return "missing" if value is None else f"{json.dumps(value)[:40]}"
