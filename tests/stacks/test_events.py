"""Deployments and changes of configuration are told as information, and kept."""

from collections.abc import Callable

import pytest

from plan import Plan
from standards import figure
from tests.stacks.reading import of_type, only

KINDS = ["deployments", "configuration"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_is_told_and_kept(plan_of: Callable[[str], Plan], kind: str) -> None:
    """One target is the topic for information, the other a log kept as deployments are (LOG-05)."""
    plan = plan_of("production")
    reached = {
        urn.rpartition("::")[2]
        for target in (kind, f"{kind}-kept")
        for urn in only(plan, "cloudwatch/eventTarget", target).resource.property_dependencies[
            "arn"
        ]
    }
    assert reached == {"info", "deployments"}
    group = only(plan, "cloudwatch/logGroup", "deployments")
    assert group.number("retentionInDays") == figure("LOG-05", "retention_days").days


def test_what_changes_is_what_scripts_and_services_read(plan_of: Callable[[str], Plan]) -> None:
    """Parameters of this environment alone: accounts may hold others."""
    rule = only(plan_of("production"), "cloudwatch/eventRule", "configuration")
    (prefix,) = rule.document("eventPattern").node("detail").nodes("name")
    assert prefix.text("prefix") == "/slipway/production/"


def test_eventbridge_writes_into_that_log_alone(plan_of: Callable[[str], Plan]) -> None:
    """The policy of the account's logs names the group."""
    policy = only(plan_of("production"), "cloudwatch/logResourcePolicy", "deployments")
    (statement,) = policy.document("policyDocument").nodes("Statement")
    assert (statement.text("Resource") or "").endswith(
        ":log-group:/slipway/production/deployments:*"
    )


def test_development_tells_of_nothing(plan_of: Callable[[str], Plan]) -> None:
    """MON-12 asks for it in staging and production."""
    assert "deployments" not in {
        one.name for one in of_type(plan_of("development"), "cloudwatch/eventRule")
    }
