"""API keys lie in a store that knows their end, and what is done with them is written down."""

from collections.abc import Callable

import pytest

from plan import Plan
from standards import figure
from tests.stacks.reading import of_type, only, statements

KEPT = ("production", "staging")


@pytest.mark.parametrize("environment", KEPT)
def test_the_store_keeps_digests_with_their_end(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """DynamoDB tidies up what has ended; its own key encrypts the rest, and nobody deletes it."""
    table = only(plan_of(environment), "dynamodb/table", "api-keys")
    assert table.text("hashKey") == "digest"
    assert table.node("ttl").flag("enabled")
    assert table.node("ttl").text("attributeName") == "expiresAt"
    assert table.node("serverSideEncryption").flag("enabled")
    assert table.flag("deletionProtectionEnabled")
    assert table.options.protect


@pytest.mark.parametrize("environment", KEPT)
def test_a_service_only_looks_keys_up_and_the_review_rotates_them(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """What takes requests cannot issue a key to itself; what takes none sees no key at all."""
    plan = plan_of(environment)
    api = statements(only(plan, "iam/rolePolicy", "api-task"))
    assert api["ApiKeys"].texts("Action") == ["dynamodb:GetItem"]
    assert "dynamodb:PutItem" in statements(only(plan, "iam/rolePolicy", "review-keys-task"))[
        "ApiKeys"
    ].texts("Action")
    log = only(plan, "cloudwatch/logGroup", "api-keys")
    assert f"{log.text('name')}:log-stream:api/*" in api["ApiKeysLog"].texts("Resource")[0]
    assert log.node("tags").text("LogClass") == "audit"


@pytest.mark.parametrize("environment", KEPT)
def test_old_keys_and_reviews_that_did_not_run_are_told(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """A warning at the monthly interval, a page at the hard limit, a warning without a review."""
    plan = plan_of(environment)
    for name, limit, topic in (
        ("api-key-unrotated", figure("KEY-02", "review_and_rotation_interval_days"), "warning"),
        ("api-key-outlived", figure("KEY-03", "lifetime_max_days"), "critical"),
    ):
        alarm = only(plan, "cloudwatch/metricAlarm", name)
        assert alarm.number("threshold") == limit.days
        assert alarm.text("statistic") == "Maximum"
        (told,) = alarm.resource.property_dependencies["alarmActions"]
        assert told.endswith(f"::{topic}")
        made = only(plan, "cloudwatch/logMetricFilter", name).node("metricTransformation")
        assert made.text("value") == "$.oldestDays"
    missing = only(plan, "cloudwatch/metricAlarm", "api-keys-unreviewed")
    assert missing.text("treatMissingData") == "breaching"


@pytest.mark.parametrize("environment", ["development", "integration"])
def test_where_no_live_key_exists_there_is_no_store(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The standards ask staging and production for it."""
    tables = {one.name for one in of_type(plan_of(environment), "dynamodb/table")}
    assert "api-keys" not in tables
