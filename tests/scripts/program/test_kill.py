"""Tests of deployments that are killed: run again, they end as if nothing had happened.

A kill is simulated at every journal entry and every send, before and after each; a sample is killed
for real in `test_real_kill.py`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program import plans
from scripts.runs.journal import Entry
from scripts.runs.runner import execute
from tests.localnet.elf import program
from tests.scripts.program.simulation import TARGET, HastyStore, Simulation, simulated
from tests.soak import amount

_OLD, _NEW = program(1), program(2, 3000)
_SHARES = 4
_STAGES = {
    "deploy": (plans.deploy, _NEW),
    "upgrade": (plans.upgrade, _NEW),
    "rollback": (plans.rollback, _NEW),
}
"""What each does, and what runs then. Before an upgrade and a rollback runs another program."""
_WAITS = (0, 1, 5, 200)
"""How many slots pass between a kill and the next run; after 200 every blockhash is gone."""


class Killed(SystemExit):
    """The process ended here: nothing catches it but the operating system."""


@dataclass
class Killer:
    """Ends the process at the point `at`, counted from 0; whoever is dead does nothing more."""

    at: float = float("inf")
    passed: int = field(default=0)

    def point(self, _what: object = None) -> None:
        """Die here, if it is the one."""
        self.passed += 1
        if self.passed > self.at:
            raise Killed


class _Store(HastyStore):
    """A store in which the killer waits around each entry."""

    def __init__(self, path: Path, killer: Killer) -> None:
        super().__init__(path)
        self._killer = killer

    def append(self, entry: Entry, *, token: int) -> None:
        self._killer.point()
        super().append(entry, token=token)
        self._killer.point()


def _run(simulation: Simulation, stage: str, killer: Killer | None = None) -> int:
    """One process of the stage's command; how it ended."""
    killer = killer or Killer()
    make, code = (plans.deploy, _OLD) if stage == "before" else _STAGES[stage]
    simulation.point = killer.point
    store = _Store(simulation.folder / "runs.sqlite", killer)
    try:
        world = simulation.world(code)
        plan = make(TARGET, plans.inputs(world))
        return execute(plan, world, simulation.setting(store)).code
    except Killed:
        return -9
    finally:
        simulation.point = lambda _: None
        store.close()


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
            assert _run(simulation, stage, Killer(at)) == -9
            simulation.chain.advance(_WAITS[at % len(_WAITS)])
            assert _run(simulation, stage) == ExitCode.DONE, at
            assert _end(simulation) == wanted, at
            assert simulation.journal().verify() == []


@pytest.mark.parametrize("stage", _STAGES)
def test_a_run_killed_again_and_again_ends_the_same(tmp_path: Path, stage: str) -> None:
    """Each process gets a little further, over a link that loses a third."""
    wanted, _ = _clean(tmp_path / "clean", stage)
    with simulated(tmp_path / "killed", faults=Faults(drop=0.3, seed=5)) as simulation:
        _prepare(simulation, stage)
        at, ended = 5, -9
        while ended == -9:
            ended = _run(simulation, stage, Killer(at))
            at += 3
        assert ended == ExitCode.DONE
        assert _end(simulation) == wanted
