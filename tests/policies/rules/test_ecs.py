"""Rules for containers, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given
from policies.rules import ecs
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says


@pytest.mark.parametrize("user", ["", "0", "00", "+0", "root:root", "ROOT", ":1000"])
def test_each_spelling_of_root_is_root(user: str) -> None:
    """So is a user that is left to the image."""
    containers = json.dumps([{"name": "api", "user": user}])
    task = Given(ecs.TASK, "api", {"containerDefinitions": containers})
    assert says("ecs-non-privileged", task) == FAIL


def test_log_drivers_are_a_setting() -> None:
    """Hosts with an agent of their own may read their journal."""
    containers = json.dumps([{"name": "api", "logConfiguration": {"logDriver": "journald"}}])
    task = Given(ecs.TASK, "api", {"containerDefinitions": containers})
    assert messages("ecs-logging", task) == ["container api logs to journald"]
    assert says("ecs-logging", task, settings=ecs.LogDrivers(drivers=("journald",))) == PASS


def test_a_service_on_hosts_of_its_own_has_no_platform_version() -> None:
    """Only Fargate has one."""
    inputs = {"launchType": "EC2", "platformVersion": "1.3.0"}
    assert says("ecs-fargate-latest", Given(ecs.SERVICE, "api", inputs)) == SILENT


def test_two_unknown_roles_may_be_the_same() -> None:
    """Nothing says what they refer to."""
    inputs = {"executionRoleArn": UNKNOWN, "taskRoleArn": UNKNOWN}
    assert says("ecs-distinct-roles", Given(ecs.TASK, "api", inputs)) == UNDECIDED
