"""How resources relate: by type, parent and reference."""

from collections.abc import Mapping

from plan import UNKNOWN, Graph, Plan, Resource, Value


def urn(name: str) -> str:
    """The URN of the resource called `name`."""
    return f"urn:pulumi:stack::project::{name}"


def resource(  # noqa: PLR0913 - what a test says of a resource, each by name
    name: str,
    type_: str = "aws:ec2/vpc:Vpc",
    *,
    parent: str | None = None,
    inputs: Mapping[str, Value] | None = None,
    outputs: Mapping[str, Value] | None = None,
    depends: Mapping[str, tuple[str, ...]] | None = None,
) -> Resource:
    """A resource whose parent and dependencies are given by name."""
    return Resource(
        urn=urn(name),
        type=type_,
        name=name,
        parent=parent and urn(parent),
        provider="provider",
        inputs=inputs or {},
        outputs=outputs,
        property_dependencies={
            key: tuple(urn(target) for target in targets)
            for key, targets in (depends or {}).items()
        },
    )


def graph(*resources: Resource) -> Graph:
    """The graph of a plan that holds `resources`."""
    return Graph(Plan(project="project", stack="stack", resources=resources))


def test_resources_are_found_by_urn_type_and_parent() -> None:
    """Each index keeps the order of the plan."""
    network = resource("network", "slipway:network:Network")
    vpc = resource("vpc", parent="network")
    subnet = resource("subnet", "aws:ec2/subnet:Subnet", parent="network")
    found = graph(network, vpc, subnet)
    assert found.by_urn[urn("vpc")] is vpc
    assert list(found.of_type("aws:ec2/vpc:Vpc")) == [vpc]
    assert list(found.of_type("aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc")) == [subnet, vpc]
    assert list(found.of_type("aws:s3/bucket:Bucket")) == []
    assert list(found.children(None)) == [network]
    assert list(found.children(urn("network"))) == [vpc, subnet]
    assert list(found.children(urn("vpc"))) == []


def test_an_unknown_value_is_followed_through_its_dependencies() -> None:
    """Before an apply, what an input refers to is what the engine recorded for it."""
    vpc = resource("vpc")
    subnet = resource(
        "subnet", inputs={"vpcId": UNKNOWN, "cidr": "10.0.0.0/24"}, depends={"vpcId": ("vpc",)}
    )
    found = graph(vpc, subnet)
    assert found.references(subnet, "vpcId") == (vpc,)
    assert found.references(subnet, "cidr") == ()
    assert found.references(subnet, "absent") == ()
    assert found.referrers(vpc) == [subnet]
    assert not found.has_unresolved(subnet, "vpcId")


def test_a_known_value_is_followed_by_id_and_arn() -> None:
    """After an apply, ids and ARNs lead to their resource, wherever they are nested."""
    bucket = resource("bucket", outputs={"id": "logs-1", "arn": "arn:aws:s3:::logs-1"})
    trail = resource("trail", inputs={"target": [{"name": "logs-1"}]})
    policy = resource("policy", inputs={"resources": ["arn:aws:s3:::logs-1", "*"]})
    found = graph(bucket, trail, policy)
    assert found.references(trail, "target") == (bucket,)
    assert found.references(policy, "resources") == (bucket,)
    assert found.referrers(bucket) == [trail, policy]


def test_a_reference_by_both_ways_counts_once() -> None:
    """A dependency and a known id that agree are one reference."""
    vpc = resource("vpc", outputs={"id": "vpc-1"})
    subnet = resource("subnet", inputs={"vpcId": "vpc-1"}, depends={"vpcId": ("vpc",)})
    assert graph(vpc, subnet).references(subnet, "vpcId") == (vpc,)


def test_referrers_are_narrowed_by_type_and_key() -> None:
    """A rule asks for companions of one type, through one input."""
    key = resource("key", "aws:kms/key:Key")
    log = resource("log", "log", inputs={"kmsKeyId": UNKNOWN}, depends={"kmsKeyId": ("key",)})
    topic = resource("topic", "topic", inputs={"master": UNKNOWN}, depends={"master": ("key",)})
    found = graph(key, log, topic)
    assert found.referrers(key, "log") == [log]
    assert found.referrers(key, "log", "topic") == [log, topic]
    assert found.referrers(key, key="master") == [topic]
    assert found.referrers(key, "log", key="master") == []


def test_a_dependency_without_its_input_still_refers() -> None:
    """An engine that leaves an unknown input out still says where it comes from."""
    vpc = resource("vpc")
    subnet = resource("subnet", depends={"vpcId": ("vpc",)})
    assert graph(vpc, subnet).referrers(vpc, key="vpcId") == [subnet]


def test_cycles_and_missing_targets_end() -> None:
    """Resources that refer to each other, to themselves or to nothing are no trap."""
    first = resource("first", inputs={"a": UNKNOWN}, depends={"a": ("second", "first", "gone")})
    second = resource(
        "second", inputs={"b": "id-1"}, outputs={"id": "id-1"}, depends={"b": ("first",)}
    )
    found = graph(first, second)
    assert found.references(first, "a") == (second,)
    assert found.references(second, "b") == (first,)
    assert found.referrers(first) == [second]
    assert found.referrers(second) == [first]


def test_an_unknown_value_with_no_recorded_source_is_unresolved() -> None:
    """Nothing can be said of it, which a rule must tell from an absence."""
    vpc = resource("vpc")
    subnet = resource(
        "subnet",
        inputs={"ids": [{"id": UNKNOWN}], "name": "x", "vpcId": UNKNOWN},
        depends={"vpcId": ("gone",)},
    )
    found = graph(vpc, subnet)
    assert found.has_unresolved(subnet, "ids")
    assert found.has_unresolved(subnet, "vpcId")
    assert not found.has_unresolved(subnet, "name")
    assert not found.has_unresolved(subnet, "absent")
    assert found.unresolved("vpcId", "aws:s3/bucket:Bucket", subnet.type) is subnet
    assert found.unresolved("name", subnet.type) is None
    assert found.unresolved("vpcId", "aws:s3/bucket:Bucket") is None


def test_an_empty_id_identifies_nothing() -> None:
    """An id that is not known, or empty, is no way to a resource."""
    first = resource("first", outputs={"id": ""})
    second = resource("second", outputs={"id": UNKNOWN})
    third = resource("third", inputs={"a": "", "b": UNKNOWN})
    found = graph(first, second, third)
    assert found.references(third, "a") == ()
    assert found.references(third, "b") == ()
