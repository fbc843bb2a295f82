"""Finding the resources that belong to another one, and saying so when nobody can tell yet."""

from collections.abc import Sequence
from typing import Final

from plan.graph import Graph
from plan.model import Resource
from policies.nodes import Subject
from policies.outcomes import (
    NotEvaluated,
    Outcome,
    UndecidedError,
    UnknownValueError,
    require,
)

SUBNET: Final = "aws:ec2/subnet:Subnet"

PHYSICAL_NAMES: Final = {
    "aws:autoscaling/group:Group": "name",
    "aws:backup/vault:Vault": "name",
    "aws:cfg/recorder:Recorder": "name",
    "aws:cloudwatch/eventRule:EventRule": "name",
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:ecr/repository:Repository": "name",
    "aws:elasticache/subnetGroup:SubnetGroup": "name",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "name",
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/optionGroup:OptionGroup": "name",
    "aws:rds/parameterGroup:ParameterGroup": "name",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:s3/bucketV2:BucketV2": "bucket",
}
"""By type, the input that holds the name which other resources may refer to it with."""

_TWO: Final = 2


def companions(resource: Resource, graph: Graph, types: Sequence[str], key: str) -> list[Subject]:
    """The resources of `types` whose input `key` refers to `resource`.

    Raises:
        UndecidedError: there are none, but one of them may yet turn out to be one.
    """
    found = [Subject(companion) for companion in graph.referrers(resource, *types, key=key)]
    if not found and (unresolved := graph.unresolved(key, *types)):
        message = f"{unresolved.name}.{key} is known after apply, and may refer to this resource"
        raise UndecidedError(message)
    return found


def targets(resource: Resource, graph: Graph, key: str, types: Sequence[str]) -> list[Subject]:
    """The resources of `types` that the input `key` of `resource` refers to."""
    return [Subject(target) for target in graph.references(resource, key) if target.type in types]


def in_two_zones(subject: Subject, graph: Graph, key: str) -> Outcome:
    """Whether the subnets that the input `key` refers to lie in at least two zones."""
    subnets = targets(subject.resource, graph, key, [SUBNET])
    if not subnets:
        return NotEvaluated(f"{key} names no subnet of this plan, so its zones are not known")
    zones: set[str] = set()
    unknown = False
    for subnet in subnets:
        try:
            zone = subnet.text("availabilityZone") or subnet.text("availabilityZoneId")
        except UnknownValueError:
            zone = None
        unknown = unknown or zone is None
        zones |= {zone} if zone else set()
    if unknown and len(zones) < _TWO:
        return NotEvaluated(f"the zones of the subnets in {key} are known after apply")
    where = ", ".join(sorted(zones))
    return require(len(zones) >= _TWO, f"all subnets lie in one zone, {where}", key)


def tag(subject: Subject, graph: Graph, key: str) -> str | None:
    """The value of the tag `key`: the resource's own, else the one that its provider gives all."""
    own = subject.node("tags").text(key)
    if own is not None:
        return own
    reference = subject.resource.provider or ""
    provider = graph.by_urn.get(reference) or graph.by_urn.get(reference.rpartition("::")[0])
    if provider is None:
        return None
    return Subject(provider).document("defaultTags").node("tags").text(key)
