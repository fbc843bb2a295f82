"""Whole cutovers in a simulated cloud with faults: what must never be is not, for any seed."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable

import pytest

from scripts.cutover import controller
from scripts.cutover.controller import Outcome
from tests.scripts.cutover.simulation import ViolationError, planned, simulated

SEEDS = 10_000 if os.environ.get("SLIPWAY_SOAK") else 60
PLAN = planned()


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """Sides that get traffic are sized, old ones go last, and every way back is bounded."""
    ends = Counter(simulated(seed, PLAN)[0] for seed in range(first, first + 20))
    assert ends[Outcome.DONE]
    assert ends[Outcome.ROLLED_BACK]
    assert not ends[Outcome.STUCK]


def test_the_invariants_are_seen_to_be_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller that believes that it sized a side sends users to an empty one."""

    def at_once(is_so: Callable[[], bool], *_: object) -> bool:
        with contextlib.suppress(TimeoutError):
            is_so()
        return True

    monkeypatch.setattr(controller, "_until", at_once)
    with pytest.raises(ViolationError):
        Counter(simulated(seed, PLAN)[0] for seed in range(20))


def test_a_seed_gives_the_same_again() -> None:
    """Whatever fails is replayed from its seed."""
    (outcome, cloud), again = simulated(4, PLAN), simulated(4, PLAN)
    assert outcome is again[0]
    assert len(cloud.decisions) > 1
    assert cloud.decisions == again[1].decisions


def test_bad_releases_do_not_end_well() -> None:
    """With 2 % or 30 % of errors from some weight on, none is done unless a person said so."""
    for seed in range(30):
        outcome, cloud = simulated(seed, PLAN)
        if cloud.fate.errors > 0.01:
            assert outcome is not Outcome.DONE, seed
