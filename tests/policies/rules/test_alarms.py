"""Rules of what is watched, where their examples do not reach."""

from dataclasses import replace

import pytest

from plan.values import UNKNOWN
from policies.databases import CLUSTER
from policies.examples import plan_of
from policies.judgement import judge
from policies.registry import Given, Ref, rules
from policies.rules.alarms import BALANCER, QUEUE
from policies.rules.audit_alarms import FAMILIES, FILTER
from policies.rules.cloudtrail import TRAIL
from policies.rules.cloudwatch import METRIC_ALARM
from policies.rules.ecs import SERVICE
from policies.rules.secretsmanager import SECRET
from policies.rules.service_alarms import TARGET_GROUP, Answers, Use
from policies.settings import Settings
from standards import Tier, figure
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        ({"dimensions": {"QueueName": "jobs"}}, PASS),
        ({"dimensions": {"QueueName": "more-jobs"}}, FAIL),
        ({"dimensions": {"QueueName": UNKNOWN}}, UNDECIDED),
        ({"metricQueries": UNKNOWN}, UNDECIDED),
        ({"metricQueries": [{"id": "jobs", "label": "jobs", "expression": "1"}]}, FAIL),
        ({"alarmDescription": "jobs"}, FAIL),
    ],
)
def test_an_alarm_watches_what_its_dimensions_name(
    watched: dict[str, object], expected: str
) -> None:
    """A name anywhere else in it says nothing."""
    queue = Given(QUEUE, "jobs", {"name": "jobs"})
    assert says("alarm-coverage", queue, Given(METRIC_ALARM, "alarm", watched)) == expected


def test_a_deployed_balancer_is_known_by_the_end_of_its_arn() -> None:
    """A stack's state holds texts where a preview has references."""
    alarm = Given(METRIC_ALARM, "alarm", {"dimensions": {"LoadBalancer": "app/edge/1"}})
    plan = plan_of((Given(BALANCER, "edge", {"name": "edge"}), alarm))
    rule = rules()["alarm-coverage"]
    assert judge(plan, [rule], Settings()).findings
    deployed = replace(plan.resources[0], outputs={"arnSuffix": "app/edge/1"})
    plan = replace(plan, resources=(deployed, plan.resources[1]))
    assert not judge(plan, [rule], Settings()).findings


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.PRODUCTION])
def test_alarms_on_everything_are_for_production(tier: Tier) -> None:
    """Elsewhere nobody would be called."""
    settings = Settings(tier=tier)
    assert says("alarm-coverage", Given(CLUSTER, "database"), settings=settings) == SILENT


def filtered(*families: str, **alarm: object) -> list[Given]:
    """A trail, and one filter and alarm on its log group for the events of `families`."""
    group = "arn:aws:logs:eu-central-1:123456789012:log-group:audit"
    made = {"namespace": "Audit", "name": "events", "value": "1"}
    pattern = " ".join(FAMILIES[family] for family in families)
    told = {"namespace": "Audit", "metricName": "events", "alarmActions": ["arn:aws:sns:::audit"]}
    inputs = {"logGroupName": "audit", "pattern": pattern, "metricTransformation": made}
    return [
        Given(TRAIL, "trail", {"cloudWatchLogsGroupArn": group}),
        Given(FILTER, "events", inputs),
        Given(METRIC_ALARM, "events-told", {**told, **alarm}),
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_of_events_is_asked_for(family: str) -> None:
    """What is missing is said, by its name."""
    rest = [each for each in FAMILIES if each != family]
    found = messages("cis-metric-alarms", *filtered(*rest))
    assert found == [f"no filter and alarm for {family}"]


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        ({}, PASS),
        ({"alarmActions": []}, FAIL),
        ({"alarmActions": [""]}, FAIL),
        ({"actionsEnabled": False}, FAIL),
        ({"metricName": UNKNOWN}, UNDECIDED),
        ({"namespace": "Other"}, FAIL),
    ],
)
def test_a_filter_counts_where_an_alarm_tells_somebody(
    alarm: dict[str, object], expected: str
) -> None:
    """A metric that nobody is told of is a graph."""
    assert says("cis-metric-alarms", *filtered(*FAMILIES, **alarm)) == expected


