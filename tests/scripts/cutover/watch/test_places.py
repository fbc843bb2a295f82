"""What is asked for is there: metrics that AWS publishes, of resources that the stack makes."""

from collections.abc import Callable
from typing import Final

from plan import Plan
from scripts.cutover.watch.places import place
from scripts.cutover.watch.recipes import recipe
from tests.scripts.cutover.watch.scene import ENVIRONMENT, published
from tests.stacks.reading import of_type, only
from tests.stacks.test_watched_metrics import PUBLISHED

ALSO: Final = {
    # Elastic Load Balancing, "CloudWatch metrics for your Application Load Balancer"
    **{
        ("AWS/ApplicationELB", f"HTTPCode_Target_{code}XX_Count"): {"LoadBalancer", "TargetGroup"}
        for code in (2, 3, 4)
    },
    # Amazon Aurora, "Amazon CloudWatch metrics for Amazon Aurora"
    ("AWS/RDS", "VolumeBytesUsed"): {"DBClusterIdentifier"},
    # Amazon CloudFront, "View CloudFront and edge function metrics"
    **{
        ("AWS/CloudFront", name): {"DistributionId", "Region"}
        for name in ("Requests", "5xxErrorRate")
    },
    # Amazon CloudWatch, "Amazon ECS Container Insights metrics"
    **{
        ("ECS/ContainerInsights", name): {"ClusterName", "ServiceName"}
        for name in (
            "DesiredTaskCount",
            "RunningTaskCount",
            "EphemeralStorageReserved",
            "EphemeralStorageUtilized",
        )
    },
}
"""What no alarm watches, but a release is judged by."""
SERIES: Final = (
    *("errors", "slower than 600", "health", "down", "cpu", "memory", "disk", "disk growth"),
    *("throughput", "peak", "queue", "database size", "cache hits", "availability"),
)


def test_every_metric_that_is_asked_for_is_one_that_aws_publishes() -> None:
    """With just these dimensions: any others are another metric, which nobody writes."""
    asked = {
        query
        for service in ("api", "prover", "frontend")
        for series in SERIES
        if (found := recipe(series, place(ENVIRONMENT, published(), service, "green")))
        for query in found.queries
    }
    assert len(asked) > len(SERIES)
    for query in asked:
        dimensions = {name for name, _ in query.dimensions}
        known = PUBLISHED.get(query.namespace, {}).get(query.name, ())
        assert dimensions in known or ALSO[query.namespace, query.name] == dimensions


def test_what_is_named_by_the_environment_is_called_so_by_the_stack(
    plan_of: Callable[[str], Plan],
) -> None:
    """The canary of a service, and the nodes of the cache, are not among what is published."""
    plan = plan_of("production")
    where = place(ENVIRONMENT, published(), "api", "green")
    assert where.canary in {each.text("name") for each in of_type(plan, "synthetics/canary")}
    group = only(plan, "elasticache/replicationGroup")
    first, *others = where.cache_nodes
    assert first == f"{group.text('replicationGroupId')}-001"
    assert 1 + len(others) == group.number("numCacheClusters")
