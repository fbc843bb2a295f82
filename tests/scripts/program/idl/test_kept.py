"""The IDL that belongs to a program goes with it, and comes back with it."""

from dataclasses import replace
from pathlib import Path

import pytest
from solders.account import Account

from scripts.exits import ExitCode
from scripts.program import plans as deployments
from scripts.program.elf import program_hash
from scripts.program.folder import SavedError
from scripts.program.idl import plans
from scripts.program.idl.document import Idl
from scripts.program.idl.kept import kept
from scripts.program.idl.metadata import METADATA, metadata_address
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.scripts.program.idl.program import MetadataChain
from tests.scripts.program.idl.scene import CODE, Scene, idl_of, scene
from tests.scripts.program.idl.test_publish import assert_clean
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.network import Project, project
from tests.scripts.program.simulation import TARGET
from tests.soak import amount

_NEXT = program(2, 2500)
_SHARES = 2


def _publish(it: Project, version: str) -> Idl:
    idl = idl_of(it.program.pubkey(), version=version)
    file = it.folder / f"{version}.json"
    file.write_bytes(idl.content)
    said = it.run("idl", "publish", "development", str(file), "--execute")
    assert said.exit_code == ExitCode.DONE, said.output
    return idl


def _published(it: Project) -> bytes:
    file = it.folder / "published.json"
    assert it.run("idl", "show", "development", "-o", str(file)).exit_code == ExitCode.DONE
    return file.read_bytes()


def test_a_rollback_brings_the_idl_back_too(tmp_path: Path) -> None:
    """After the bytes, with its costs above the steps; forward again it is the later one."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        first = _publish(it, "1.0.0")
        assert it.upgrade(_NEXT).exit_code == ExitCode.DONE
        second = _publish(it, "1.1.0")
        planned = it.run("rollback", "development")
        assert "bytes, within 14 min 59 s\n" in planned.stdout
        assert "then its IDL, of version 1.0.0 instead of 1.1.0, within 15 min" in planned.stdout
        assert planned.stdout.index("Wait until it is final") < planned.stdout.index(
            "Put the IDL in place"
        )
        for idl, words in ((first, ()), (second, ("--to", "1.1.0"))):
            back = it.run("rollback", "development", *words, "--execute")
            assert back.exit_code == ExitCode.DONE, back.output
            assert _published(it) == idl.content
            assert not list((it.folder / ".slipway" / "idl").iterdir())


def test_what_was_not_kept_or_cannot_be_put_back_is_said(tmp_path: Path) -> None:
    """The bytes go back all the same; which command is left is named."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        assert it.upgrade(_NEXT).exit_code == ExitCode.DONE
        later = _publish(it, "1.1.0")
        back = it.run("rollback", "development", "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        assert "its IDL on chain stays that of version 1.1.0" in back.stderr
        assert "idl publish development FILE --version 1.0.0" in back.stderr
        assert _published(it) == later.content
        for path in (it.folder / ".slipway" / "programs").glob("*.idl"):
            path.write_bytes(b"{}")
        broken = it.run("rollback", "development", "--to", "1.1.0")
        assert broken.exit_code == ExitCode.DONE
        assert "was changed: its SHA-256 is" in broken.stdout


def _before(there: Scene) -> Idl:
    """Two versions, each with its IDL; the first one's, which is to come back."""
    simulation = there.simulation
    first, second = there.idl("1.0.0"), there.idl("1.1.0", 1_500)
    assert there.publish(first).code == ExitCode.DONE
    world = replace(simulation.world(_NEXT), version="1.1.0")
    plan = deployments.upgrade(TARGET, deployments.inputs(world))
    assert execute(plan, world, simulation.setting()).code == ExitCode.DONE
    assert there.publish(second, world=world).code == ExitCode.DONE
    return first


def _back(there: Scene, killer: Killer) -> int:
    """One process of the rollback; how it ended."""

    def run(store: SqliteStore) -> int:
        world = there.simulation.world(CODE)
        about = world.folder.saved(program_hash(CODE))
        assert about
        publication = kept(world, about)
        assert publication
        back = deployments.rollback(TARGET, deployments.inputs(world))
        plan = plans.then_publish(back, publication)
        return execute(plan, world, there.simulation.setting(store)).code

    return process(there.simulation, run, killer)


@pytest.mark.parametrize("share", range(_SHARES))
def test_a_rollback_killed_at_any_point_ends_with_program_and_idl(
    tmp_path: Path, share: int
) -> None:
    """Both of the version before, nothing left behind, nothing paid twice."""
    with scene(tmp_path / "clean") as there:
        _before(there)
        killer = Killer()
        assert _back(there, killer) == ExitCode.DONE
        wanted, points = there.simulation.lamports, killer.passed
    for at in range(share, points, _SHARES * amount(8, 1)):
        with scene(tmp_path / str(at)) as there:
            idl = _before(there)
            assert _back(there, Killer(at)) == KILLED
            there.chain.advance(WAITS[at % len(WAITS)])
            assert _back(there, Killer()) == ExitCode.DONE, at
            assert_clean(there, idl)
            assert there.simulation.runs() == CODE.rstrip(b"\0")
            assert there.simulation.buffers() == []
            assert there.simulation.lamports == wanted, at


def test_a_kept_idl_that_was_changed_is_not_put_back(tmp_path: Path) -> None:
    """What lies on disk is held to the hash that was noted."""
    with scene(tmp_path) as there:
        _before(there)
        world = there.simulation.world(CODE)
        about = world.folder.saved(program_hash(CODE))
        assert about
        assert about.idl == there.idl("1.0.0").hash
        (world.folder.root / "programs" / f"{about.idl}.idl").write_bytes(b"{}")
        with pytest.raises(SavedError, match="was changed"):
            kept(world, about)
        assert kept(world, about.model_copy(update={"idl": None})) is None


@pytest.mark.parametrize("data", [b"\x07" + bytes(95), b"\x02" + bytes(200)])
def test_no_way_back_stops_for_an_idl_that_cannot_be_read(tmp_path: Path, data: bytes) -> None:
    """The bytes go back; what is published stays as it is."""
    with project(tmp_path, chain=MetadataChain()) as it:
        assert it.deploy(program(1)).exit_code == ExitCode.DONE
        assert it.upgrade(_NEXT).exit_code == ExitCode.DONE
        address = metadata_address(it.program.pubkey())
        broken = Account(it.chain.rent(len(data)), data, METADATA)
        it.endpoint.between_blocks(lambda: it.chain.place(address, broken))
        it.endpoint.between_blocks(lambda: it.chain.advance(3))
        back = it.run("rollback", "development", "--execute")
        assert back.exit_code == ExitCode.DONE, back.output
        verified = it.run("verify", "development", "--file", "program.so")
        assert verified.exit_code == ExitCode.DONE, verified.output
