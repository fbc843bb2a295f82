"""Alarms stand at the standards' figures, for the standards' time, and somebody hears of each."""

import re
from collections.abc import Callable, Mapping

import pytest

from environments import Environment
from plan import Plan, Resource
from policies.nodes import Subject
from stacks.metrics import Comparison, Limit
from standards import Tier, figure, requirement
from tests.conftest import PROJECT
from tests.stacks.reading import ENVIRONMENTS, of_type, only

HOUR = 3600
DAY = 24 * HOUR
ALARM = "cloudwatch/metricAlarm"
COMPOSITE = "cloudwatch/compositeAlarm"
RUNBOOK = re.compile(r"Runbook: (docs/runbooks/alarms/[a-z-]+\.md)$")
CITED = re.compile(r"\(([A-Z]+-\d+)\)")

# The alarm, the metric that it watches, and the figures that stand in its inputs.
FIGURES = [
    ("api-errors-critical-mon-12", {"threshold": ("MON-12", "critical_error_rate_above_percent")}),
    ("api-errors-warning-mon-12", {"threshold": ("MON-12", "warning_error_rate_above_percent")}),
    ("api-slow-warning-mon-12", {"threshold": ("MON-12", "warning_response_time_above_ms")}),
    (
        "api-errors-critical-roll-08",
        {
            "threshold": ("ROLL-08", "error_rate_above_percent"),
            "evaluationPeriods": ("ROLL-08", "error_rate_window_minutes"),
        },
    ),
    (
        "api-slow-critical-roll-08",
        {
            "threshold": ("ROLL-08", "response_time_above_ms"),
            "evaluationPeriods": ("ROLL-08", "response_time_window_minutes"),
        },
    ),
    ("api-unhealthy", {"evaluationPeriods": ("ROLL-08", "health_failure_above_minutes")}),
    (
        "api-errors-critical-roll-09",
        {
            "threshold": ("ROLL-09", "error_rate_above_percent"),
            "evaluationPeriods": ("ROLL-09", "error_rate_window_minutes"),
        },
    ),
    (
        "api-slow-critical-roll-09",
        {
            "threshold": ("ROLL-09", "latency_p95_above_ms"),
            "evaluationPeriods": ("ROLL-09", "latency_window_minutes"),
        },
    ),
    ("api-down-roll-09", {"evaluationPeriods": ("ROLL-09", "down_above_minutes")}),
    ("api-cpu", {"threshold": ("MON-09", "cpu_above_percent")}),
    ("api-memory", {"threshold": ("MON-09", "memory_above_percent")}),
    ("api-larger-instances", {"threshold": ("SCALE-03", "memory_above_percent")}),
    ("api-errors-warning-perf-01", {"threshold": ("PERF-01", "error_rate_below_percent")}),
    (
        "api-rollout-more-errors",
        {"threshold": ("MON-09", "error_rate_above_baseline_percentage_points")},
    ),
    ("api-rollout-slower-p50", {"threshold": ("MON-09", "latency_p50_above_baseline_percent")}),
    ("api-rollout-slower-p99", {"threshold": ("MON-09", "latency_p99_above_baseline_percent")}),
    ("prover-rollout-longer-queue", {"threshold": ("MON-09", "queue_depth_above_times_normal")}),
    ("api-rollout-errors", {"threshold": ("ROLL-07", "error_rate_above_percent")}),
    ("api-rollout-slow", {"threshold": ("ROLL-07", "latency_p99_above_percent_of_baseline")}),
    ("availability", {"threshold": ("PERF-01", "availability_min_percent")}),
    ("database-cpu", {"threshold": ("SCALE-02", "database_cpu_above_percent")}),
    ("backup-missing", {"period": ("BAK-05", "check_interval_hours")}),
]


