"""Series from CloudWatch: what counts, and what is never taken for good news."""

from collections import deque
from dataclasses import replace

import pytest

from environments import load
from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.gates import Watched
from scripts.cutover.judgement.judge import judge
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Quality, problem
from tests.conftest import PROJECT
from tests.scripts.cutover.watch.scene import (
    BALANCER,
    ENVIRONMENT,
    GUARDS,
    NEW,
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
    """Ten good minutes of both sides, and the time at which they are settled."""
    made = Scene()
    made.serve(START, START + 600)
    made.serve(START - 900, START + 600, OLD)
    made.clock.time = START + 600 + 61
    return made


def test_a_healthy_side_shows_every_series_that_the_cloud_has(scene: Scene) -> None:
    """Requests, latencies, health and use, of both sides."""
    of = stage()
    seen = scene.watch().observe(of)
    for sides in (seen.new, seen.old):
        assert {gate.series for gate in of.gates} == {*sides}
    errors = seen.new["api/errors"]
    assert isinstance(errors, Counts)
    assert errors.at == tuple(START + 60 * each for each in range(1, 11))
    assert set(errors.total) == {600}
    assert set(errors.bad) == {0}
    assert judge(of, seen, scene.clock.now()).kind is not Kind.ROLL_BACK


def test_one_request_asks_for_all_metrics_of_a_poll(scene: Scene) -> None:
    """Throttling comes by requests."""
    scene.watch().observe(stage())
    assert scene.metrics.count("GetMetricData") == 1
    assert scene.metrics.count("ListMetrics") == 0


def test_a_poll_asks_only_when_another_period_has_settled(scene: Scene) -> None:
    """A minute has four polls, and one of them finds something new."""
    watch = scene.watch()
    for _ in range(8):
        watch.observe(stage())
        scene.clock.sleep(15)
    assert scene.metrics.count("GetMetricData") == 2


def test_a_period_that_has_not_settled_is_not_judged() -> None:
    """Half of a minute would look like half of the traffic."""
    scene = Scene()
    scene.serve(START, START + 300)
    scene.clock.time = START + 299
    errors = scene.watch().observe(stage()).new["api/errors"]
    assert errors.at[-1] == START + 180


def test_a_period_that_began_before_the_stage_is_not_of_it() -> None:
    """It would show the weight of before, and targets that were still starting."""
    scene = Scene()
    scene.serve(START - 300, START + 300)
    scene.clock.time = START + 361
    since = START + 20
    seen = scene.watch().observe(stage(since))
    assert START + 60 not in seen.new["api/errors"].at
    assert START + 120 in seen.new["api/errors"].at


def test_a_release_that_goes_bad_is_taken_back_within_minutes() -> None:
    """A period that ends, a minute in which it settles, and a poll."""
    scene = Scene()
    scene.serve(START, START + 300)
    scene.serve(START + 300, START + 900, failed=300)
    watch = scene.watch()
    while judge(stage(), watch.observe(stage()), scene.clock.now()).kind is not Kind.ROLL_BACK:
        scene.clock.sleep(15)
    assert 60 + 60 <= scene.clock.now() - (START + 300) <= 60 + 60 + 15


def test_late_values_replace_what_was_read_before() -> None:
    """The nodes of a load balancer report one by one."""
    scene = Scene()
    scene.serve(START, START + 300)
    scene.clock.time = START + 361
    watch = scene.watch()
    watch.observe(stage())
    scene.metrics.add(ELB, "HTTPCode_Target_5XX_Count", group(NEW), START + 240, 1, 50)
    scene.clock.sleep(60)
    scene.serve(START + 300, START + 360)
    errors = watch.observe(stage()).new["api/errors"]
    assert isinstance(errors, Counts)
    assert errors.bad[4] == 50


def test_no_failed_request_is_zero_only_where_requests_are_known(scene: Scene) -> None:
    """5xx are written where there are some; a side without requests has not been good."""
    for minute in range(5, 10):
        del scene.metrics.samples[ELB, "RequestCount", frozenset(group(NEW).items())][
            START + 60 * minute
        ]
    errors = scene.watch().observe(stage()).new["api/errors"]
    assert isinstance(errors, Counts)
    assert len(errors.at) == 5


def test_what_the_load_balancer_answered_for_a_side_counts_as_failed(scene: Scene) -> None:
    """A release that hangs gives 504 from the load balancer, and no 5xx of its own."""
    answered = scene.metrics.samples[
        ELB, "HTTPCode_Target_2XX_Count", frozenset(group(NEW).items())
    ]
    answered[START] = {1: 500}
    scene.metrics.add(ELB, "HTTPCode_ELB_5XX_Count", {"LoadBalancer": BALANCER}, START, 1, 80)
    errors = scene.watch().observe(stage()).new["api/errors"]
    assert isinstance(errors, Counts)
    assert errors.bad[0] == 80
    assert errors.bad[1] == 0


def test_what_the_load_balancer_answered_for_others_does_not_count(scene: Scene) -> None:
    """A side that answered everything had none of it."""
    scene.metrics.add(ELB, "HTTPCode_ELB_5XX_Count", {"LoadBalancer": BALANCER}, START, 1, 80)
    errors = scene.watch().observe(stage()).new["api/errors"]
    assert isinstance(errors, Counts)
    assert errors.bad[0] == 0


def test_slower_requests_are_counted_beyond_the_limit_in_seconds() -> None:
    """CloudWatch has seconds, and gates have milliseconds; the limit itself is not beyond."""
    scene = Scene()
    scene.serve(START, START + 60, requests=590)
    scene.metrics.add(ELB, "TargetResponseTime", group(NEW), START, 0.6, 7)
    scene.metrics.add(ELB, "TargetResponseTime", group(NEW), START, 0.601, 3)
    scene.clock.time = START + 121
    slow = scene.watch().observe(stage()).new["api/slower than 600"]
    assert slow == Counts((START + 60,), (600,), (3,))


def test_a_side_whose_requests_are_all_slow_shows_it() -> None:
    """CloudWatch gives no count of what is within: it is zero, not unknown."""
    scene = Scene()
    scene.serve(START, START + 60, seconds=30)
    scene.clock.time = START + 121
    slow = scene.watch().observe(stage()).new["api/slower than 600"]
    assert slow == Counts((START + 60,), (600,), (600,))


def test_a_task_that_died_is_a_failing_health_check(scene: Scene) -> None:
    """ECS takes it out of the group at once: nothing is unhealthy, and one is missing."""
    healthy = scene.metrics.samples[ELB, "HealthyHostCount", frozenset(group(NEW).items())]
    healthy[START + 540] = {2: 1}
    health = scene.watch().observe(stage()).new["api/health"]
    assert isinstance(health, Levels)
    assert health.value[-1] == 1
    assert set(health.value[:-1]) == {0}


def test_scaling_out_is_no_failing_health_check(scene: Scene) -> None:
    """More tasks are wanted than are healthy, for as long as one takes to start."""
    wanted = scene.metrics.samples[
        "ECS/ContainerInsights", "DesiredTaskCount", frozenset(tasks(NEW).items())
    ]
    for minute in (7, 8, 9):
        wanted[START + 60 * minute] = {5: 1}
    health = scene.watch().observe(stage()).new["api/health"]
    assert isinstance(health, Levels)
    assert set(health.value) == {0}


def test_a_side_without_a_healthy_instance_is_down(scene: Scene) -> None:
    """MON-12: critical in steady state."""
    healthy = scene.metrics.samples[ELB, "HealthyHostCount", frozenset(group(NEW).items())]
    healthy[START + 540] = {0: 1}
    down = scene.watch().observe(stage(period=Period.STEADY)).new["api/down"]
    assert isinstance(down, Levels)
    assert down.value[-2:] == (0, 1)


@pytest.mark.parametrize("fault", ["partial", "internal", "absent", "ThrottlingException"])
def test_an_answer_that_is_not_whole_adds_nothing(scene: Scene, fault: str) -> None:
    """A part of it would show requests, and hide the failed ones among them."""
    watch = scene.watch()
    watch.observe(stage())
    scene.serve(START + 600, START + 720, failed=300)
    scene.clock.sleep(120)
    scene.metrics.faults["GetMetricData"] = deque([fault])
    errors = watch.observe(stage()).new["api/errors"]
    assert errors.at[-1] == START + 600
    assert "cloudwatch:GetMetricData" in watch.troubles
    scene.clock.sleep(15)
    later = watch.observe(stage()).new["api/errors"]
    assert isinstance(later, Counts)
    assert later.bad[-2:] == (300, 300)
    assert not watch.troubles


def test_what_is_never_answered_grows_stale_and_never_passes(scene: Scene) -> None:
    """Access that was taken away in the midst of a step holds it, and then a person is asked."""
    watch, of = scene.watch(), stage()
    watch.observe(of)
    scene.metrics.always["GetMetricData"] = "AccessDenied"
    scene.clock.sleep(600)
    now = scene.clock.now()
    seen = watch.observe(of)
    assert problem(seen.new["api/errors"], now, 240) is Quality.STALE
    assert judge(of, seen, now).kind is Kind.ASK


def test_pages_are_read_to_their_end(scene: Scene) -> None:
    """A point that stands on another page is a point."""
    scene.metrics.page = 7
    errors = scene.watch().observe(stage()).new["api/errors"]
    assert len(errors.at) == 10
    assert scene.metrics.count("GetMetricData") > 10


def test_more_metrics_than_a_request_takes_are_asked_in_several() -> None:
    """500 are the most."""
    scene = Scene()
    watch = scene.watch()
    one = stage().gates[1]
    slow = [replace(one, series=f"api/slower than {ms}") for ms in range(1, 400)]
    watch.observe(replace(stage(), gates=slow))
    sizes = [len(asked["MetricDataQueries"]) for _, asked in scene.metrics.calls if len(asked) > 3]
    assert max(sizes) == 500
    assert sum(sizes) == 2 * 2 * 399


def test_a_metric_that_nobody_writes_is_told_from_one_that_is_silent(scene: Scene) -> None:
    """Flagger and Spinnaker passed on both."""
    key = ("AWS/ECS", "CPUUtilization", frozenset(tasks(NEW).items()))
    kept = scene.metrics.samples.pop(key)
    assert "api/cpu" not in scene.watch().observe(stage()).new
    scene.metrics.samples[key] = {at - 86_400: value for at, value in kept.items()}
    assert scene.watch().observe(stage()).new["api/cpu"] == Levels()


def test_whether_a_metric_is_written_is_not_asked_at_every_poll(scene: Scene) -> None:
    """It changes rarely, and there are limits on how often it may be asked."""
    del scene.metrics.samples["AWS/ECS", "CPUUtilization", frozenset(tasks(NEW).items())]
    watch = scene.watch()
    for _ in range(4):
        watch.observe(stage())
        scene.clock.sleep(14)
    assert scene.metrics.count("ListMetrics") == 1


def test_the_states_of_alarms_are_read_by_name(scene: Scene) -> None:
    """Metric alarms and composite ones; one that is not there is left out."""
    scene.metrics.alarms = dict.fromkeys(GUARDS, "OK") | {"production-api-critical": "ALARM"}
    seen = scene.watch().observe(stage(alarms=[*GUARDS, "production-gone"]))
    assert seen.alarms == {
        "production-api-rollout": Alarm.OK,
        "production-api-critical": Alarm.ALARM,
    }


def test_alarms_that_may_not_be_read_do_not_pass(scene: Scene) -> None:
    """An alarm without a state is unknown."""
    scene.metrics.always["DescribeAlarms"] = "AccessDeniedException"
    of = stage(alarms=[*GUARDS])
    decision = judge(of, scene.watch().observe(of), scene.clock.now())
    unknown = [each.gate for each in decision.reasons if each.finding is Finding.UNKNOWN]
    assert GUARDS.issubset(unknown)


def test_an_alarm_is_as_it_was_while_aws_is_busy(scene: Scene) -> None:
    """For two minutes: a state of before says nothing of later."""
    scene.metrics.alarms = dict.fromkeys(GUARDS, "OK")
    watch, of = scene.watch(), stage(alarms=[*GUARDS])
    watch.observe(of)
    scene.metrics.always["DescribeAlarms"] = "ThrottlingException"
    scene.clock.sleep(60)
    assert {*watch.observe(of).alarms.values()} == {Alarm.OK}
    scene.clock.sleep(61)
    assert not watch.observe(of).alarms


@pytest.mark.parametrize("call", ["GetMetricData", "DescribeAlarms"])
def test_who_knows_nothing_yet_asks_again_where_aws_is_busy(scene: Scene, call: str) -> None:
    """One throttled request is no missing permission, and no metric that nobody writes."""
    scene.metrics.always[call] = "ThrottlingException"
    for attempt in (scene.watch().refusals, lambda: scene.watch().observe(stage())):
        with pytest.raises(TimeoutError, match="busy"):
            attempt()


@pytest.mark.parametrize(
    ("alarm", "event"),
    [("database-corrupt", "data corruption"), ("intrusion", "a security breach")],
)
def test_corrupt_data_or_an_intruder_is_an_emergency(scene: Scene, alarm: str, event: str) -> None:
    """ROLL-09: it rolls back at once."""
    scene.metrics.alarms[f"production-{alarm}"] = "ALARM"
    seen = scene.watch().observe(stage())
    assert judge(stage(), seen, scene.clock.now()).kind is Kind.ROLL_BACK
    assert event in seen.events[0]


def test_an_emergency_that_nothing_would_tell_of_is_refused(scene: Scene) -> None:
    """A stack that was applied before it had the alarm."""
    del scene.metrics.alarms["production-intrusion"]
    (refusal,) = scene.watch().refusals()
    assert "no alarm production-intrusion" in refusal


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        ("GetMetricData", "cloudwatch:GetMetricData"),
        ("ListMetrics", "cloudwatch:ListMetrics"),
        ("DescribeAlarms", "cloudwatch:DescribeAlarms"),
    ],
)
def test_a_missing_permission_is_named_before_the_start(
    scene: Scene, call: str, permission: str
) -> None:
    """Nobody finds out in the midst of it."""
    assert not scene.watch().refusals()
    scene.metrics.always[call] = "AccessDenied"
    (refusal,) = scene.watch().refusals()
    assert permission in refusal


def test_the_sizes_of_a_database_may_be_hours_old() -> None:
    """Aurora measures its volume every hour or so."""
    scene = Scene()
    scene.metrics.add(
        "AWS/RDS", "VolumeBytesUsed", {"DBClusterIdentifier": "production-database"}, START, 5e9
    )
    scene.clock.time = START + 3 * 3600
    of = stage(
        since=START + 2 * 3600,
        period=Period.FIRST_WEEK,
        watched=Watched(service="api", baseline=baseline(), has_database=True),
    )
    seen = scene.watch().observe(of)
    (gate,) = (gate for gate in of.gates if gate.series == "api/database size")
    assert problem(seen.new[gate.series], scene.clock.now(), gate.oldest) is None


def test_a_market_that_is_not_watched_as_one_is_refused(scene: Scene) -> None:
    """A gate that was forgotten is no gate (PM-06)."""
    watch = replace(scene.watch(), environment=load("production", PROJECT))
    assert not watch.refusals()
    metrics = watch.environment.metrics
    assert metrics
    unwatched = ENVIRONMENT.model_copy(update={"metrics": metrics})
    (refusal,) = replace(watch, environment=unwatched).refusals()
    assert "PM-06" in refusal
