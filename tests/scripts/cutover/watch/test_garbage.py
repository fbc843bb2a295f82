"""Whatever a command prints and Prometheus has, only sound and fresh series pass."""

import json
import os
from dataclasses import replace
from itertools import pairwise
from math import inf, isfinite, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cutover.judgement.decisions import Finding
from scripts.cutover.judgement.gates import Event, Gate, Level, Share, Watched
from scripts.cutover.judgement.observations import CLOCKS, Counts, Levels, Observations, Series
from scripts.cutover.judgement.verdicts import Span, verdict
from scripts.cutover.watch import counters
from scripts.cutover.watch.command import CommandFailedError, parsed
from scripts.cutover.watch.prometheus import Line
from tests.scripts.cutover.watch.scene import START, baseline, stage

NOW = START + 600
EXAMPLES = 3000 if os.environ.get("SLIPWAY_SOAK") else 100
OLDEST = 120.0
GATES = stage(
    watched=Watched(service="api", baseline=baseline(), has_database=True, is_market=True)
).gates
ERRORS = next(gate for gate in GATES if isinstance(gate, Share))
CPU = next(gate for gate in GATES if isinstance(gate, Level))
CONNECTIONS = next(gate for gate in GATES if gate.series.endswith("connections"))

TIMES = st.one_of(
    st.sampled_from([START + 60 * each for each in range(1, 11)]),
    st.sampled_from([NOW + 11, NOW + 86_400, START - 86_400, 0.0, -1.0, nan, inf, -inf]),
)
NUMBERS = st.one_of(
    st.integers(0, 60_000).map(float), st.sampled_from([nan, inf, -inf, -1.0, 1e300, 0.5])
)
STEADY = st.just([START + 60.0 * each for each in range(1, 11)])
"""Or what is sound by chance would never come."""


def _finding(gate: Gate, series: Series) -> Finding:
    fresh = replace(gate, oldest=0.0)
    span = Span(since=START, now=NOW, oldest=OLDEST)
    return verdict(fresh, Observations(new={gate.series: series}), span).reason.finding


def _is_fresh(series: Series) -> bool:
    return (
        bool(series.at)
        and all(map(isfinite, series.at))
        and all(before < after for before, after in pairwise(series.at))
        and NOW - OLDEST <= series.at[-1] <= NOW + CLOCKS
    )


@given(
    at=st.one_of(STEADY, st.lists(TIMES, max_size=12)),
    total=st.one_of(st.just([6000.0] * 12), st.lists(NUMBERS, min_size=12, max_size=12)),
    bad=st.one_of(st.just([0.0] * 12), st.lists(NUMBERS, min_size=12, max_size=12)),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_command_passes_with_sound_and_fresh_counts_alone(
    at: list[float], total: list[float], bad: list[float]
) -> None:
    """JSON as Python reads it has NaN and infinities, too."""
    points = zip(at, total, bad, strict=False)
    lines = [json.dumps({"at": when, "total": all_, "bad": some}) for when, all_, some in points]
    try:
        series = parsed("\n".join(lines).encode())
    except CommandFailedError:
        return
    if _finding(ERRORS, series) is Finding.PASSED:
        assert isinstance(series, Counts)
        assert _is_fresh(series)
        assert all(0 <= some <= all_ < inf for all_, some in series.looks)
        judged = series.between(START, NOW)
        assert sum(judged.bad) < ERRORS.limit * sum(judged.total)


@given(
    at=st.one_of(STEADY, st.lists(TIMES, max_size=12)),
    values=st.one_of(st.just([0.0] * 12), st.lists(NUMBERS, min_size=12, max_size=12)),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_prometheus_passes_with_sound_and_fresh_samples_alone(
    at: list[float], values: list[float]
) -> None:
    """A level is under its limit, and a counter did not grow."""
    lines = [Line({}, dict(zip(at, values, strict=False)))]
    level = counters.levels(lines, START)
    if _finding(CPU, level) is Finding.PASSED:
        assert _is_fresh(level)
        judged = level.between(START, NOW)
        assert judged.value
        assert max(judged.value) <= CPU.limit
    growth = counters.events(lines, START)
    if _finding(CONNECTIONS, growth) is Finding.PASSED:
        assert _is_fresh(growth)
        counted = [value for when, value in lines[0].samples.items() if START < when <= NOW]
        assert not any(counted)
    assert isinstance(CONNECTIONS, Event)
    assert isinstance(level, Levels)
