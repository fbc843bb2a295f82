"""One-off tasks: what the private network needs done once, with the least that each needs."""

from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from stacks.database import ADMINISTRATOR
from stacks.task_kinds import OWNER, READER
from standards import figure
from tests.stacks.reading import ENVIRONMENTS, of_type, only, statements

DUE = {
    "development": {"database-roles", "migrate"},
    "integration": {"database-roles", "migrate"},
    "staging": {"database-roles", "migrate", "check-data", "refresh-data", "review-keys"},
    "production": {"database-roles", "migrate", "check-data", "review-keys"},
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_has_the_tasks_that_the_standards_ask_it_for(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The tasks are all that there is beside the services, and none of them listens."""
    plan, record = plan_of(environment), record_of(environment)
    tasks = {
        task.name: task
        for task in of_type(plan, "ecs/taskDefinition")
        if task.name not in record.services
    }
    assert set(tasks) == DUE[environment]
    for name, task in tasks.items():
        (container,) = task.documents("containerDefinitions")
        assert container.texts("command") == [name]
        assert not container.has("portMappings")
        assert container.text("image") == record.tasks.image
        assert task.flag("skipDestroy")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_task_alone_reads_the_administrators_password(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """It makes the roles that everybody else signs in as; migrations own the schema (DB-07)."""
    plan = plan_of(environment)
    secret = only(plan, "iam/rolePolicy", "database-roles-secret")
    (role,) = secret.resource.property_dependencies["role"]
    assert role.endswith("::database-roles-task")
    (container,) = only(plan, "ecs/taskDefinition", "database-roles").documents(
        "containerDefinitions"
    )
    told = {one.text("name"): one.text("value") for one in container.nodes("environment")}
    assert told["DATABASE_USER"] == ADMINISTRATOR
    assert told["DATABASE_OWNER"] == OWNER
    assert told["DATABASE_READER"] == READER
    assert OWNER not in (told["DATABASE_SERVICES"] or "").split(",")
    (container,) = only(plan, "ecs/taskDefinition", "migrate").documents("containerDefinitions")
    told = {one.text("name"): one.text("value") for one in container.nodes("environment")}
    assert told["DATABASE_USER"] == OWNER


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_the_scheduler_starts_the_daily_tasks_and_nothing_else(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Its role may run those families on that cluster, and pass their roles to ECS alone."""
    plan = plan_of(environment)
    schedules = {one.name for one in of_type(plan, "scheduler/schedule")}
    assert schedules == {"check-data-daily", "review-keys-daily"}
    may = statements(only(plan, "iam/rolePolicy", "scheduler"))
    families = {arn.rpartition("/")[2] for arn in may["Start"].texts("Resource")}
    assert families == {f"{environment}-check-data:*", f"{environment}-review-keys:*"}
    (cluster,) = may["Start"].node("Condition").node("ArnEquals").texts("ecs:cluster")
    assert cluster.endswith(f"cluster/{only(plan, 'ecs/cluster').text('name')}")
    # ECS refuses to start what it may not hand the tags on to.
    assert {
        one.node("target").node("ecsParameters").text("propagateTags")
        for one in of_type(plan, "scheduler/schedule")
    } == {"TASK_DEFINITION"}
    (tagged,) = may["HandTagsOn"].texts("Resource")
    assert tagged == f"{cluster.replace(':cluster/', ':task/')}/*"
    (when,) = may["HandTagsOn"].node("Condition").node("StringEquals").texts("ecs:CreateAction")
    assert when == "RunTask"
    roles = {one.text("name") for one in of_type(plan, "iam/role")}
    assert {arn.rpartition("/")[2] for arn in may["PassRoles"].texts("Resource")} <= roles


def test_stale_data_in_staging_raises_an_alert(plan_of: Callable[[str], Plan]) -> None:
    """As many days without a fresh copy as the standard allows, counted day by day (ENV-09)."""
    alarm = only(plan_of("staging"), "cloudwatch/metricAlarm", "data-stale")
    days = figure("ENV-09", "data_age_max_days").days
    assert alarm.number("evaluationPeriods") == alarm.number("datapointsToAlarm") == days
    assert alarm.number("period") == 24 * 3600
    assert alarm.text("treatMissingData") == "breaching"
    others = {one.name for one in of_type(plan_of("production"), "cloudwatch/metricAlarm")}
    assert "data-stale" not in others
