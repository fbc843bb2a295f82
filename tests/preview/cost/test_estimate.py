"""An estimate counts what is declared, says what it cannot count, and compares two plans."""

from collections.abc import Callable, Mapping

import pytest

from plan import UNKNOWN, Plan, Value
from preview.cost.estimate import Estimate, Monthly, changes, estimate
from preview.cost.prices import Prices, prices
from tests.preview.plans import plan, resource
from tests.stacks.reading import ENVIRONMENTS

HOURS = 730
TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
TARGET = "aws:appautoscaling/target:Target"


@pytest.fixture
def at() -> Prices:
    """The project's prices, with some that are easy to reckon with."""
    own = prices()
    return own.model_copy(
        update={
            "hours_per_month": HOURS,
            "fargate": {"ARM64": own.fargate["ARM64"].model_copy(
                update={"vcpu_hour": 0.5, "gigabyte_hour": 0.25}
            )},
            "cache": {"cache.small": 0.1},
            "instance": {"m.large": 0.1},
        }
    )  # fmt: skip


def one(type_: str, inputs: Mapping[str, Value], at: Prices) -> Estimate:
    """The estimate of a plan with one resource."""
    return estimate(plan(resource(type_, "one", inputs)), at)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_resource_of_the_environments_has_a_price(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Or is known to be free, or to be billed by use: nothing costs in silence."""
    told = estimate(plan_of(environment), prices())
    assert told.unpriced == {}
    assert told.total.most >= told.total.least > 0
    assert sum(cost.most for cost in told.parts.values()) == pytest.approx(told.total.most)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_price_of_each_service_is_told_apart(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """A service is a part of its own, dearer the more instances it may have."""
    declared = plan_of(environment)
    services = {one.name for one in declared.resources if one.type == "slipway:services:Service"}
    parts = estimate(declared, prices()).parts
    assert services <= parts.keys()
    assert all(parts[name].most > parts[name].least for name in services)


def test_a_service_costs_its_tasks_and_scaling_the_ones_it_may_add(at: Prices) -> None:
    """Two tasks of one processor and two gigabytes; scaling to five adds three at most."""
    task = resource(
        TASK,
        "api",
        {"cpu": "1024", "memory": "2048", "runtimePlatform": {"cpuArchitecture": "ARM64"}},
    )
    service = resource(SERVICE, "api", {"desiredCount": 2}, refers={"taskDefinition": task})
    target = resource(
        TARGET, "api", {"minCapacity": 2, "maxCapacity": 5}, refers={"resourceId": service}
    )
    told = estimate(plan(task, service, target), at)
    assert told.total.least == pytest.approx(2 * HOURS)
    assert told.total.most == pytest.approx(5 * HOURS)


def test_a_side_that_waits_for_a_release_costs_nothing(at: Prices) -> None:
    """It asks for no task, and its scaling adds none."""
    task = resource(
        TASK,
        "api",
        {"cpu": "1024", "memory": "2048", "runtimePlatform": {"cpuArchitecture": "ARM64"}},
    )
    service = resource(SERVICE, "api", {"desiredCount": 0}, refers={"taskDefinition": task})
    target = resource(TARGET, "api", {"maxCapacity": 5}, refers={"resourceId": service})
    assert estimate(plan(task, service, target), at).total == Monthly()


def test_replicas_that_scaling_may_add_cost_as_much_as_those_that_there_are() -> None:
    """From one replica to four: three more of the cluster's class."""
    replica = resource(
        "aws:rds/clusterInstance:ClusterInstance", "one", {"instanceClass": "db.r7g.large"}
    )
    target = resource(
        TARGET, "replicas", {"serviceNamespace": "rds", "minCapacity": 1, "maxCapacity": 4}
    )
    told = estimate(plan(replica, target), prices()).total
    assert told.most == pytest.approx(4 * told.least)


COSTS: list[tuple[str, Mapping[str, Value], float]] = [
    ("aws:elasticache/replicationGroup:ReplicationGroup",
     {"nodeType": "cache.small", "numCacheClusters": 3}, 0.3 * HOURS),
    ("aws:elasticache/replicationGroup:ReplicationGroup",
     {"nodeType": "cache.small", "numNodeGroups": 2, "replicasPerNodeGroup": 1}, 0.4 * HOURS),
    ("aws:eks/nodeGroup:NodeGroup",
     {"instanceTypes": ["m.large"], "scalingConfig": {"desiredSize": 2, "maxSize": 2}},
     0.2 * HOURS),
    ("aws:synthetics/canary:Canary", {"schedule": {"expression": "rate(1 hour)"}},
     HOURS * 0.0012),
    ("aws:synthetics/canary:Canary", {"schedule": {"expression": "rate(5 minutes)"}},
     12 * HOURS * 0.0012),
    ("aws:ec2/vpcEndpoint:VpcEndpoint",
     {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}, 2 * 0.01 * HOURS),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", {}, 0),
    ("aws:lb/loadBalancer:LoadBalancer", {"subnets": ["a", "b"]}, 0.0325 * HOURS),
    ("aws:lb/loadBalancer:LoadBalancer", {"subnets": ["a", "b"], "internal": True},
     0.0225 * HOURS),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricName": "CPU"}, 0.10),
    ("aws:cloudwatch/metricAlarm:MetricAlarm",
     {"metricQueries": [{"metric": {"stat": "Sum"}}, {"metric": {"stat": "Sum"}},
                            {"expression": "a/b"}]}, 0.20),
    ("aws:cloudwatch/metricAlarm:MetricAlarm",
     {"metricQueries": [{"metric": {"stat": "p95"}},
                            {"expression": "ANOMALY_DETECTION_BAND(m1)"}]}, 0.30),
    ("aws:wafv2/webAcl:WebAcl",
     {"rules": [{"name": "rate"}, {"statement": {"managedRuleGroupStatement": {
         "name": "AWSManagedRulesBotControlRuleSet"}}}]}, 17),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "inputs", "dollars"), COSTS)
