"""What a cutover is refused for before anything changes."""

from dataclasses import replace
from math import nan

import pytest

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.gates import Share
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Observations
from scripts.cutover.judgement.refusals import refusals
from tests.scripts.cutover.worlds import (
    GUARD,
    START,
    counts,
    healthy,
    levels,
    stage,
    times,
    watched,
)

WINDOW = stage()
AT = times(START - 900, START)


def refused(seen: Observations) -> Decision:
    """What is said of `seen` before the start."""
    return refusals(WINDOW.gates, seen, frozenset({GUARD}), now=START, oldest_seconds=60)


def old(series: str, changed: Counts | Levels | None) -> Observations:
    """A healthy old side of which one series is another, or not there."""
    seen = healthy(WINDOW, START)
    kept = {name: each for name, each in seen.old.items() if name != series}
    return replace(seen, new={}, old=kept | ({series: changed} if changed else {}))


def test_a_healthy_side_may_be_cut_over() -> None:
    """Nothing is refused where every gate can do its work."""
    assert refused(old("none", None)) == Decision(kind=Kind.CONTINUE, reasons=())


@pytest.mark.parametrize("series", sorted({gate.series for gate in WINDOW.gates}))
def test_a_metric_that_nobody_writes_is_refused(series: str) -> None:
    """A gate on it could neither pass nor fail."""
    decision = refused(old(series, None))
    assert decision.kind is Kind.REFUSE
    assert {each.gate.partition(" (")[0] for each in decision.reasons} >= {series}
    assert "nobody has ever written this metric" in decision.reasons[0].text


@pytest.mark.parametrize(
    ("series", "changed", "why"),
    [
        ("api/errors", Counts(), "no data"),
        ("api/errors", counts(AT[:-17], 0.001), "too old"),
        ("api/errors", counts(AT, 0.02), "already, limit 1.000%"),
        ("api/errors", Counts(AT, (0.0,) * 60, (0.0,) * 60), "nothing is counted"),
        ("api/errors", levels(START), "another kind of data"),
        ("api/slower than 60", counts(AT, 0.55), "already, limit 50.000%"),
        ("api/cpu", levels(START, 90, 90), "2 of 60 points beyond, already"),
        ("api/cpu", levels(START, nan), "not a number"),
        ("api/cpu", counts(AT, 0.1), "another kind of data"),
        ("api/health", levels(START, 1, 0, 0), "1 health checks that fail, already"),
        ("api/invalid proofs", levels(START, 2), "2 proofs that are invalid, already"),
    ],
)
def test_a_metric_that_is_bad_already_is_refused(
    series: str, changed: Counts | Levels, why: str
) -> None:
    """What is breached before cannot tell what the release does."""
    decision = refused(old(series, changed))
    assert decision.kind is Kind.REFUSE
    assert why in decision.reasons[0].text


@pytest.mark.parametrize("state", [Alarm.ALARM, Alarm.UNKNOWN, None])
def test_an_alarm_that_is_not_well_is_refused(state: Alarm | None) -> None:
    """One that fires already would be taken for the release's; one without data would be silent."""
    seen = healthy(WINDOW, START)
    decision = refused(replace(seen, alarms={GUARD: state} if state else {}))
    assert decision.kind is Kind.REFUSE
    assert decision.reasons[0].gate == GUARD


def test_an_emergency_is_no_time_to_cut_over() -> None:
    """What was raised is settled first."""
    decision = refused(replace(healthy(WINDOW, START), events=("security breach",)))
    assert decision.kind is Kind.REFUSE


def test_a_baseline_too_short_is_refused() -> None:
    """Neither a few recorded requests nor a few of now are compared with."""
    of = stage(service=watched(requests=5000))
    seen = healthy(of, START, rate=1)
    decision = refusals(of.gates, seen, frozenset(), now=START, oldest_seconds=60)
    assert decision.kind is Kind.REFUSE
    assert "the baseline is too short" in decision.reasons[0].text


def test_a_recorded_baseline_at_its_limit_is_refused() -> None:
    """Whatever the side that serves is like just now."""
    (gate,) = (each for each in WINDOW.gates if each.id.startswith("api/errors (ROLL-07"))
    assert isinstance(gate, Share)
    for recorded, kind in ((9_999, Kind.CONTINUE), (10_000, Kind.REFUSE), (20_000, Kind.REFUSE)):
        held = replace(gate, recorded=(recorded, 1_000_000))
        seen = healthy(WINDOW, START)
        decision = refusals([held], seen, frozenset(), now=START, oldest_seconds=60)
        assert decision.kind is kind, recorded


def test_a_short_recorded_baseline_is_refused_also_where_much_is_seen_now() -> None:
    """Once the old side is without traffic there would be nothing to compare with."""
    of = stage(service=watched(requests=5000))
    seen = healthy(of, START, rate=500)
    decision = refusals(of.gates, seen, frozenset(), now=START, oldest_seconds=60)
    assert decision.kind is Kind.REFUSE
    assert "the baseline is too short" in decision.reasons[0].text
