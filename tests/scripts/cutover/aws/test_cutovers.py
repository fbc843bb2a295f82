"""Whole cutovers with boto3's own calls, in accounts where calls fail and tasks die."""

import os
from collections import Counter

import pytest

from scripts.cutover.running.conductor import Outcome
from tests.scripts.cutover.aws.account import opened
from tests.scripts.cutover.aws.cutovers import carried_out

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
