"""Tests of deployments over links that lose, delay, repeat and refuse: the same end, each time.

A failure names its seed; the same seed brings the same faults again.
"""

from pathlib import Path

import pytest

from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program import plans
from scripts.runs.runner import execute
from tests.localnet.elf import program
from tests.localnet.programs import TOKEN, code_of
from tests.scripts.program.simulation import TARGET, Simulation, paid, simulated
from tests.soak import amount

_SHARES = amount(4, 20)
_LARGE = 50
"""Every so many seeds the program is SPL Token, a hundred times as large."""


def _faults(seed: int) -> Faults:
    return Faults(
        seed=seed,
        drop=0.3,
        delay=0.1,
        duplicate=0.1,
        gone=0.05,
        limit=0.05,
        behind=0.05,
        fork=0.02,
    )


def _deploy(folder: Path, seed: int) -> tuple[Simulation, bytes]:
    """A deployment from a seed, then an upgrade: on the chain, over a bad link."""
    first = code_of(TOKEN) if seed % _LARGE == 0 else program(seed, 2_000 + seed % 3_000)
    second = program(seed + 1, 1_000 + seed % 15_000)
    with simulated(folder, faults=_faults(seed), latency=seed % 3 * 0.2) as simulation:
        for code, make in ((first, plans.deploy), (second, plans.upgrade)):
            before, world = simulation.lamports, simulation.world(code)
            outcome = execute(make(TARGET, plans.inputs(world)), world, simulation.setting())
            assert outcome.code is ExitCode.DONE, (seed, outcome.message)
            assert simulation.runs() == code.rstrip(b"\0"), seed
            assert simulation.buffers() == [], seed
            said = simulation.journal().latest("step.done")
            assert said
            assert before - simulation.lamports == paid(said.data), seed
    return simulation, second


@pytest.mark.parametrize("share", range(_SHARES))
def test_a_bad_link_changes_nothing_but_the_time(tmp_path: Path, share: int) -> None:
    """Thirty of a hundred sends are lost: all bytes match, lamports reconcile, from any seed."""
    for seed in range(share, amount(8, 1000), _SHARES):
        _deploy(tmp_path / str(seed), seed)


def test_a_seed_brings_the_same_faults_again(tmp_path: Path) -> None:
    """As many of each kind, in a run that takes as long."""
    ends: list[object] = []
    for again in range(2):
        simulation, _ = _deploy(tmp_path / str(again), 7)
        clock = simulation.chain.blocks.newest
        ends.append((simulation.chain.dice.tally, clock.slot, simulation.lamports))
    assert ends[0] == ends[1]
