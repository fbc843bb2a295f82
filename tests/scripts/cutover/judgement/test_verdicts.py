"""How one gate stands, and what it is compared with, at the edges of what is known."""

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.cutover.judgement.decisions import Finding
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.observations import Counts, Levels, Observations
from scripts.cutover.judgement.refusals import refusals
from scripts.cutover.judgement.sequential import upper
from scripts.cutover.judgement.verdicts import ENOUGH, SHARP, Span, compared, verdict
from tests.scripts.cutover.worlds import BAKE, START, stage

END = START + BAKE
SPAN = Span(since=START, now=END, oldest=600)


def gate_of(kind: type[Gate]) -> Gate:
    """A gate of the deployment window."""
    return next(each for each in stage().gates if isinstance(each, kind))


def share() -> Share:
    """The gate on errors, with a baseline that is just long enough."""
    found = gate_of(Share)
    assert isinstance(found, Share)
    return replace(found, recorded=(0.0, ENOUGH / found.limit))


@pytest.mark.parametrize("kind", [Level, Event])
def test_what_was_measured_before_the_step_says_nothing_of_it(kind: type[Gate]) -> None:
    """It is unknown since the step began, however fresh the last point is."""
    gate = gate_of(kind)
    seen = Observations(new={gate.series: Levels((START - 1,), (0.0,))})
    found = verdict(gate, seen, SPAN)
    assert found.gate is gate
    assert found.reason.finding is Finding.UNKNOWN
    assert found.reason.text.endswith(": no data since the step began")
    assert found.blind_since == START


@pytest.mark.parametrize("kind", [Level, Event, Share])
def test_data_of_another_kind_is_no_data(kind: type[Gate]) -> None:
    """It never passes, and refuses a start."""
    gate = gate_of(kind)
    wrong = Levels((END,), (0.0,)) if kind is Share else Counts((END,), (10.0,), (0.0,))
    found = verdict(gate, Observations(new={gate.series: wrong}), SPAN)
    assert found.gate is gate
    assert found.reason.finding is Finding.UNKNOWN
    assert found.reason.text.endswith(": another kind of data than the gate judges")
    assert found.blind_since == START
    before = Observations(new={}, old={gate.series: wrong})
    refused = refusals([gate], before, frozenset(), now=END, oldest_seconds=600)
    assert [each.text for each in refused.reasons] == ["another kind of data than the gate judges"]


def test_of_a_level_that_must_not_fall_the_lowest_point_counts() -> None:
    """Two points below are a breach, and the lower of them is told."""
    gate = gate_of(Level)
    assert isinstance(gate, Level)
    least = replace(gate, is_minimum=True, limit=10.0)
    seen = Observations(new={gate.series: Levels((END - 2, END - 1, END), (20.0, 5.0, 4.0))})
    found = verdict(least, seen, SPAN).reason
    assert (found.finding, found.value) == (Finding.BREACHED, 4.0)


def test_a_baseline_is_long_enough_from_a_hundred_times_the_limit_on() -> None:
    """And without a single bad request it is a baseline, too."""
    gate = share()
    assert compared(gate, None) is not None
    bad, total = gate.recorded
    assert compared(replace(gate, recorded=(bad, total - 1)), None) is None


def test_the_old_side_stands_for_the_baseline_once_it_is_as_sharp() -> None:
    """A thousand times the limit's requests, or as many as were recorded, are enough."""
    gate = share()
    _, total = gate.recorded
    for live, is_enough in ((total, True), (total - 1, False)):
        old = Counts((END,), (live,), (live * gate.limit / 2,))
        found = compared(gate, old)
        assert found is not None
        assert (found.baseline > 0) is is_enough
    long = replace(gate, recorded=(0.0, 100 * SHARP / gate.limit))
    for live, is_enough in ((SHARP / gate.limit, True), (SHARP / gate.limit - 1, False)):
        found = compared(long, Counts((END,), (live,), (live * gate.limit / 2,)))
        assert found is not None
        assert (found.baseline > 0) is is_enough


@pytest.mark.parametrize("dead", [0.9, 0.99, 1.0])
def test_nothing_is_beyond_a_baseline_that_fails_everything(dead: float) -> None:
    """There is no limit above it, so there is nothing to compare with."""
    gate = replace(share(), limit=0.1, is_above_baseline=True)
    assert compared(gate, Counts((END,), (1e6,), (1e6 * dead,))) is None


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_the_upper_end_of_a_share_is_wilsons(total: int, part: float) -> None:
    """The true share whose own spread, doubled, just reaches down to what was seen."""
    bad = round(total * part)
    true = upper(bad, total)
    assert bad / total <= true + 1e-9 <= 1 + 2e-9
    reach = 2 * (true * (1 - true) / total) ** 0.5
    assert isclose(true - reach, bad / total, abs_tol=1e-9) or isclose(true, 1)