@pytest.mark.parametrize(("name", "figures"), FIGURES, ids=[name for name, _ in FIGURES])
def test_an_alarm_is_built_from_the_figures_of_its_requirement(
    plan_of: Callable[[str], Plan], name: str, figures: Mapping[str, tuple[str, str]]
) -> None:
    """Production's alarms hold each figure, and the plan says from which sentence it comes."""
    alarm = only(plan_of("production"), ALARM, name)
    cited = {one.path: (one.requirement, one.key) for one in alarm.resource.figures}
    for path, source in figures.items():
        assert cited[path] == source
        found = figure(*source)
        allowed = {found.amount}
        if path == "period":
            allowed = {int(found.seconds)}
        assert alarm.number(path) in allowed
    assert next(iter(figures.values()))[0] in (alarm.text("alarmDescription") or "")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_acts_and_says_which_requirement_it_serves(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """An alarm without an action is heard by nobody; one without a reason cannot be judged."""
    alarms = of_type(plan_of(environment), ALARM)
    assert alarms
    for alarm in alarms:
        assert alarm.has("alarmActions"), alarm.name
        cited = CITED.search(alarm.text("alarmDescription") or "")
        assert cited, alarm.name
        requirement(cited[1])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_the_alarms_that_the_standards_ask_of_it(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """What no requirement asks of a tier is not there, scaling apart, which all tiers share."""
    tier = record_of(environment).tier
    for alarm in of_type(plan_of(environment), ALARM):
        cited = CITED.search(alarm.text("alarmDescription") or "")
        assert cited
        named = requirement(cited[1]).environments
        mirrors = tier is Tier.STAGING and Tier.PRODUCTION in named  # ENV-07
        assert cited[1] == "SCALE-01" or mirrors or tier in named, alarm.name


def test_critical_alarms_page_and_warnings_do_not(plan_of: Callable[[str], Plan]) -> None:
    """A service that is down or fails one request in ten is critical; slowness is a warning."""
    plan = plan_of("production")
    members = {severity: _members(plan, f"api-{severity}") for severity in ("critical", "warning")}
    assert {"api-errors-critical-mon-12", "api-down-mon-12", "api-unreachable"} <= members[
        "critical"
    ]
    assert {"api-errors-warning-mon-12", "api-slow-warning-mon-12", "api-cpu"} <= members["warning"]
    assert "prover-dead-jobs" in _members(plan, "prover-critical")
    for name in ("api-critical", "prover-critical", "api-rollout"):
        assert _told(only(plan, COMPOSITE, name)) == {"critical"}
    assert _told(only(plan, COMPOSITE, "api-warning")) == {"warning"}
    assert _told(only(plan, ALARM, "backup-failed")) == {"critical"}
    assert _told(only(plan, ALARM, "api-blue-more-for-cpu")) == {"info"}


def test_one_cause_pages_once(plan_of: Callable[[str], Plan]) -> None:
    """What stands for others pages; they tell chat, and a warning waits behind what is critical."""
    plan = plan_of("production")
    for composite in of_type(plan, COMPOSITE):
        for name in _members(plan, composite.name):
            assert _told(only(plan, ALARM, name)) == {"info"}, name
    warning = only(plan, COMPOSITE, "api-warning").node("actionsSuppressor")
    assert warning.text("alarm") == only(plan, COMPOSITE, "api-critical").text("alarmName")


def test_a_rollout_goes_back_by_itself(plan_of: Callable[[str], Plan]) -> None:
    """ECS rolls a deployment back by the alarms of ROLL-07, which one name stands for."""
    plan = plan_of("production")
    guards = {f"api-rollout-{what}" for what in ("errors", "slow", "unhealthy")}
    assert _members(plan, "api-rollout") == guards
    named = {only(plan, ALARM, name).text("name") for name in guards}
    for side in ("blue", "green"):
        alarms = only(plan, "ecs/service", f"api-{side}").node("alarms")
        assert set(alarms.texts("alarmNames")) == named
        assert alarms.flag("enable")
        assert alarms.flag("rollback")


def test_alarms_of_a_rollout_compare_with_the_baseline_that_it_publishes(
    plan_of: Callable[[str], Plan],
) -> None:
    """Without a baseline there is no data and no alarm: they are silent between rollouts."""
    plan = plan_of("production")
    for name in (
        "api-rollout-more-errors",
        "api-rollout-slower-p99",
        "prover-rollout-longer-queue",
        "api-rollout-errors",
        "api-rollout-slow",
        "api-rollout-unhealthy",
    ):
        alarm = only(plan, ALARM, name)
        queries = {query.text("id"): query for query in alarm.nodes("metricQueries")}
        baseline = queries["baseline"].node("metric")
        assert baseline.text("namespace") == "Slipway/production"
        assert (baseline.text("metricName") or "").startswith("Baseline")
        assert "baseline" in (queries["result"].text("expression") or "")
        assert alarm.text("treatMissingData") == "notBreaching"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_alarm_links_a_runbook_that_exists(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Whoever is woken reads what it means and what to do, alarm by alarm."""
    plan = plan_of(environment)
    for alarm in [*of_type(plan, ALARM), *of_type(plan, COMPOSITE)]:
        found = RUNBOOK.search(alarm.text("alarmDescription") or "")
        assert found, alarm.name
        title, *said = (PROJECT / found[1]).read_text(encoding="utf-8").splitlines()
        assert title.startswith("# ")
        assert len("".join(said)) > len(title), found[1]


def test_every_runbook_is_listed() -> None:
    """Whoever looks for a page without an alarm at hand finds it in one list."""
    folder = PROJECT / "docs/runbooks/alarms"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in folder.glob("*.md"):
        if page.name != "README.md":
            title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            assert f"- [{page.stem}]({page.name}): {title}" in listed, page.name


def test_a_page_that_does_not_arrive_and_a_pulse_that_stops_are_told(
    plan_of: Callable[[str], Plan],
) -> None:
    """A heartbeat goes the whole way of an alert; its silence pages by a way of its own."""
    plan = plan_of("production")
    missing = only(plan, ALARM, "heartbeat-missing")
    assert missing.text("treatMissingData") == "breaching"
    assert missing.node("dimensions").text("TopicName") == "production-heartbeat"
    assert _told(missing) == {"critical"}
    assert _told(only(plan, ALARM, "pages-undelivered")) == {"warning"}


def test_silence_of_what_should_report_is_trouble(plan_of: Callable[[str], Plan]) -> None:
    """No request is no error; no healthy host, no database metric and no backup are alarms."""
    plan = plan_of("production")
    for name in ("api-down-mon-12", "database-cpu", "backup-missing"):
        assert only(plan, ALARM, name).text("treatMissingData") == "breaching"
    for name in ("api-errors-critical-mon-12", "prover-dead-jobs", "backup-failed"):
        assert only(plan, ALARM, name).text("treatMissingData") == "notBreaching"


def test_every_datapoint_of_a_window_has_to_be_past_the_limit(
    plan_of: Callable[[str], Plan],
) -> None:
    """Above 5 % for 2 minutes: two minutes of one datapoint each, and both count."""
    for alarm in of_type(plan_of("production"), ALARM):
        assert alarm.number("datapointsToAlarm") == alarm.number("evaluationPeriods"), alarm.name
        for period in _periods(alarm):
            longest = DAY if period < HOUR else 7 * DAY  # as CloudWatch allows
            assert period * (alarm.number("evaluationPeriods") or 0) <= longest, alarm.name


def test_both_sides_of_a_service_are_watched_as_one(plan_of: Callable[[str], Plan]) -> None:
    """Whichever side serves after a cutover, its requests, instances and use are counted."""
    plan = plan_of("production")
    groups = {f"api-{side}" for side in ("blue", "green")}
    for name in ("api-errors-critical-mon-12", "api-slow-warning-mon-12", "api-down-mon-12"):
        assert _reached(only(plan, ALARM, name).resource, "targetGroup") == groups
    assert _reached(only(plan, ALARM, "api-cpu").resource, "ecs/service") == groups


def test_an_error_rate_is_the_share_of_failed_requests(plan_of: Callable[[str], Plan]) -> None:
    """5xx answers of both target groups, divided by their requests, in percent."""
    alarm = only(plan_of("production"), ALARM, "api-errors-critical-mon-12")
    queries = {query.text("id"): query for query in alarm.nodes("metricQueries")}
    assert queries["result"].text("expression") == (
        "100 * SUM([errors_blue, errors_green]) / SUM([requests_blue, requests_green])"
    )
    metric = queries["errors_green"].node("metric")
    assert metric.text("namespace") == "AWS/ApplicationELB"
    assert metric.text("metricName") == "HTTPCode_Target_5XX_Count"
    assert metric.text("stat") == "Sum"
    assert metric.node("dimensions").has("TargetGroup")
    assert metric.node("dimensions").has("LoadBalancer")


def test_a_backup_that_did_not_come_is_told_of(plan_of: Callable[[str], Plan]) -> None:
    """Whether it failed, was aborted or never started; a day may miss one of its six by minutes."""
    failed = only(plan_of("production"), ALARM, "backup-failed")
    queries = {query.text("id"): query for query in failed.nodes("metricQueries")}
    assert queries.pop("result").text("expression") == "SUM([failed, aborted, expired])"
    assert {query.node("metric").text("metricName") for query in queries.values()} == {
        f"NumberOfBackupJobs{state}" for state in ("Failed", "Aborted", "Expired")
    }
    missing = only(plan_of("production"), ALARM, "backup-missing")
    assert missing.text("comparisonOperator") == "LessThanThreshold"
    assert missing.number("threshold") == 5


def test_an_outage_of_all_targets_counts_as_unavailable(plan_of: Callable[[str], Plan]) -> None:
    """What was refused for want of a target counts as a request, which AWS leaves out of them."""
    alarm = only(plan_of("production"), ALARM, "availability")
    queries = {query.text("id"): query for query in alarm.nodes("metricQueries")}
    expression = queries["result"].text("expression")
    assert expression == "100 - 100 * SUM([failed, refused]) / SUM([requests, refused])"
    assert queries["refused"].node("metric").text("metricName") == "HTTPCode_ELB_5XX_Count"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_error_entry_of_any_service_raises_an_alarm(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The filter on each service's log counts into the very metric that its alarm watches."""
    plan = plan_of(environment)
    for service in record_of(environment).services:
        counted = only(plan, "cloudwatch/logMetricFilter", f"{service}-errors")
        assert counted.text("pattern") == "ERROR"
        assert counted.text("logGroupName") == only(plan, "cloudwatch/logGroup", service).text(
            "name"
        )
        into = counted.node("metricTransformation")
        alarm = only(plan, ALARM, f"{service}-log-errors")
        assert alarm.text("metricName") == into.text("name")
        assert alarm.text("namespace") == into.text("namespace")
        assert alarm.number("threshold") == 0


def test_deployments_are_told_as_information(plan_of: Callable[[str], Plan]) -> None:
    """The event of a deployment to any service of the cluster goes to the information topic."""
    plan = plan_of("production")
    pattern = only(plan, "cloudwatch/eventRule", "deployments").document("eventPattern")
    (prefix,) = pattern.nodes("resources")
    assert prefix.text("prefix") == (
        "arn:aws:ecs:us-east-1:333333333333:service/production-services/"
    )
    assert _reached(only(plan, "cloudwatch/eventTarget", "deployments").resource, "topic") == {
        "info"
    }


@pytest.mark.parametrize(
    ("identifier", "key", "comparison"),
    [
        ("MON-12", "critical_error_rate_above_percent", Comparison.ABOVE),
        ("PERF-01", "error_rate_below_percent", Comparison.AT_LEAST),
        ("PERF-01", "availability_min_percent", Comparison.BELOW),
        ("MON-11", "cache_hit_rate_max_percent", Comparison.ABOVE),
    ],
)
def test_the_bound_of_a_figure_decides_which_side_is_bad(
    identifier: str, key: str, comparison: Comparison
) -> None:
    """To stay below 0.1 % is missed at 0.1 already; to be above 10 % is not yet so at 10."""
    assert Limit.of(figure(identifier, key).percent).comparison is comparison


def _members(plan: Plan, composite: str) -> set[str]:
    """The logical names of the alarms that `composite` stands for."""
    rule = only(plan, COMPOSITE, composite).text("alarmRule") or ""
    physical = set(re.findall(r'ALARM\("([^"]+)"\)', rule))
    found = {alarm.name for alarm in of_type(plan, ALARM) if alarm.text("name") in physical}
    assert len(found) == len(physical)
    return found


def _told(alarm: Subject) -> set[str]:
    """The topics that hear of `alarm`."""
    reached = alarm.resource.property_dependencies["alarmActions"]
    return {urn.rpartition("::")[2] for urn in reached if "sns/topic" in urn}


def _periods(alarm: Subject) -> list[float]:
    if alarm.has("period"):
        return [alarm.number("period") or 0]
    metrics = [query.node("metric") for query in alarm.nodes("metricQueries")]
    return [period for metric in metrics if (period := metric.number("period")) is not None]


def _reached(resource: Resource, type_: str) -> set[str]:
    """The names of the resources of `type_` that `resource` is built from."""
    urns = {urn for urns in resource.property_dependencies.values() for urn in urns}
    return {urn.rpartition("::")[2] for urn in urns if type_.lower() in urn.lower()}
