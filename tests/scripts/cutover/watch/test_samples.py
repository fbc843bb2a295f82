"""Series made of periods: growth, rates and peaks, which each look at more than one of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cutover.judgement.decisions import Finding
from scripts.cutover.judgement.gates import Gate, Watched
from scripts.cutover.judgement.limits import SERVED, Period
from scripts.cutover.judgement.observations import Levels, Observations
from scripts.cutover.judgement.verdicts import Span, verdict
from scripts.cutover.watch.samples import Found, growth, highest, hit_rate, share
from tests.scripts.cutover.watch.scene import START, baseline, stage

DAY = 86_400
WEEK = 7 * DAY
TIMES = range(0, WEEK, 600)


def _used(percent: list[float]) -> Levels:
    return Levels(tuple(START + at + 600 for at in TIMES[: len(percent)]), tuple(percent))


def _straight(slope: float = 20) -> list[float]:
    return [10 + slope * at / WEEK + at % 7 / 20 for at in TIMES]


def _finding(series: str, levels: Levels, watched: Watched | None = None) -> Finding:
    of = stage(period=Period.FIRST_WEEK, watched=watched)
    (gate,) = (gate for gate in of.gates if gate.series == f"api/{series}")
    now = levels.at[-1] + 60 if levels.at else START
    span = Span(since=START, now=now, oldest=120)
    return verdict(gate, Observations(new={gate.series: levels}), span).reason.finding


@pytest.mark.parametrize("slope", [0, 0.5, 5, 60, -30])
def test_a_disk_that_grows_along_a_line_passes(slope: float) -> None:
    """MON-11: growth is linear, however steep; other gates have the ceilings."""
    assert _finding("disk growth", growth(_used(_straight(slope)), START)) is Finding.PASSED


def test_a_disk_that_grows_faster_and_faster_is_asked_about() -> None:
    """By the square of time, or as a flood that begins on the sixth day."""
    square = [10 + 60 * (at / WEEK) ** 2 for at in TIMES]
    assert _finding("disk growth", growth(_used(square), START)) is Finding.BREACHED
    flood = [10 + max(0, at - 5 * DAY) / DAY * 20 for at in TIMES]
    assert _finding("disk growth", growth(_used(flood), START)) is Finding.BREACHED


def test_growth_is_known_from_the_first_point_on_and_looked_at_by_the_hour() -> None:
    """A new side fills its caches: that is no growth to be judged."""
    first = growth(_used([2, 9, 15, 18]), START)
    assert set(first.value) == {0}
    assert first.at[-1] == START + 2400
    assert len(growth(_used(_straight()), START).at) == 7 * 24


def test_growth_that_was_mostly_not_seen_is_unknown() -> None:
    """Two hours at the end of a week show no line."""
    late = Levels(tuple(START + WEEK - 600 * each for each in range(12, 0, -1)), (50.0,) * 12)
    assert growth(late, START) == Levels()
    assert _finding("disk growth", growth(late, START)) is Finding.UNKNOWN


@given(percent=st.lists(st.floats(0, 100), min_size=1, max_size=400))
@settings(max_examples=30, deadline=None)
def test_growth_is_a_number_whatever_a_disk_does(percent: list[float]) -> None:
    """And has a value for now."""
    found = growth(_used(percent), START)
    assert found.problem() is None
    assert found.at[-1] == _used(percent).at[-1]


def _found(values: dict[int, float], period: int = 60, until: int = 10_000) -> Found:
    return Found({START + at: value for at, value in values.items()}, START + until, period)


def test_a_hit_rate_is_that_of_the_hour_before() -> None:
    """Over fewer look-ups it swings by itself."""
    hits = _found({0: 90, 60: 0, 3600: 5})
    misses = _found({0: 10, 60: 100, 3600: 95})
    rate = hit_rate([hits], [misses], 3600)
    assert rate.value == (90, 45, pytest.approx(100 * 5 / 200))


def test_a_cache_that_nobody_asks_has_no_rate() -> None:
    """It is not 0 %."""
    assert hit_rate([_found({0: 0})], [_found({0: 0})], 3600) == Levels()


def test_a_share_of_nothing_is_unknown() -> None:
    """A disk of no size, or one whose size was not read yet."""
    assert share(_found({0: 4, 60: 4}), _found({0: 20, 60: 0})).value == (20,)
    assert share(_found({0: 4}, until=30), _found({0: 20})) == Levels()


def test_the_peak_is_that_of_both_sides_together_in_the_day_before() -> None:
    """What the old side served yesterday counts today, and no longer tomorrow."""
    old = _found({0: 30_000, 300: 60_000}, 300, 2 * DAY)
    new = _found({300: 3_000, DAY: 30_000, DAY + 300: 30_000}, 300, 2 * DAY)
    failed = _found({300: 300}, 300, 2 * DAY)
    peak = highest([old, new], [failed], DAY)
    assert peak.value == (100, 209, 209, 100)


@pytest.mark.parametrize(("served", "finding"), [(40.0, Finding.PASSED), (24.0, Finding.BREACHED)])
def test_the_peak_that_was_usual_has_to_be_served(served: float, finding: Finding) -> None:
    """MON-11: peak load is served."""
    watched = Watched(service="api", baseline=baseline(), peak_per_second=25 / SERVED)
    levels = Levels((START + 300, START + 600), (served, served))
    assert _finding("peak", levels, watched) is finding


def test_the_throughput_that_was_expected_has_to_be_served() -> None:
    """MON-10; a release that nobody reaches has no errors."""
    watched = Watched(service="api", baseline=baseline(), usual_per_second=100)
    of = stage(period=Period.FIRST_MINUTES, watched=watched)
    (gate,) = (gate for gate in of.gates if gate.series == "api/throughput")
    at = tuple(START + 60 * each for each in range(1, 11))
    assert _of(gate, Levels(at, (95.0,) * 10)) is Finding.PASSED
    assert _of(gate, Levels(at, (20.0,) * 10)) is Finding.BREACHED


def _of(gate: Gate, levels: Levels) -> Finding:
    span = Span(since=START, now=levels.at[-1] + 60, oldest=120)
    return verdict(gate, Observations(new={gate.series: levels}), span).reason.finding
