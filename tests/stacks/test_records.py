"""What runs leave behind is kept where they look for it; scripts read what a stack publishes."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from environments import Environment
from environments.published import Published
from plan import Plan
from scripts.runs.dynamodb import DynamoDbStore
from tests.conftest import PROJECT
from tests.stacks.reading import ENVIRONMENTS, of_type, only


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_table_is_the_one_that_a_journal_asks_for(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """A store finds its items by the keys of the table that the stack declares."""
    table = only(plan_of(environment), "dynamodb/table", "runs")
    keys = {"journal": {"S": "production/program"}, "item": {"S": "lease"}}
    asked: list[dict[str, object]] = []

    class Client:
        exceptions = None

        def get_item(self, **arguments: object) -> dict[str, object]:
            asked.append(arguments)
            return {}

        put_item = query = transact_write_items = get_item

    assert DynamoDbStore(Client(), table.text("name") or "").lease("production/program") is None
    assert asked[0]["Key"] == keys
    assert [table.text("hashKey"), table.text("rangeKey")] == list(keys)
    assert {(one.text("name"), one.text("type")) for one in table.nodes("attributes")} == {
        (key, "S") for key in keys
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_evidence_stays_as_long_as_the_log_of_a_deployment(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Nobody lifts its lock where data matters; an environment of tests can be taken down."""
    record = record_of(environment)
    lock = next(
        one
        for one in of_type(plan_of(environment), "s3/bucketObjectLockConfiguration")
        if one.name == "evidence"
    )
    retention = lock.node("rule").node("defaultRetention")
    assert retention.number("days") == record.log_retention_days.deployment
    expected = "COMPLIANCE" if record.is_stateful_protected else "GOVERNANCE"
    assert retention.text("mode") == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_when_all_exists_scripts_read_what_they_need(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """With every resource created, the parameter holds a valid record of both sides' names."""
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "tests.stacks.applied", environment],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )
    published = Published.model_validate_json(run.stdout)
    record = record_of(environment)
    assert published.environment == environment
    assert published.services.keys() == record.services.keys()
    for name, service in published.services.items():
        assert service.blue.service != service.green.service
        assert bool(service.rule) is record.services[name].is_public
        assert bool(service.queue) is record.services[name].queue
        if service.blue.target_group:
            assert service.blue.target_group != service.green.target_group
            assert service.blue.target_group.startswith("arn:aws:elasticloadbalancing:")
    domain = published.frontend.domain if published.frontend else None
    assert domain == (record.frontend.name if record.frontend else None)
    assert bool(published.mcp) is bool(record.kubernetes)
    if published.mcp:
        assert published.mcp.cluster == f"{environment}-kubernetes"
        assert published.mcp.target_group.startswith("targetgroup/")
    assert len(published.tasks.subnets) == len(record.network.zones)
    assert published.topics
    topics = {topic.text("name") for topic in of_type(plan_of(environment), "sns/topic")}
    assert {arn.rpartition(":")[2] for arn in published.topics.model_dump().values()} <= topics
