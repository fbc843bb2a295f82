"""What the chain says of a program's IDL."""

import json
import zlib
from dataclasses import dataclass
from typing import Final, cast

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from scripts.program.idl.document import IdlError
from scripts.program.idl.metadata import (
    METADATA,
    Compression,
    Encoding,
    Format,
    Kind,
    Metadata,
    Source,
    kind_of,
    metadata_address,
    parse_metadata,
)
from scripts.program.node import Node

_LARGEST: Final = 10 * 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_LEGACY_SEED: Final = "anchor:idl"
_LEGACY_HEADER: Final = 44


@dataclass(frozen=True, kw_only=True)
class Published:
    """The IDL's account as of one slot."""

    address: Pubkey
    metadata: Metadata | None
    """None where no IDL was published."""
    lamports: int = 0
    size: int = 0
    """The bytes of the account."""

    def holds(self, content: bytes) -> bool:
        """Whether just these bytes are published, as text in JSON."""
        found = self.metadata
        if found is None or (found.encoding, found.format) != (Encoding.UTF8, Format.JSON):
            return False
        try:
            return self.content() == content
        except IdlError:
            return False

    def content(self) -> bytes:
        """What is published; `IdlError` where there is nothing, or it lies somewhere else."""
        if self.metadata is None:
            raise IdlError("no IDL is published: slipway program idl publish")
        if self.metadata.source is not Source.DIRECT:
            where = self.metadata.data[:80]
            raise IdlError(f"the IDL lies elsewhere ({self.metadata.source.name}): {where!r}")
        return unpacked(self.metadata.data, self.metadata.compression)

    @property
    def version(self) -> str:
        """Which version is published, as far as it says so."""
        if self.metadata is None:
            return "none"
        try:
            parsed = cast("dict[str, dict[str, str]]", json.loads(self.content()))
            return str(parsed["metadata"]["version"])
        except (IdlError, ValueError, KeyError, TypeError, RecursionError):
            return "one that cannot be read"


async def look(node: Node, program: Pubkey) -> Published:
    """The program's IDL, as confirmed; `IdlError` where its address holds something else."""
    address = metadata_address(program)
    account = await node.account(address)
    if account is None:
        return Published(address=address, metadata=None)
    data = bytes(account.data)
    if account.owner == SYSTEM and not data:
        return Published(address=address, metadata=None, lamports=account.lamports)
    if account.owner != METADATA:
        raise IdlError(f"{address} is an account of {account.owner}, not of program-metadata")
    if kind_of(data) is Kind.BUFFER:
        raise IdlError(
            f"{address} is an upload that another tool began: end it, or close it, with that tool"
        )
    return Published(
        address=address, metadata=parse_metadata(data), lamports=account.lamports, size=len(data)
    )


async def look_legacy(node: Node, program: Pubkey) -> bytes | None:
    """What Anchor before 1.0 published, where it did."""
    base = Pubkey.find_program_address([], program)[0]
    account = await node.account(Pubkey.create_with_seed(base, _LEGACY_SEED, program))
    if account is None or account.owner != program or len(account.data) < _LEGACY_HEADER:
        return None
    data = bytes(account.data)
    length = int.from_bytes(data[_LEGACY_HEADER - 4 : _LEGACY_HEADER], "little")
    return unpacked(data[_LEGACY_HEADER:][:length], Compression.ZLIB)


def unpacked(data: bytes, compression: Compression) -> bytes:
    """What `data` was before it was compressed; `IdlError` where it is broken, or has no end."""
    if compression is Compression.NONE:
        return data
    wbits = _GZIP if compression is Compression.GZIP else zlib.MAX_WBITS
    reader = zlib.decompressobj(wbits)
    try:
        content = reader.decompress(data, _LARGEST)
    except zlib.error as error:
        raise IdlError(f"what is published cannot be read: {error}") from None
    if not reader.eof:
        raise IdlError("what is published has no end, or is larger than any account")
    return content
