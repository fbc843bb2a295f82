"""Whole cutovers in a simulated cloud with faults: what must never be is not, for any seed.

Here are some seeds, which differ from day to day no more than their code; ten thousand are `make
soak`'s, by the command of the module.
"""

import pytest

from scripts.cutover.running.conductor import Outcome
from tests.scripts.cutover.simulated.cloud import Cloud
from tests.scripts.cutover.simulated.processes import Process, ViolationError
from tests.scripts.cutover.simulated.runs import simulate
from tests.scripts.cutover.simulation import block, slow

SEEDS = 80
BLOCK = 40


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """Whatever goes wrong in it."""
    tally = block(range(first, first + BLOCK))
    assert tally.violations == []
    assert tally.ends[Outcome.DONE.value] > BLOCK / 5
    assert tally.ends[Outcome.ROLLED_BACK.value] > BLOCK / 5


@pytest.mark.parametrize(
    "seed",
    [
        1458,  # an old side went while one of four new instances was healthy
        7534,  # an answer about one service's smoke tests was taken for another's
        9328,  # who went on with a way back had it begin anew, for a journal that was changed
    ],
)
def test_what_went_wrong_once_does_so_no_more(seed: int) -> None:
    """Seeds that broke an invariant."""
    simulate(seed)


def test_a_seed_gives_the_same_again() -> None:
    """Whatever fails is replayed from its seed."""
    told: tuple[list[str], list[str]] = ([], [])
    for said in told:
        simulate(8, lambda at, what, said=said: said.append(f"{at} {what}"))
    assert len(told[0]) > 50
    assert told[0] == told[1]


def test_a_violation_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the seed and the command that replays it."""
    monkeypatch.setattr(Cloud, "acts", _violated)
    with pytest.raises(ViolationError, match=r"seed 1: .*\n  Replay it: python -m .* --seed 1 -v"):
        simulate(1)


@pytest.mark.parametrize(
    ("back", "said"),
    [
        ([60.0] * 99 + [310.0], []),
        ([60.0] * 90 + [310.0] * 10, ["99 of 100 rollbacks take 310 s, and not less than 300 s"]),
        ([60.0] * 99 + [900.0], ["a rollback took 900 s, and not less than 900 s (ROLL-01)"]),
    ],
)
def test_slow_rollbacks_break_the_promise(back: list[float], said: list[str]) -> None:
    """One in a hundred may take five minutes, and none what ROLL-01 does not allow."""
    assert list(slow(back)) == said


def _violated(_cloud: Cloud, _process: Process, what: str) -> None:
    """Nothing may ever be done."""
    raise ViolationError(what)
