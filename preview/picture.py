"""The picture of an environment, read from its plan: its parts, and who may talk to whom.

A part is a service or another component of the stack. An arrow is a rule of a security group, the
only thing that lets traffic through, so that no arrow can be wrong or missing; CloudFront, which
has none, is open to the internet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plan import Graph, Plan, Resource
from policies.nodes import Subject
from policies.outcomes import UndecidedError, WrongTypeError
from policies.regions import region_of
from preview.parts import part_of
from preview.verdict import is_managed

INTERNET: Final = "internet"
_ANYWHERE: Final = ("0.0.0.0/0", "::/0")
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_HTTPS: Final = "443"
_VPC: Final = "aws:ec2/vpc:Vpc"
_SUBNET: Final = "aws:ec2/subnet:Subnet"

NAMES: Final[Mapping[str, str]] = {
    "aws:cloudfront/distribution:Distribution": "CloudFront distribution",
    "aws:wafv2/webAcl:WebAcl": "web ACL",
    "aws:lb/loadBalancer:LoadBalancer": "load balancer",
    "aws:route53/record:Record": "DNS record",
    "aws:route53/healthCheck:HealthCheck": "health check",
    "aws:ec2/natGateway:NatGateway": "NAT gateway",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "private endpoint",
    "aws:ecs/service:Service": "side on Fargate",
    "aws:ecs/cluster:Cluster": "ECS cluster",
    "aws:ecs/taskDefinition:TaskDefinition": "task of {cpu} CPU, {memory} MiB",
    "aws:eks/cluster:Cluster": "EKS cluster {version}",
    "kubernetes:apps/v1:Deployment": "deployment",
    "aws:sqs/queue:Queue": "queue",
    "aws:rds/cluster:Cluster": "Aurora {engineVersion}",
    "aws:rds/clusterInstance:ClusterInstance": "instance {instanceClass}",
    "aws:rds/proxy:Proxy": "proxy",
    "aws:elasticache/replicationGroup:ReplicationGroup": "cache {engine} {nodeType}",
    "aws:dynamodb/table:Table": "table",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:kms/key:Key": "key",
    "aws:backup/vault:Vault": "backup vault",
    "aws:sns/topic:Topic": "topic",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "alarm",
    "aws:cloudwatch/dashboard:Dashboard": "dashboard",
    "aws:cloudwatch/logGroup:LogGroup": "log group",
    "aws:amp/workspace:Workspace": "Prometheus workspace",
    "aws:synthetics/canary:Canary": "canary",
    "aws:secretsmanager/secret:Secret": "secret",
    "aws:cloudtrail/trail:Trail": "trail",
    "aws:guardduty/detector:Detector": "GuardDuty detector",
    "aws:ecr/repository:Repository": "registry",
    "aws:iam/role:Role": "role",
}
"""What a part's box says of its resources, with their inputs; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: what its box says. `distance` is how many arrows it is from the internet."""

    name: str
    lines: tuple[str, ...]
    others: int
    """How many resources it has that its lines do not name."""
    distance: int | None
    in_network: bool
    """Whether security groups guard it; the others stand outside of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """Traffic that security groups let through, on these ports."""

    source: str
    target: str
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A plan as boxes and arrows."""

    title: str
    network: str
    """The address range and zones that it lies in; empty where it has no network."""
    parts: tuple[Part, ...]
    arrows: tuple[Arrow, ...]

    @property
    def columns(self) -> list[list[Part]]:
        """The parts that traffic reaches, by their distance; first those outside the network."""
        by_distance: defaultdict[int, list[Part]] = defaultdict(list)
        by_distance[0] = []
        for part in self.parts:
            if part.distance is not None and not part.in_network:
                by_distance[0].append(part)
            elif part.distance is not None:
                by_distance[part.distance].append(part)
        return [by_distance[distance] for distance in sorted(by_distance)]

    @property
    def around(self) -> list[Part]:
        """The parts that no traffic of the network reaches."""
        return [part for part in self.parts if part.distance is None]


