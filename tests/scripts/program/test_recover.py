"""Tests of buffers that are left behind: whose they are, which are closed, and what goes on."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.folder import Folder
from scripts.program.upload import Progress
from scripts.runs.journal import Entry
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.localnet.programs import Wallet
from tests.scripts.program.killing import KILLED, Killer, process
from tests.scripts.program.network import Project, project
from tests.scripts.program.simulation import TARGET, Simulation, simulated

_CODE = program(1, 6000)
_BLOCKHASH_SLOTS = 150


def _deploy(simulation: Simulation, killer: Killer | None = None) -> int:
    """One process that deploys; how it ended."""

    def run(store: SqliteStore) -> int:
        world = simulation.world(_CODE)
        plan = plans.deploy(TARGET, plans.inputs(world))
        return execute(plan, world, simulation.setting(store)).code

    return process(simulation, run, killer or Killer())


def _close(simulation: Simulation, buffer: Pubkey) -> None:
    """Somebody with the authority's key takes the buffer away."""
    payer, authority = simulation.payer, simulation.authority
    closed = loader.close_buffer(buffer, payer.pubkey(), authority.pubkey())
    blockhash = simulation.chain.blocks.newest.hash
    message = Message.new_with_blockhash([closed], payer.pubkey(), blockhash)
    simulation.chain.submit(VersionedTransaction(message, [payer, authority]))
    simulation.chain.advance(2)


def test_a_run_whose_buffer_was_closed_after_a_kill_goes_on_at_once(tmp_path: Path) -> None:
    """The transaction that once created it has landed, and what it did was undone: a new one."""
    with simulated(tmp_path) as simulation:
        at = 0
        while not simulation.buffers():
            assert _deploy(simulation, Killer(at)) == KILLED
            simulation.chain.advance(2)
            at += 1
        (buffer,) = simulation.buffers()
        _close(simulation, buffer)
        slot = simulation.chain.blocks.newest.slot
        assert _deploy(simulation) == ExitCode.DONE
        assert simulation.runs() == _CODE.rstrip(b"\0")
        assert simulation.buffers() == []
        assert simulation.chain.blocks.newest.slot - slot < _BLOCKHASH_SLOTS
        assert simulation.journal().verify() == []


@pytest.mark.parametrize("keeps_key", [True, False])
def test_an_upload_whose_buffer_is_closed_under_it_begins_anew(
    tmp_path: Path, *, keeps_key: bool
) -> None:
    """By itself, with the buffer's key or a new one; what the first one held came back."""
    with simulated(tmp_path) as simulation:
        world, closed = simulation.world(_CODE), list[Pubkey]()

        def close(_: Progress) -> None:
            if not closed:
                closed.extend(simulation.buffers())
                _close(simulation, closed[0])
                if not keeps_key:
                    world.folder.buffer_path(_CODE).unlink()

        world.watch = close
        plan = plans.deploy(TARGET, plans.inputs(world))
        outcome = execute(plan, world, simulation.setting())
        assert outcome.code is ExitCode.DONE, outcome.message
        assert len(closed) == 1
        assert simulation.runs() == _CODE.rstrip(b"\0")
        assert simulation.buffers() == []


def _left(it: Project, size: int, program: Pubkey | None) -> Pubkey:
    """A buffer of the authority, whose key is kept as one of `program`'s."""
    wallet, key = Wallet(it.chain, seed=size), Keypair()
    lamports = it.chain.rent(loader.BUFFER_HEADER + size)
    wallet.do(
        *loader.create_buffer(
            payer=wallet.key,
            buffer=key.pubkey(),
            authority=it.payer.pubkey(),
            length=size,
            lamports=lamports,
        ),
        others=(key,),
    )
    it.chain.advance(3)
    if program:
        folder = Folder(root=it.folder / ".slipway", program=program)
        folder.buffer_path(bytes(size)).parent.mkdir(parents=True, exist_ok=True)
        it.key(str(folder.buffer_path(bytes(size))), key)
    return key.pubkey()


def test_only_buffers_of_the_program_are_closed_unless_one_is_named(tmp_path: Path) -> None:
    """Another program's may be a run's that is uploading it now: it says so, and stays."""
    with project(tmp_path, slot_seconds=0.1) as it:
        other = Keypair().pubkey()
        whose = [it.program.pubkey(), other, None]
        own, others, unknown = it.endpoint.between_blocks(
            lambda: [_left(it, 100 + number, one) for number, one in enumerate(whose)]
        )
        said = it.run("recover", "development").stdout
        assert f"{own}  100 bytes" in said
        assert f"of the program {other}" in said
        assert "no key of it is here" in said
        assert said.count("BUSY, written to") == 3
        assert "slipway program recover development --close --execute" in said
        commands = {
            f"slipway program recover development --buffer {one} --close --execute"
            for one in (others, unknown)
        }
        assert any(command in said for command in commands)
        planned = it.run("recover", "development", "--close").stdout
        assert f"  buffers: {own}\n" in planned
        assert "SOL in 1 buffer come back" in planned
        assert "1 transaction" in planned
        closing = it.run("recover", "development", "--close", "--execute")
        assert closing.exit_code == ExitCode.DONE, closing.output
        left = json.loads(it.run("recover", "development", "--json").stdout)
        assert {one["address"] for one in left} == {str(others), str(unknown)}
        assert all(one["busy"] for one in left)
        named = it.run(
            *("recover", "development", "--close", "--execute"),
            *("--buffer", str(others), "--buffer", str(unknown)),
        )
        assert named.exit_code == ExitCode.DONE, named.output
        assert "No buffer of" in it.run("recover", "development").stdout
        assert not list((it.folder / ".slipway" / "buffers").iterdir())


def test_where_there_is_nothing_to_close_nothing_is_run(tmp_path: Path) -> None:
    """No run, no evidence; a buffer that is not there is named."""
    with project(tmp_path) as it:
        nothing = it.run("recover", "development", "--close", "--execute")
        assert nothing.exit_code == ExitCode.DONE
        assert "No buffer of" in nothing.stdout
        assert not (it.folder / ".slipway" / "evidence").exists()
        gone = str(Keypair().pubkey())
        refused = it.run("recover", "development", "--close", "--buffer", gone)
        assert refused.exit_code == ExitCode.USAGE
        assert f"{gone}: no buffer of" in refused.stderr


def test_a_recovery_that_was_killed_ends_as_it_was_begun(tmp_path: Path) -> None:
    """Also where the chain shows nothing of it any more: its record is closed."""
    with project(tmp_path) as it:
        buffer = it.endpoint.between_blocks(lambda: _left(it, 100, it.program.pubkey()))
        words = ("recover", "development", "--close", "--execute")
        # Killed right before its last entry.
        append = SqliteStore.append

        def die(self: SqliteStore, entry: Entry, *, token: int) -> None:
            if entry.kind == "run.done":
                raise SystemExit(KILLED)
            append(self, entry, token=token)

        with patch.object(SqliteStore, "append", die):
            assert it.run(*words).exit_code == KILLED
        assert it.chain.account(buffer) is None
        ended = it.run(*words)
        assert ended.exit_code == ExitCode.DONE, ended.output
        assert "resuming the run" in ended.stderr
        assert "No buffer of" in it.run(*words).stdout
        assert not list((it.folder / ".slipway" / "buffers").iterdir())
