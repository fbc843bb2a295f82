"""Whole cutovers with boto3's own calls, in accounts where calls fail and tasks die."""

import os
from collections import Counter

import pytest

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Observations
from scripts.cutover.running import judging
from scripts.cutover.running.conductor import Outcome
from tests.scripts.cutover.aws.account import opened
from tests.scripts.cutover.aws.cutovers import ViolationError, carried_out

SEEDS = 300 if os.environ.get("SLIPWAY_SOAK") else 12
EACH = 4


@pytest.mark.parametrize("first", range(0, SEEDS, EACH))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """Whatever AWS answers, and wherever it is killed: who gets traffic can carry it."""
    ends: Counter[Outcome] = Counter()
    for seed in range(first, first + EACH):
        with opened() as account:
            ends[carried_out(seed, account).ended.outcome] += 1
    assert ends[Outcome.DONE] + ends[Outcome.ROLLED_BACK] == EACH


def test_a_bad_release_that_is_gone_on_with_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The invariants say so of a conductor that takes whatever it sees for well."""

    def well(_stage: Stage, _seen: Observations, _now: float) -> Decision:
        return Decision(kind=Kind.CONTINUE, reasons=())

    monkeypatch.setattr(judging, "judge", well)
    with opened() as account, pytest.raises(ViolationError, match=r"1: done with 30.0% of errors"):
        carried_out(1, account)
