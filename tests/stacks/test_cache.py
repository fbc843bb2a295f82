"""The cache is encrypted, speaks TLS alone, and knows each service by IAM."""

from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from standards import figure
from tests.stacks.reading import ON_AWS, of_type, only

GROUP = "elasticache/replicationGroup"


@pytest.mark.parametrize("environment", ON_AWS)
def test_the_cache_survives_a_zone_and_shows_nothing(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """As many nodes as the record says, over zones, encrypted at rest and on the way."""
    cache, record = only(plan_of(environment), GROUP), record_of(environment).cache
    assert record is not None
    assert cache.number("numCacheClusters") == 1 + record.replicas
    assert cache.flag("multiAzEnabled")
    assert cache.flag("atRestEncryptionEnabled")
    assert cache.text("transitEncryptionMode") == "required"
    (key,) = cache.resource.property_dependencies["kmsKeyId"]
    assert key.endswith("::data")


@pytest.mark.parametrize("environment", ON_AWS)
def test_each_service_signs_in_to_the_cache_as_itself(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """IAM asks for a user whose id and name are one, and lets each role be its own user alone."""
    plan = plan_of(environment)
    for service in record_of(environment).services:
        user = only(plan, "elasticache/user", f"cache-{service}")
        assert user.text("userId") == user.text("userName") == f"{environment}-cache-{service}"
        assert user.node("authenticationMode").text("type") == "iam"
        policy = only(plan, "iam/rolePolicy", f"{service}-task").document("policy")
        (statement,) = (one for one in policy.nodes("Statement") if one.text("Sid") == "Cache")
        assert statement.texts("Action") == ["elasticache:Connect"]
        assert {arn.rpartition(":")[2] for arn in statement.texts("Resource")} == {
            f"{environment}-cache",
            user.text("userId"),
        }


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_a_hit_rate_outside_its_band_is_information(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Both sides of the band are watched over all nodes, and nobody is paged (MON-11)."""
    plan = plan_of(environment)
    for name, key, comparison in (
        ("cache-hit-rate-low", "cache_hit_rate_min_percent", "LessThanThreshold"),
        ("cache-hit-rate-high", "cache_hit_rate_max_percent", "GreaterThanThreshold"),
    ):
        alarm = only(plan, "cloudwatch/metricAlarm", name)
        assert alarm.number("threshold") == figure("MON-11", key).percent
        assert alarm.text("comparisonOperator") == comparison
        (topic,) = alarm.resource.property_dependencies["alarmActions"]
        assert topic.endswith("::info")
        nodes = only(plan, GROUP).number("numCacheClusters") or 0
        assert len(alarm.nodes("metricQueries")) == 1 + 2 * nodes


def test_a_product_may_have_no_cache(plan_of: Callable[[str], Plan]) -> None:
    """Without the key in the file there is none, and no service is told of one."""
    plan = plan_of("development")
    assert not of_type(plan, GROUP)
    (container, *_) = only(plan, "ecs/taskDefinition", "api").documents("containerDefinitions")
    told = {one.text("name") for one in container.nodes("environment")}
    assert not any((name or "").startswith("CACHE_") for name in told)