def test_a_filter_whose_group_is_not_known_leaves_a_trail_undecided() -> None:
    """It may be the missing one."""
    trail = filtered()[0]
    unknown = Given(FILTER, "filter", {"logGroupName": UNKNOWN, "pattern": "x"})
    assert says("cis-metric-alarms", trail, unknown) == UNDECIDED


def on(metric: str, threshold: object, operator: str = "GreaterThanThreshold") -> Given:
    """An alarm on one metric of `api`."""
    return Given(
        METRIC_ALARM,
        f"{metric}-{threshold}",
        {
            "metricName": metric,
            "dimensions": {"Name": Ref("api")},
            "comparisonOperator": operator,
            "threshold": threshold,
        },
    )


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        (on("CPUUtilization", 80), PASS),
        (on("CPUUtilization", 50, "GreaterThanOrEqualToThreshold"), PASS),
        (on("CPUUtilization", 81), FAIL),
        (on("CPUUtilization", 10, "LessThanThreshold"), FAIL),
        (on("CPUUtilization", None), FAIL),
        (on("CPUUtilization", UNKNOWN), UNDECIDED),
    ],
)
def test_a_service_is_watched_at_the_limit_of_the_standard(cpu: Given, expected: str) -> None:
    """Or at a lower one, on the way up."""
    memory = on("MemoryUtilization", 85)
    assert says("ecs-service-alarms", Given(SERVICE, "api"), cpu, memory) == expected


def test_limits_can_be_lowered_and_never_raised() -> None:
    """The standard's figures are the most that a configuration can allow."""
    example = (Given(SERVICE, "api"), on("CPUUtilization", 80), on("MemoryUtilization", 85))
    assert messages("ecs-service-alarms", *example, settings=Use(cpu_percent=60)) == [
        "has no alarm on CPUUtilization above 60 %"
    ]
    with pytest.raises(ValueError, match="less than or equal to 80"):
        Use(cpu_percent=81)
    with pytest.raises(ValueError, match="less than or equal to 1000"):
        Answers(slow_ms=1001)


@pytest.mark.parametrize("tier", [Tier.DEVELOPMENT, Tier.INTEGRATION])
def test_services_are_watched_where_releases_are_made_or_rehearsed(tier: Tier) -> None:
    """As the requirements say."""
    service, group = Given(SERVICE, "api"), Given(TARGET_GROUP, "api")
    assert says("ecs-service-alarms", service, settings=Use(tier=tier)) == SILENT
    assert says("target-group-alarms", group, settings=Answers(tier=tier)) == SILENT


def test_response_times_may_be_watched_in_milliseconds() -> None:
    """Metric math turns the metric's seconds into the standard's unit."""
    slow = figure("MON-12", "warning_response_time_above_ms").milliseconds
    metric = {"metricName": "TargetResponseTime", "dimensions": {"TargetGroup": Ref("api")}}
    for expression, is_enough in (("1000 * MAX(METRICS())", True), ("MAX(METRICS())", False)):
        queries = [{"id": "ms", "expression": expression}, {"id": "seconds", "metric": metric}]
        inputs = {
            "metricQueries": queries,
            "threshold": slow,
            "comparisonOperator": "GreaterThanThreshold",
        }
        alarm = Given(METRIC_ALARM, "slow", inputs)
        found = messages("target-group-alarms", Given(TARGET_GROUP, "api"), alarm)
        assert ("has no alarm on answers slower than 1000 ms" not in found) is is_enough


def test_each_copy_of_a_secret_has_a_key_of_its_own() -> None:
    """A replica without one uses AWS's."""
    replicas = [{"region": "eu-west-1"}, {"region": "us-east-1", "kmsKeyId": UNKNOWN}]
    secret = Given(SECRET, "key", {"kmsKeyId": UNKNOWN, "replicas": replicas})
    assert messages("secret-cmk", secret) == ["is not encrypted with a key of its own"]
    assert says("secret-cmk", Given(SECRET, "key", {"kmsKeyId": "k", "replicas": UNKNOWN})) == (
        UNDECIDED
    )
