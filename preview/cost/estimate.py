"""What the resources of a plan cost a month, from their least to their most.

Instances are counted from the number that is declared to the one that scaling may reach. What is
billed by use is named and not counted: no plan knows how much passes through it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from plan import Graph, Plan, Resource
from policies.nodes import Node, Subject
from policies.outcomes import UndecidedError, WrongTypeError
from preview.cost.prices import Prices
from preview.parts import part_of
from preview.verdict import is_managed

_TASK_DEFINITION: Final = "aws:ecs/taskDefinition:TaskDefinition"
_ECS_SERVICE: Final = "aws:ecs/service:Service"
_CLUSTER_INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"
_CENT: Final = 0.005
_MEBIBYTES: Final = 1024
_CPU_UNITS: Final = 1024
_MINUTES: Final = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440}


class UnpricedError(Exception):
    """A resource has a price that the file does not hold; the message says which."""


@dataclass(frozen=True, slots=True)
class Monthly:
    """US dollars a month, from the least to the most."""

    least: float = 0.0
    most: float = 0.0

    @classmethod
    def fixed(cls, dollars: float) -> Self:
        """What is the same every month."""
        return cls(dollars, dollars)

    @property
    def is_nothing(self) -> bool:
        """Whether it is less than a cent, as the rest of a subtraction is."""
        return max(abs(self.least), abs(self.most)) < _CENT

    def __add__(self, other: "Monthly") -> "Monthly":
        return Monthly(self.least + other.least, self.most + other.most)

    def __sub__(self, other: "Monthly") -> "Monthly":
        return Monthly(self.least - other.least, self.most - other.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one resource costs a month, and the part of the environment that it belongs to."""

    part: str
    resource: Resource
    cost: Monthly


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a plan costs a month. `usage` is billed by use; `unpriced` is not known, with why."""

    prices: Prices
    lines: tuple[Line, ...]
    usage: Mapping[str, str]
    unpriced: Mapping[str, str]

    @property
    def total(self) -> Monthly:
        """Everything that is counted."""
        return sum((line.cost for line in self.lines), Monthly())

    @cached_property
    def parts(self) -> dict[str, Monthly]:
        """What each part of the environment costs, the dearest first."""
        sums: defaultdict[str, Monthly] = defaultdict(Monthly)
        for line in self.lines:
            sums[line.part] += line.cost
        return dict(sorted(sums.items(), key=lambda item: (-item[1].most, item[0])))


def estimate(plan: Plan, prices: Prices) -> Estimate:
    """What `plan` costs at `prices`."""
    graph = Graph(plan)
    lines: list[Line] = []
    usage: dict[str, str] = {}
    unpriced: dict[str, str] = {}
    for resource in plan.resources:
        if not is_managed(resource):
            continue
        if how := prices.usage.get(resource.type):
            usage[resource.type] = how
        try:
            cost = _cost(Subject(resource), graph, prices)
        except (UnpricedError, UndecidedError, WrongTypeError) as unknown:
            unpriced[resource.urn] = str(unknown)
            continue
        if not cost.is_nothing:
            lines.append(Line(part=part_of(resource, graph), resource=resource, cost=cost))
    return Estimate(prices=prices, lines=tuple(lines), usage=usage, unpriced=unpriced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a part cost a month before, and what it costs now."""

    part: str
    before: Monthly
    after: Monthly

    @property
    def added(self) -> Monthly:
        """How much more it is; less than nothing where it became cheaper."""
        return self.after - self.before


def changes(before: Estimate, after: Estimate) -> tuple[Change, ...]:
    """The parts whose cost differs, the largest difference first."""
    found = [
        Change(
            part=part,
            before=before.parts.get(part, Monthly()),
            after=after.parts.get(part, Monthly()),
        )
        for part in dict.fromkeys((*after.parts, *before.parts))
    ]
    differing = [change for change in found if not change.added.is_nothing]
    return tuple(sorted(differing, key=lambda change: -abs(change.added.most)))