def test_what_one_resource_costs(
    type_: str, inputs: Mapping[str, Value], dollars: float, at: Prices
) -> None:
    """By its instances, zones, rules, metrics or runs."""
    told = one(type_, inputs, at)
    assert told.unpriced == {}
    assert told.total.least == told.total.most == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("type_", "inputs", "word"),
    [
        ("aws:elasticache/replicationGroup:ReplicationGroup", {"nodeType": "cache.x"}, "cache.x"),
        ("aws:eks/nodeGroup:NodeGroup", {}, "not named"),
        ("aws:rds/clusterInstance:ClusterInstance", {"instanceClass": "db.x"}, "db.x"),
        ("aws:rds/clusterInstance:ClusterInstance", {"instanceClass": UNKNOWN}, "known after"),
        ("aws:lb/loadBalancer:LoadBalancer", {"internal": "maybe"}, "internal"),
        ("aws:synthetics/canary:Canary", {"schedule": {"expression": "cron(0 * * * ? *)"}}, "cron"),
        (SERVICE, {"desiredCount": 1}, "task definition"),
        ("aws:quantum/computer:Computer", {}, "aws:quantum/computer:Computer"),
    ],
)
def test_what_has_no_price_is_told(
    type_: str, inputs: Mapping[str, Value], word: str, at: Prices
) -> None:
    """It costs something, so that silence would be a wrong estimate."""
    (reason,) = one(type_, inputs, at).unpriced.values()
    assert word in reason


def test_what_is_billed_by_use_is_named(at: Prices) -> None:
    """A queue costs nothing that a plan could know."""
    told = one("aws:sqs/queue:Queue", {}, at)
    assert told.total == Monthly()
    assert list(told.usage) == ["aws:sqs/queue:Queue"]


def test_the_difference_of_two_plans_names_the_parts_that_changed(at: Prices) -> None:
    """A part that came, one that went, and none that stayed as it was."""
    key = resource("aws:kms/key:Key", "key", parent=None)
    zone = resource("aws:route53/zone:Zone", "zone", parent=None)
    secret = resource("aws:secretsmanager/secret:Secret", "secret", parent=None)
    before, after = estimate(plan(key, secret), at), estimate(plan(zone, secret), at)
    found = {change.part: change.added.most for change in changes(before, after)}
    assert found == {"kms": -1.0, "route53": 0.5}
    assert changes(after, after) == ()
