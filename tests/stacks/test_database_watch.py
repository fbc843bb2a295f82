"""What the database and its backups say of themselves reaches whoever must know."""

import json
from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from stacks.database import ADMINISTRATOR
from standards import figure
from tests.stacks.reading import ON_AWS, of_type, only

KEPT = ("production", "staging")


def _topic(plan: Plan, alarm: str) -> str:
    (topic,) = only(plan, "cloudwatch/metricAlarm", alarm).resource.property_dependencies[
        "alarmActions"
    ]
    return topic.rpartition("::")[2]


@pytest.mark.parametrize("environment", KEPT)
def test_corrupt_data_is_a_critical_alarm(plan_of: Callable[[str], Plan], environment: str) -> None:
    """One line of PostgreSQL's is enough, and so is one finding of the daily check (COMP-08)."""
    plan = plan_of(environment)
    found = only(plan, "cloudwatch/logMetricFilter", "database-corrupt")
    cluster = only(plan, "rds/cluster").text("clusterIdentifier")
    assert found.text("logGroupName") == f"/aws/rds/cluster/{cluster}/postgresql"
    assert '"invalid page in block"' in (found.text("pattern") or "")
    for name in ("database-corrupt", "data-corrupt"):
        assert only(plan, "cloudwatch/metricAlarm", name).number("threshold") == 0
        assert _topic(plan, name) == "critical"


@pytest.mark.parametrize("environment", ON_AWS)
def test_a_sign_in_of_the_administrator_is_heard(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The administrator makes the roles once; whoever uses it later is looked at (DB-08)."""
    plan = plan_of(environment)
    found = only(plan, "cloudwatch/logMetricFilter", "database-administrator")
    assert f"user={ADMINISTRATOR}" in (found.text("pattern") or "")
    assert only(plan, "rds/cluster").text("masterUsername") == ADMINISTRATOR
    assert _topic(plan, "database-administrator") == "critical"


def test_reads_beyond_the_figure_ask_for_a_replica(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """Queries per second of every replica that always runs, summed (SCALE-02)."""
    alarm = only(plan_of("production"), "cloudwatch/metricAlarm", "database-reads")
    assert (
        alarm.number("threshold") == figure("SCALE-02", "read_queries_above_per_second").per_second
    )
    result, *readers = alarm.nodes("metricQueries")
    assert len(readers) == record_of("production").database.replicas.min
    assert result.text("expression") == "SUM([reads_1, reads_2])"
    assert {reader.number("period") for reader in readers} == {60}
    instances = alarm.resource.property_dependencies["metricQueries"]
    assert {urn.rpartition("::")[2] for urn in instances} == {"database-1", "database-2"}


@pytest.mark.parametrize("environment", KEPT)
def test_a_failed_backup_copy_or_restore_is_told_at_once(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The states of all three kinds of jobs reach the critical topic."""
    plan = plan_of(environment)
    rule = only(plan, "cloudwatch/eventRule", "backup-failures")
    pattern = json.loads(rule.text("eventPattern") or "")
    assert len(pattern["detail-type"]) == 3
    for detail in pattern["$or"]:
        (states,) = detail["detail"].values()
        assert {"FAILED", "ABORTED", "EXPIRED"} <= set(states)
    target = only(plan, "cloudwatch/eventTarget", "backup-failures")
    (topic,) = target.resource.property_dependencies["arn"]
    assert topic.endswith("::critical")


@pytest.mark.parametrize("environment", KEPT)
def test_the_latest_backup_is_restored_every_week(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Into the environment's own network, from its own vault, and no less often than BAK-03."""
    plan = plan_of(environment)
    days = figure("BAK-03", "restore_test_interval_days").days
    test = only(plan, "backup/restoreTestingPlan")
    assert test.text("scheduleExpression") == f"cron(0 5 1/{days} * ? *)"
    chosen = test.node("recoveryPointSelection")
    assert chosen.text("algorithm") == "LATEST_WITHIN_WINDOW"
    assert chosen.number("selectionWindowDays") == days
    vault = only(plan, "backup/vault", "backups").text("name")
    assert [arn.rpartition(":")[2] for arn in chosen.texts("includeVaults")] == [vault]
    selection = only(plan, "backup/restoreTestingSelection")
    assert selection.node("restoreMetadataOverrides").text("dbSubnetGroupName") == only(
        plan, "rds/subnetGroup"
    ).text("name")
    assert selection.text("protectedResourceType") == "Aurora"


@pytest.mark.parametrize("environment", ON_AWS)
def test_what_database_insights_sees_has_a_key_of_its_own(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Texts of queries can hold what users typed."""
    plan = plan_of(environment)
    for one in [only(plan, "rds/cluster"), *of_type(plan, "rds/clusterInstance")]:
        (key,) = one.resource.property_dependencies["performanceInsightsKmsKeyId"]
        assert key.endswith("::insights")