def _cost(subject: Subject, graph: Graph, prices: Prices) -> Monthly:
    if count := _COUNTED.get(subject.type):
        return count(subject, graph, prices)
    known = (prices.monthly, prices.hourly, prices.usage)
    if not any(subject.type in of for of in known) and not subject.type.startswith(prices.free):
        raise UnpricedError(f"no price of {subject.type}")
    month = prices.monthly.get(subject.type, 0.0)
    hour = prices.hourly.get(subject.type, 0.0)
    return Monthly.fixed(month + hour * prices.hours_per_month)


def _price(of: Mapping[str, float], key: str | None, what: str) -> float:
    found = of.get(key or "")
    if found is None:
        raise UnpricedError(f"no price of {what} {key or 'that is not named'}")
    return found


def _task(service: Subject, graph: Graph, prices: Prices) -> float:
    """What one task of an ECS service costs a month."""
    definitions = graph.references(service.resource, "taskDefinition")
    for definition in map(Subject, definitions):
        if definition.type != _TASK_DEFINITION:
            continue
        name = definition.node("runtimePlatform").text("cpuArchitecture") or "X86_64"
        processor = prices.fargate.get(name)
        cpu, memory = definition.number("cpu"), definition.number("memory")
        if processor is None or cpu is None or memory is None:
            raise UnpricedError(f"no price of a task on {name} without its cpu and memory")
        hour = (
            cpu / _CPU_UNITS * processor.vcpu_hour + memory / _MEBIBYTES * processor.gigabyte_hour
        )
        return hour * prices.hours_per_month
    raise UnpricedError("its task definition is not in the plan")


def _service(service: Subject, graph: Graph, prices: Prices) -> Monthly:
    count = service.number("desiredCount")
    return Monthly.fixed((1 if count is None else count) * _task(service, graph, prices))


def _scaling(target: Subject, graph: Graph, prices: Prices) -> Monthly:
    """What the instances cost that scaling may add to those that are declared.

    A side of a service that waits for a release (no task is asked for) adds none.
    """
    most = target.number("maxCapacity") or 0.0
    for scaled in map(Subject, graph.references(target.resource, "resourceId")):
        if scaled.type == _ECS_SERVICE:
            declared = scaled.number("desiredCount")
            if declared == 0:
                return Monthly()
            added = max(0.0, most - (1 if declared is None else declared))
            return Monthly(0.0, added * _task(scaled, graph, prices))
    if target.text("serviceNamespace") != "rds":
        return Monthly()
    added = max(0.0, most - (target.number("minCapacity") or 0.0))
    replicas = [Subject(one) for one in graph.of_type(_CLUSTER_INSTANCE)]
    return Monthly(0.0, added * max((_instance(one, prices) for one in replicas), default=0.0))


def _instance(instance: Subject, prices: Prices) -> float:
    name = instance.text("instanceClass")
    found = prices.database.classes.get(name or "")
    if found is None:
        raise UnpricedError(f"no price of instance class {name or 'that is not named'}")
    return found.hour * prices.hours_per_month


def _cluster_instance(instance: Subject, _: Graph, prices: Prices) -> Monthly:
    return Monthly.fixed(_instance(instance, prices))


def _proxy(_: Subject, graph: Graph, prices: Prices) -> Monthly:
    """A proxy pays for the virtual CPUs of the instances behind it."""
    classes = [Subject(one).text("instanceClass") for one in graph.of_type(_CLUSTER_INSTANCE)]
    vcpus = sum(
        found.vcpus for name in classes if (found := prices.database.classes.get(name or ""))
    )
    return Monthly.fixed(vcpus * prices.database.proxy_vcpu_hour * prices.hours_per_month)


