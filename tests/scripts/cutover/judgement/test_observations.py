"""Series are sound as a whole or say nothing, whichever of their points is not."""

from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cutover.judgement.observations import CLOCKS, Counts, Levels, Quality, problem

NOW = 1000.0
NUMBERS = st.sampled_from([0.0, -1.0, 1.0, 2.0, 1e15, nan, inf, -inf])
TIMES = st.sampled_from([nan, inf, *map(float, range(900, 1020, 5))])


def is_sound(series: Counts) -> bool:
    """What `Counts.problem` asks, point by point."""
    points = list(zip(series.total, series.bad, strict=True))
    return all(isfinite(total) and isfinite(bad) and 0 <= bad <= total for total, bad in points)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4))
@settings(max_examples=300)
def test_counts_are_sound_where_each_of_their_points_is(points: list[tuple[float, float]]) -> None:
    """Bad requests are requests, and both are numbers."""
    series = Counts(
        tuple(map(float, range(len(points)))),
        tuple(total for total, _ in points),
        tuple(bad for _, bad in points),
    )
    assert (series.problem() is None) == is_sound(series)


@given(st.lists(TIMES, max_size=4), NUMBERS)
@settings(max_examples=300)
def test_what_is_wrong_first_is_said(at: list[float], value: float) -> None:
    """Times that are none, then their order, then their age, then the values."""
    series = Levels(tuple(at), (value,) * len(at))
    if not at:
        expected: Quality | None = Quality.MISSING
    elif not all(map(isfinite, at)):
        expected = Quality.BROKEN
    elif any(later <= earlier for earlier, later in pairwise(at)):
        expected = Quality.DISORDER
    elif at[-1] > NOW + CLOCKS:
        expected = Quality.AHEAD
    elif at[-1] < NOW - 50:
        expected = Quality.STALE
    else:
        expected = None if isfinite(value) else Quality.BROKEN
    assert problem(series, NOW, 50) is expected


@pytest.mark.parametrize(
    "series",
    [
        Counts((1.0,), (1.0, 1.0), (1.0,)),
        Counts((1.0,), (1.0,), ()),
        Counts((1.0, 2.0), (1.0,), (1.0,)),
    ],
)
def test_points_that_lack_a_number_are_no_counts(series: Counts) -> None:
    """Which value belongs to which time is not guessed."""
    assert series.problem() is Quality.BROKEN


@pytest.mark.parametrize("series", [Levels((1.0,), ()), Levels((), (1.0,))])
def test_points_that_lack_a_number_are_no_levels(series: Levels) -> None:
    """Which value belongs to which time is not guessed."""
    assert series.problem() is Quality.BROKEN


def test_the_edges_of_time_are_within() -> None:
    """As old as allowed, and as far ahead as clocks may be apart, is well."""
    assert problem(Levels((NOW - 50,), (1.0,)), NOW, 50) is None
    assert problem(Levels((NOW + CLOCKS,), (1.0,)), NOW, 50) is None
    assert problem(None, NOW, 50) is Quality.UNWRITTEN


def test_an_interval_counts_by_its_end() -> None:
    """What ended when the stage began is of before."""
    at = (1.0, 2.0, 3.0, 4.0)
    assert Counts(at, at, at).between(2, 3) == Counts((3.0,), (3.0,), (3.0,))
    assert Levels(at, at).between(2, 3) == Levels((3.0,), (3.0,))
