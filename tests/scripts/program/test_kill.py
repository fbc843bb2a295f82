"""Tests of deployments that are killed: run again, they end as if nothing had happened.

At every journal entry and every send, before and after each.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program import plans
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.simulation import TARGET, Simulation, simulated
from tests.soak import amount

_OLD, _NEW = program(1), program(2, 3000)
_SHARES = 4
_STAGES = {
    "deploy": (plans.deploy, _NEW),
    "upgrade": (plans.upgrade, _NEW),
    "rollback": (plans.rollback, _NEW),
}
"""What each does, and what runs then. Before an upgrade and a rollback runs another program."""


def _run(simulation: Simulation, stage: str, killer: Killer | None = None) -> int:
    """One process of the stage's command; how it ended."""
    make, code = (plans.deploy, _OLD) if stage == "before" else _STAGES[stage]

    def run(store: SqliteStore) -> int:
        world = simulation.world(code)
        plan = make(TARGET, plans.inputs(world))
        return execute(plan, world, simulation.setting(store)).code

    return process(simulation, run, killer or Killer())


def _prepare(simulation: Simulation, stage: str) -> None:
    """What comes before the stage."""
    if stage != "deploy":
        assert _run(simulation, "before") == ExitCode.DONE


@dataclass(frozen=True)
class _End:
    """What is left when all is done."""

    runs: bytes
    buffers: int
    keys: int
    transactions: int
    lamports: int


def _end(simulation: Simulation) -> _End:
    own = simulation.payer.pubkey()
    records = simulation.chain.records.values()
    return _End(
        runs=simulation.runs(),
        buffers=len(simulation.buffers()),
        keys=len(simulation.world(b"").folder.buffers()),
        transactions=sum(1 for one in records if one.keys.own[0] == own),
        lamports=simulation.lamports,
    )


def _clean(folder: Path, stage: str) -> tuple[_End, int]:
    """How it ends without a kill, and how many points there are."""
    with simulated(folder) as simulation:
        _prepare(simulation, stage)
        killer = Killer()
        assert _run(simulation, stage, killer) == ExitCode.DONE
        return _end(simulation), killer.passed


@pytest.mark.parametrize("share", range(_SHARES))
@pytest.mark.parametrize("stage", _STAGES)
def test_a_run_killed_at_any_point_ends_the_same(tmp_path: Path, stage: str, share: int) -> None:
    """The right bytes, no buffer left, and not a lamport more: nothing is paid twice."""
    wanted, points = _clean(tmp_path / "clean", stage)
    assert wanted.runs == _NEW
    assert (wanted.buffers, wanted.keys) == (0, 0)
    for at in range(share, points, _SHARES * amount(6, 1)):
        with simulated(tmp_path / str(at)) as simulation:
            _prepare(simulation, stage)
            assert _run(simulation, stage, Killer(at)) == KILLED
            simulation.chain.advance(WAITS[at % len(WAITS)])
            assert _run(simulation, stage) == ExitCode.DONE, at
            assert _end(simulation) == wanted, at
            assert simulation.journal().verify() == []


@pytest.mark.parametrize("stage", _STAGES)
def test_a_run_killed_again_and_again_ends_the_same(tmp_path: Path, stage: str) -> None:
    """Each process gets a little further, over a link that loses a third."""
    wanted, _ = _clean(tmp_path / "clean", stage)
    with simulated(tmp_path / "killed", faults=Faults(drop=0.3, seed=5)) as simulation:
        _prepare(simulation, stage)
        at, ended = 5, KILLED
        while ended == KILLED:
            ended = _run(simulation, stage, Killer(at))
            at += 3
        assert ended == ExitCode.DONE
        assert _end(simulation) == wanted