def _cache(group: Subject, _: Graph, prices: Prices) -> Monthly:
    nodes = group.number("numCacheClusters")
    if nodes is None:
        shards, copies = group.number("numNodeGroups"), group.number("replicasPerNodeGroup")
        nodes = (1 if shards is None else shards) * (1 + (copies or 0))
    hour = _price(prices.cache, group.text("nodeType"), "cache node")
    return Monthly.fixed(nodes * hour * prices.hours_per_month)


def _node_group(group: Subject, _: Graph, prices: Prices) -> Monthly:
    types = group.texts("instanceTypes")
    hour = _price(prices.instance, types[0] if types else None, "instance type")
    scaling = group.node("scalingConfig")
    least = scaling.number("desiredSize") or scaling.number("minSize") or 0.0
    most = scaling.number("maxSize") or least
    month = hour * prices.hours_per_month
    return Monthly(least * month, most * month)


def _endpoint(endpoint: Subject, _: Graph, prices: Prices) -> Monthly:
    """A private endpoint pays for each zone that it is in; a gateway costs nothing."""
    if (endpoint.text("vpcEndpointType") or "Gateway") == "Gateway":
        return Monthly()
    zones = len(endpoint.each("subnetIds"))
    return Monthly.fixed(zones * prices.network.endpoint_zone_hour * prices.hours_per_month)


def _balancer(balancer: Subject, _: Graph, prices: Prices) -> Monthly:
    """A load balancer has a public address in each zone unless it is internal."""
    hour = prices.hourly[balancer.type]
    if not balancer.flag("internal"):
        hour += len(balancer.each("subnets")) * prices.network.public_address_hour
    return Monthly.fixed(hour * prices.hours_per_month)


def _web_acl(acl: Subject, _: Graph, prices: Prices) -> Monthly:
    rules = acl.nodes("rules")
    names = (
        rule.node("statement").node("managedRuleGroupStatement").text("name") for rule in rules
    )
    groups = sum(prices.firewall.groups.get(name or "", 0.0) for name in names)
    return Monthly.fixed(
        prices.firewall.acl_month + len(rules) * prices.firewall.rule_month + groups
    )


def _alarm(alarm: Subject, _: Graph, prices: Prices) -> Monthly:
    """An alarm pays for each metric that it reads; a band of what is usual counts for several."""
    queries = alarm.nodes("metricQueries")
    metrics = sum(1 for query in queries if query.has("metric")) or 1
    if any(_is_band(query) for query in queries):
        metrics *= prices.alarm.anomaly_metrics
    return Monthly.fixed(metrics * prices.alarm.metric_month)


def _is_band(query: Node) -> bool:
    """Whether the query draws a band of what is usual; such a one is known before an apply."""
    try:
        return (query.text("expression") or "").startswith("ANOMALY")
    except UndecidedError:
        return False


def _canary(canary: Subject, _: Graph, prices: Prices) -> Monthly:
    """A canary pays for each run; its schedule says how often it runs."""
    text = canary.node("schedule").text("expression") or ""
    amount, _space, unit = text.removeprefix("rate(").removesuffix(")").partition(" ")
    minutes = _MINUTES.get(unit)
    if not minutes or not amount.isdecimal() or not int(amount):
        raise UnpricedError(f"how often {text or 'a schedule that is not named'} runs")
    runs = prices.hours_per_month * 60 / (int(amount) * minutes)
    return Monthly.fixed(runs * prices.synthetics.run)


_COUNTED: Final[Mapping[str, Callable[[Subject, Graph, Prices], Monthly]]] = {
    _ECS_SERVICE: _service,
    "aws:appautoscaling/target:Target": _scaling,
    _CLUSTER_INSTANCE: _cluster_instance,
    "aws:rds/proxy:Proxy": _proxy,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:alb/loadBalancer:LoadBalancer": _balancer,
    "aws:wafv2/webAcl:WebAcl": _web_acl,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:synthetics/canary:Canary": _canary,
}
