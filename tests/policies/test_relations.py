"""Zones, and tags that a provider gives to all it makes."""

from plan.graph import Graph
from plan.model import Plan, Resource
from plan.values import UNKNOWN, Value
from policies.nodes import Subject
from policies.outcomes import PASS, NotEvaluated, fail
from policies.relations import SUBNET, in_two_zones, tag

PROVIDER = "urn:pulumi:s::p::pulumi:providers:aws::main"


def resource(name: str, type_: str, inputs: dict[str, Value], *targets: str) -> Resource:
    """A resource whose input `subnets` refers to the `targets`."""
    return Resource(
        urn=name,
        type=type_,
        name=name,
        provider=f"{PROVIDER}::0123-id",
        inputs=inputs,
        property_dependencies={"subnets": targets},
    )


def graph_of(*resources: Resource) -> tuple[Subject, Graph]:
    """The last of the resources, and the graph of them all."""
    return Subject(resources[-1]), Graph(Plan(project="p", stack="s", resources=resources))


def test_two_zones_are_two_known_zones() -> None:
    """By name or by id; where too few are known, it says so, or names the one that there is."""
    west = resource("west", SUBNET, {"availabilityZone": "a"})
    also = resource("also", SUBNET, {"availabilityZone": "a"})
    east = resource("east", SUBNET, {"availabilityZoneId": "b"})
    later = resource("later", SUBNET, {"availabilityZone": UNKNOWN})
    group = resource("group", "group", {"subnets": UNKNOWN}, "west", "east", "later")
    assert in_two_zones(*graph_of(west, east, later, group), "subnets") == PASS
    one = resource("group", "group", {"subnets": UNKNOWN}, "west", "also")
    message = "all subnets lie in one zone, a"
    assert in_two_zones(*graph_of(west, also, one), "subnets") == fail(message, "subnets")
    open_ = resource("group", "group", {"subnets": UNKNOWN}, "west", "later")
    reason = "the zones of the subnets in subnets are known after apply"
    assert in_two_zones(*graph_of(west, later, open_), "subnets") == NotEvaluated(reason)
    none = resource("group", "group", {"subnets": ["subnet-1"]})
    reason = "subnets names no subnet of this plan, so its zones are not known"
    assert in_two_zones(*graph_of(none), "subnets") == NotEvaluated(reason)


def test_a_tag_is_the_resources_own_or_its_providers() -> None:
    """A provider is named with its id behind its URN."""
    provider = Resource(
        urn=PROVIDER,
        type="pulumi:providers:aws",
        name="main",
        inputs={"defaultTags": '{"tags": {"Team": "payments", "Tier": "low"}}'},
    )
    own = resource("own", "t", {"tags": {"Tier": "high"}})
    subject, graph = graph_of(provider, own)
    assert tag(subject, graph, "Tier") == "high"
    assert tag(subject, graph, "Team") == "payments"
    assert tag(subject, graph, "Owner") is None
    assert tag(*graph_of(own), "Team") is None
    assert tag(*graph_of(Resource(urn="x", type="t", name="x")), "Team") is None
