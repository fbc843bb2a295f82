"""The series that gates are judged by, out of what was scraped."""

from dataclasses import replace
from math import isnan

import pytest

from scripts.cutover.judgement.limits import latencies
from scripts.cutover.judgement.observations import Counts, Levels
from scripts.cutover.planning.plan import PlanError
from scripts.cutover.planning.steps import Settings
from scripts.cutover.rehearse.metrics import Interval, Metrics, parsed
from scripts.cutover.rehearse.options import enough, planned
from scripts.cutover.rehearse.runtime import NEW, OLD
from scripts.cutover.rehearse.service import BUCKETS_MS
from tests.scripts.cutover.rehearse.options import made

NONE = (0,) * (len(BUCKETS_MS) + 1)


def buckets(**counts: int) -> tuple[int, ...]:
    """So many requests within so many milliseconds: `ms120=3`."""
    found = dict(zip(BUCKETS_MS, NONE, strict=False))
    found |= {int(name.removeprefix("ms")): count for name, count in counts.items()}
    return (*found.values(), 0)


def interval(at: float, *took: tuple[int, ...]) -> Interval:
    """An interval in which all was well."""
    summed = tuple(map(sum, zip(NONE, *took, strict=True)))
    return Interval(
        at=at,
        answered=sum(summed),
        failed=0,
        buckets=summed,
        healthy=3,
        failing=0,
        cpu=10.0,
        memory=15.0,
        disk=1.0,
    )


def test_a_series_is_named_as_gates_name_it() -> None:
    """Errors are the balancer's, latencies the instances' own; what is unknown is left out."""
    metrics = Metrics()
    metrics.sides[NEW] += [
        replace(interval(10.0, buckets(ms120=8, ms130=2)), failed=1),
        replace(interval(11.0, buckets(ms130=5)), failing=2, cpu=90.0),
    ]
    assert metrics.series(NEW, "web/errors", 0.0) == Counts((10.0, 11.0), (10.0, 5.0), (1.0, 0.0))
    assert metrics.series(NEW, "web/slower than 120", 0.0) == Counts(
        (10.0, 11.0), (10.0, 5.0), (2.0, 5.0)
    )
    assert metrics.series(NEW, "web/health", 11.0) == Levels((11.0,), (2.0,))
    assert metrics.series(NEW, "web/cpu", 10.5) == Levels((11.0,), (90.0,))
    assert metrics.series(NEW, "web/slower than 125", 0.0) is None
    assert metrics.series(NEW, "web/oracle", 0.0) is None


def test_a_baseline_is_what_the_old_side_did() -> None:
    """Its percentiles are taken up to a grid on which all limits made of them can be counted."""
    metrics = Metrics()
    metrics.sides[OLD] += [interval(1.0, buckets(ms90=900, ms130=95, ms310=5))]
    baseline = metrics.baseline()
    assert (baseline.p50_ms, baseline.p99_ms) == (100.0, 140.0)
    assert (baseline.requests, baseline.errors) == (1000.0, 0.0)
    assert baseline.slower[300.0] == 5
    assert baseline.slower[500.0] == 0
    assert baseline.slower.keys() == latencies(100, 140)


def test_says_nothing_of_a_side_without_requests() -> None:
    """Neither a share nor a percentile."""
    metrics = Metrics()
    assert isnan(metrics.errors(NEW, 5.0))
    assert isnan(metrics.percentile(NEW, 0.99, 5.0))
    assert metrics.rate(NEW, 5.0) == 0


def test_reads_what_prometheus_would_read() -> None:
    """Buckets that count up are taken apart."""
    ends = (*BUCKETS_MS, "+Inf")
    counted = (
        f'request_milliseconds_bucket{{le="{end}"}} {min(n, 7)}' for n, end in enumerate(ends)
    )
    text = "\n".join(
        [
            *counted,
            "# TYPE process_cpu_seconds_total counter",
            "process_cpu_seconds_total 1.5",
            "process_resident_memory_bytes 2048",
        ]
    )
    found = parsed(text, 3.0)
    assert found.buckets[:9] == (0, 1, 1, 1, 1, 1, 1, 1, 0)
    assert (found.cpu_seconds, found.memory_bytes) == (1.5, 2048.0)


def test_a_baseline_is_measured_until_every_gate_can_compare_with_it() -> None:
    """With one request less the plan is refused."""
    options = made()
    quick = replace(options.settings, longest_bake=Settings().longest_bake)
    baseline = options.baseline
    assert baseline
    short = replace(baseline, requests=enough() - 1)
    assert planned(replace(options, settings=quick), replace(short, requests=enough()), 5000).plan
    with pytest.raises(PlanError, match="baseline of 19,999"):
        assert not planned(replace(options, settings=quick), short, 5000).plan
