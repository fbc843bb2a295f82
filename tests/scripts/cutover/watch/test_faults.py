"""Whatever a source answers, no gate passes for data that is not there."""

import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from math import inf, nan
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cutover.judgement.decisions import Finding
from scripts.cutover.judgement.judge import judge
from scripts.cutover.judgement.observations import Counts, Levels, Series
from tests.scripts.cutover.watch.scene import NEW, OLD, START, Scene, group, stage, tasks

ELB: Final = "AWS/ApplicationELB"
OF_GROUP = frozenset(group(NEW).items())
OF_TASKS = frozenset(tasks(NEW).items())
DECIDING: Final = {
    (ELB, "RequestCount", OF_GROUP): "api/errors",
    (ELB, "TargetResponseTime", OF_GROUP): "api/slower",
    (ELB, "HealthyHostCount", OF_GROUP): "api/health",
    (ELB, "UnHealthyHostCount", OF_GROUP): "api/health",
    ("ECS/ContainerInsights", "DesiredTaskCount", OF_TASKS): "api/health",
    ("AWS/ECS", "CPUUtilization", OF_TASKS): "api/cpu",
    ("AWS/ECS", "MemoryUtilization", OF_TASKS): "api/memory",
}
"""The metrics without which nothing is known, and the gates that they decide."""
END: Final = START + 1200
FEW: Final = 300 if os.environ.get("SLIPWAY_SOAK") else 10
FAULTS: Final = ("partial", "internal", "absent", "ThrottlingException", "AccessDenied", "")
GARBAGE: Final = st.sampled_from([nan, inf, -inf, -1.0, -1e300])


def _good() -> Scene:
    scene = Scene()
    scene.serve(START, END, requests=6000)
    scene.serve(START - 900, END, OLD, requests=6000)
    scene.clock.time = END + 61
    return scene


def _passed(scene: Scene) -> set[str]:
    decision = judge(stage(), scene.watch().observe(stage()), scene.clock.now())
    return {each.gate for each in decision.reasons if each.finding is Finding.PASSED}


def test_all_of_it_passes_where_all_is_well() -> None:
    """Or the tests below would show nothing."""
    passed = _passed(_good())
    for gates in DECIDING.values():
        assert any(each.startswith(gates) for each in passed)


@given(metric=st.sampled_from(sorted(DECIDING, key=str)), minutes=st.integers(11, 20))
@settings(max_examples=FEW, deadline=None)
def test_a_metric_that_ends_passes_nothing(
    metric: tuple[str, str, frozenset[tuple[str, str]]], minutes: int
) -> None:
    """However good it was before."""
    scene = _good()
    for minute in range(minutes):
        scene.metrics.samples[metric].pop(END - 60 * (minute + 1), None)
    assert not [each for each in _passed(scene) if each.startswith(DECIDING[metric])]


@given(
    metric=st.sampled_from([each for each in sorted(DECIDING, key=str) if "Count" in each[1]]),
    minute=st.integers(0, 19),
    value=GARBAGE,
)
@settings(max_examples=FEW, deadline=None)
def test_a_value_that_cannot_be_passes_nothing(
    metric: tuple[str, str, frozenset[tuple[str, str]]], minute: int, value: float
) -> None:
    """No number, infinitely many, or less than none."""
    scene = _good()
    scene.metrics.samples[metric][START + 60 * minute] = {value: 1}
    assert not [each for each in _passed(scene) if each.startswith(DECIDING[metric])]


@given(
    faults=st.lists(st.sampled_from(FAULTS), min_size=4, max_size=14),
    page=st.sampled_from([13, 500, 100_800]),
)
@settings(max_examples=FEW, deadline=None)
def test_what_was_read_in_spite_of_faults_is_what_is_there(faults: list[str], page: int) -> None:
    """Up to some time it is all that one good answer would have had, and beyond it nothing."""
    scene = Scene()
    scene.serve(START, END, requests=600, failed=3, slow=2)
    scene.metrics.page = page
    watch, of = scene.watch(), stage()
    scene.metrics.faults["GetMetricData"] = deque(faults)
    seen: Mapping[str, Series] = {}
    for _ in range(7):
        scene.clock.sleep(90)
        with suppress(TimeoutError):  # nothing was ever read
            seen = watch.observe(of).new
    scene.metrics.faults.clear()
    scene.metrics.page = 100_800
    clean = scene.watch().observe(of).new
    for series, found in seen.items():
        _is_beginning_of(found, clean.get(series))


def _is_beginning_of(found: Series, clean: Series | None) -> None:
    length = len(found.at)
    if not length:
        return
    assert clean is not None
    assert found.at == clean.at[:length]
    match found, clean:
        case Counts(), Counts():
            assert found.total == clean.total[:length]
            assert found.bad == clean.bad[:length]
        case Levels(), Levels():
            assert found.value == clean.value[:length]
        case _:
            raise AssertionError(found)