def picture(plan: Plan) -> Picture:
    """The picture of `plan`."""
    graph = Graph(plan)
    by_part: defaultdict[str, list[Resource]] = defaultdict(list)
    for resource in plan.resources:
        if is_managed(resource):
            by_part[part_of(resource, graph)].append(resource)
    arrows = _arrows(graph)
    distances = _distances(arrows)
    parts = [_part(name, own, distances.get(name), graph) for name, own in by_part.items()]
    return Picture(
        title=plan.stack,
        network=_network(graph),
        parts=tuple(sorted(parts, key=lambda part: part.name)),
        arrows=tuple(arrows),
    )


def _part(name: str, resources: Sequence[Resource], distance: int | None, graph: Graph) -> Part:
    order = {type_: place for place, type_ in enumerate(NAMES)}
    known = sorted((one for one in resources if one.type in NAMES), key=lambda one: order[one.type])
    told = Counter(_label(one, graph) for one in known)
    lines = [
        label if count == 1 else f"{count} × {label}"  # noqa: RUF001 - the sign of times
        for label, count in told.items()
    ]
    return Part(
        name=name,
        lines=tuple(lines),
        others=len(resources) - sum(told.values()),
        distance=distance,
        in_network=any(one.type == _GROUP for one in resources),
    )


def _label(resource: Resource, graph: Graph) -> str:
    """What a box calls the resource: with its sizes, and its region where that is another."""
    known = {key: value for key, value in resource.inputs.items() if isinstance(value, str)}
    label = NAMES[resource.type].format_map(defaultdict(lambda: "?", known))
    region = region_of(Subject(resource), graph)
    return f"{label} ({region})" if region and region != graph.once(_home) else label


def _home(graph: Graph) -> str | None:
    """The region of the network; of most resources where there is none."""
    of = graph.of_type(_VPC) or [one for one in graph.plan.resources if is_managed(one)]
    regions = Counter(region for one in of if (region := region_of(Subject(one), graph)))
    return max(regions, key=lambda region: regions[region], default=None)


def _arrows(graph: Graph) -> list[Arrow]:
    ports: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for distribution in graph.of_type(_DISTRIBUTION):
        ports[INTERNET, part_of(distribution, graph)].add(_HTTPS)
    for rule in graph.of_type(_INGRESS):
        targets = graph.references(rule, "securityGroupId")
        for source in _sources(rule, graph):
            for target in targets:
                name = part_of(target, graph)
                if name != source:
                    ports[source, name].add(_ports(Subject(rule)))
    return [
        Arrow(
            source=source,
            target=target,
            ports=tuple(sorted(own, key=lambda port: (len(port), port))),
        )
        for (source, target), own in sorted(ports.items())
    ]


def _sources(rule: Resource, graph: Graph) -> Iterator[str]:
    if any(rule.inputs.get(key) in _ANYWHERE for key in ("cidrIpv4", "cidrIpv6")):
        yield INTERNET
    for group in graph.references(rule, "referencedSecurityGroupId"):
        yield part_of(group, graph)


def _ports(rule: Subject) -> str:
    """The ports that a rule opens: one, a range, or all."""
    try:
        first, last = rule.number("fromPort"), rule.number("toPort")
    except (UndecidedError, WrongTypeError):
        return "?"
    if first is None or last is None:
        return "all"
    return f"{first:g}" if first == last else f"{first:g}-{last:g}"


def _distances(arrows: Sequence[Arrow]) -> dict[str, int]:
    """How many arrows each part is from where traffic begins, on the longest way without a turn."""
    onward: defaultdict[str, list[str]] = defaultdict(list)
    for arrow in arrows:
        onward[arrow.source].append(arrow.target)
    targets = {arrow.target for arrow in arrows}
    distances: dict[str, int] = {}

    def walk(name: str, distance: int, behind: frozenset[str]) -> None:
        if name in behind or distance <= distances.get(name, -1):
            return
        distances[name] = distance
        for target in onward[name]:
            walk(target, distance + 1, behind | {name})

    walk(INTERNET, 0, frozenset())
    for talker in sorted({arrow.source for arrow in arrows} - targets - {INTERNET}):
        walk(talker, 1, frozenset())
    distances.pop(INTERNET)
    return distances


def _network(graph: Graph) -> str:
    ranges = [str(one.inputs.get("cidrBlock")) for one in graph.of_type(_VPC)]
    zones = {str(one.inputs.get("availabilityZone")) for one in graph.of_type(_SUBNET)}
    return " · ".join([*ranges, ", ".join(sorted(zones))]) if ranges else ""
