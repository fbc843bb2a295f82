"""What other controllers go on with, and a cutover on AWS is refused for before the start."""

from collections.abc import Mapping

import pytest

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.gates import Watched
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.refusals import refusals
from tests.scripts.cutover.watch.scene import (
    GUARDS,
    OLD,
    START,
    Scene,
    baseline,
    group,
    stage,
    tasks,
)

ELB = "AWS/ApplicationELB"


@pytest.fixture
def scene() -> Scene:
    """The old side serves, a quarter of an hour before the start; the new one is asleep."""
    made = Scene()
    made.serve(START - 900, START, OLD)
    made.metrics.alarms = dict.fromkeys(GUARDS, "OK")
    made.clock.time = START + 61
    return made


def _decision(scene: Scene, period: Period = Period.WINDOW) -> Decision:
    watched = Watched(
        service="api", baseline=baseline(), usual_per_second=10, peak_per_second=10, has_canary=True
    )
    of = stage(since=scene.clock.now(), period=period, watched=watched, alarms=[*GUARDS])
    seen = scene.watch().observe(of)
    now = scene.clock.now()
    return refusals(of.gates, seen, of.alarms, now=now, oldest_seconds=of.oldest_seconds)


def _why(scene: Scene) -> str:
    decision = _decision(scene)
    assert decision.kind is Kind.REFUSE
    return "; ".join(map(str, decision.reasons))


def _forget(scene: Scene, namespace: str, name: str, dimensions: Mapping[str, str]) -> None:
    del scene.metrics.samples[namespace, name, frozenset(dimensions.items())]


@pytest.mark.parametrize("period", Period)
def test_a_service_whose_gates_all_work_may_start(scene: Scene, period: Period) -> None:
    """Those of every period: or the refusals below would show nothing."""
    for minute in range(15):
        of = {"CanaryName": "production-api-health"}
        scene.metrics.add("CloudWatchSynthetics", "SuccessPercent", of, START - 60 * minute, 100)
    assert _decision(scene, period).kind is Kind.CONTINUE


def test_a_metric_nobody_writes(scene: Scene) -> None:
    """Flagger and Spinnaker went on with a metric that has no data, under whatever name."""
    _forget(scene, "AWS/ECS", "MemoryUtilization", tasks(OLD))
    assert "memory from CloudWatch: nobody has ever written this metric" in _why(scene)


def test_a_metric_that_is_silent(scene: Scene) -> None:
    """It was written once, and is not any more: that is another thing to mend."""
    scene.clock.time += 1200
    assert "CPU from CloudWatch: no data" in _why(scene)


def test_an_unused_metric(scene: Scene) -> None:
    """Requests that nobody sends: a target group that is attached, and gets nothing."""
    _forget(scene, ELB, "RequestCount", group(OLD))
    for minute in range(15):
        scene.metrics.add(ELB, "RequestCount", group(OLD), START - 60 * (minute + 1), 0)
    assert "nothing is counted, so nothing would be" in _why(scene)


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_an_already_firing_alarm(scene: Scene, name: str) -> None:
    """CodeDeploy and Copilot took no notice of one, and could not tell what the release did."""
    scene.metrics.alarms[name] = "ALARM"
    assert f"{name} breached: the alarm is ALARM" in _why(scene)


def test_an_alarm_that_is_not_there(scene: Scene) -> None:
    """Nobody would hear of anything."""
    scene.metrics.alarms.pop("production-api-rollout")
    assert "the alarm is not there" in _why(scene)


def test_a_gate_that_is_breached_already(scene: Scene) -> None:
    """Its reason could be the release before."""
    scene.serve(START - 300, START, OLD, failed=60)
    assert "requests that fail already" in _why(scene)


def test_a_health_check_that_fails_already(scene: Scene) -> None:
    """An old side that is not whole is none to go back to."""
    scene.metrics.add(ELB, "UnHealthyHostCount", group(OLD), START - 60, 1)
    assert "1 health checks that fail, already" in _why(scene)


def test_a_refusal_of_aws_in_the_midst_of_it(scene: Scene) -> None:
    """Who may not read at all is refused for each gate, and told which permission is missing."""
    scene.metrics.always["GetMetricData"] = "AccessDenied"
    assert _decision(scene).kind is Kind.REFUSE
    assert any("cloudwatch:GetMetricData" in each for each in scene.watch().refusals())
