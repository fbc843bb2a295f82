"""What lies where the IDL should: read as it is, or refused with what it is."""

import struct
from pathlib import Path

import pytest
from solders.account import Account
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from scripts.exits import ExitCode
from scripts.program.idl.document import IdlError
from scripts.program.idl.metadata import FORM, METADATA, SEED, Encoding, Kind, Source
from scripts.program.idl.publication import Publication
from scripts.program.idl.refusals import refuse_publication, refuse_version
from tests.scripts.program.idl.scene import CODE, Scene, scene


def put(there: Scene, data: bytes, owner: Pubkey = METADATA) -> None:
    """Something at the IDL's address."""
    address = there.published().address
    there.chain.place(address, Account(there.chain.rent(len(data)), data, owner))
    there.chain.advance(2)


def kept(there: Scene, data: bytes, *, form: bytes = FORM, mutable: bool = True) -> bytes:
    """The bytes of a metadata account."""
    head = bytes([Kind.METADATA]) + bytes(there.simulation.program) + bytes(32)
    return (
        head + bytes([mutable, True]) + SEED + form + struct.pack("<I", len(data)) + bytes(5) + data
    )


def test_an_account_that_only_holds_lamports_is_none(tmp_path: Path) -> None:
    """Whoever sends some there does not keep anybody from publishing."""
    with scene(tmp_path) as there:
        put(there, b"", SYSTEM)
        assert there.published().metadata is None
        assert there.publish(there.idl()).code == ExitCode.DONE
        assert there.published().holds(there.idl().content)


def test_an_account_of_another_program_is_refused(tmp_path: Path) -> None:
    """With whose it is."""
    with scene(tmp_path) as there:
        put(there, bytes(96), there.simulation.program)
        with pytest.raises(IdlError, match=str(there.simulation.program)):
            there.published()


def test_what_another_tool_began_is_left_to_it(tmp_path: Path) -> None:
    """It may be half of somebody's upload."""
    with scene(tmp_path) as there:
        put(there, bytes([Kind.BUFFER]) + bytes(95))
        with pytest.raises(IdlError, match="another tool began"):
            there.published()


def test_an_idl_that_lies_elsewhere_is_told(tmp_path: Path) -> None:
    """Its address is shown, and it is no IDL of this build; publishing puts it into the account."""
    with scene(tmp_path) as there:
        put(there, kept(there, b"https://example.com", form=FORM[:3] + bytes([Source.URL])))
        found, idl = there.published(), there.idl()
        assert not found.holds(idl.content)
        with pytest.raises(IdlError, match=r"URL.*https://example\.com"):
            found.content()
        assert there.publish(idl).code == ExitCode.DONE
        assert there.published().holds(idl.content)


def test_the_same_bytes_in_another_encoding_are_published_anew(tmp_path: Path) -> None:
    """A client would not read them as this IDL."""
    with scene(tmp_path) as there:
        idl = there.idl()
        put(there, kept(there, idl.packed, form=bytes([Encoding.BASE58]) + FORM[1:]))
        assert not there.published().holds(idl.content)
        assert there.publish(idl).code == ExitCode.DONE
        assert there.published().holds(idl.content)


def test_an_immutable_idl_is_refused(tmp_path: Path) -> None:
    """Nobody can change it, and nothing is paid for trying."""
    with scene(tmp_path) as there:
        put(there, kept(there, b"x", mutable=False))
        world = there.simulation.world(CODE)
        with pytest.raises(IdlError, match="immutable"):
            refuse_publication(world, Publication(idl=there.idl()))


def test_a_version_that_is_not_known_to_run_is_not_compared(tmp_path: Path) -> None:
    """What this machine has not deployed has no version here; what it has must be the IDL's."""
    with scene(tmp_path) as there:
        world = there.simulation.world(CODE)
        refuse_version(world, there.idl("1.0.0"))
        with pytest.raises(IdlError, match=r"runs version 1\.0\.0, and the IDL is of 9\.9\.9"):
            refuse_version(world, there.idl("9.9.9"))
        for file in (world.folder.root / "programs").glob("*.json"):
            file.unlink()
        refuse_version(world, there.idl("9.9.9"))
