"""Tests of buffers that are left behind: whose they are, which are closed, and what goes on."""

from pathlib import Path

import pytest
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.upload import Progress
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.scripts.program.killing import KILLED, Killer, process
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
