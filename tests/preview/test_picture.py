"""A picture shows a plan's parts, and the traffic that its security groups let through."""

from collections.abc import Callable

from plan import UNKNOWN, Plan, Resource, Value
from preview.picture import INTERNET, Arrow, picture
from tests.preview.plans import STACK, plan, resource, urn

GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def part(name: str) -> Resource:
    """A component of the stack."""
    type_ = f"slipway:{name}:Part"
    return Resource(urn=urn(type_, name), type=type_, name=name, parent=STACK.urn)


EDGE, API, STORE, KEYS = (part(name) for name in ("edge", "api", "store", "keys"))
GROUPS = {one.name: resource(GROUP, one.name, parent=one) for one in (EDGE, API, STORE)}


def rule(
    name: str, into: str, source: str | None = None, port: Value = None, last: Value = None
) -> Resource:
    """Let `source`, or the internet, into the part `into`."""
    refers = {"securityGroupId": GROUPS[into]}
    inputs: dict[str, Value] = {"fromPort": port, "toPort": port if last is None else last}
    if source is None:
        inputs["cidrIpv6"] = "::/0"
    else:
        refers["referencedSecurityGroupId"] = GROUPS[source]
    return resource(RULE, name, inputs, parent=None, refers=refers)


def drawn(*rules: Resource) -> Plan:
    """A plan of four parts and these rules."""
    return plan(EDGE, API, STORE, KEYS, *GROUPS.values(), *rules)


def test_an_arrow_is_what_a_rule_lets_through() -> None:
    """From part to part, with every port, the internet being one of them; a part's own is none."""
    found = picture(
        drawn(
            rule("a", "edge", port=443),
            rule("b", "edge", port=80),
            rule("c", "api", "edge", port=8080),
            rule("d", "store", "api", port=5000, last=5010),
            rule("e", "store", "store", port=1),
            rule("f", "store", "edge"),
            rule("g", "api", "store", port=UNKNOWN),
        )
    )
    assert found.arrows == (
        Arrow(source="api", target="store", ports=("5000-5010",)),
        Arrow(source="edge", target="api", ports=("8080",)),
        Arrow(source="edge", target="store", ports=("all",)),
        Arrow(source=INTERNET, target="edge", ports=("80", "443")),
        Arrow(source="store", target="api", ports=("?",)),
    )


def test_parts_stand_by_their_distance_from_the_internet() -> None:
    """Those that no traffic reaches stand around; one that only talks is where traffic begins."""
    rules = (rule("a", "edge", port=443), rule("c", "api", "edge", port=1))
    found = picture(drawn(*rules, rule("d", "store", "api", port=2)))
    assert [[one.name for one in column] for column in found.columns] == [
        [],
        ["edge"],
        ["api"],
        ["store"],
    ]
    inward = picture(drawn(rule("c", "store", "api", port=1)))
    assert [[one.name for one in column] for column in inward.columns] == [[], ["api"], ["store"]]
    assert "edge" in [one.name for one in inward.around]


def test_a_box_names_what_matters_and_counts_the_rest() -> None:
    """Several of a kind stand in one line; nothing is left out without being counted."""
    queues = [resource("aws:sqs/queue:Queue", name, parent=API) for name in ("a", "b")]
    found = picture(drawn(*queues))
    (box,) = (one for one in found.parts if one.name == "api")
    assert box.lines == ("2 × queue",)  # noqa: RUF001 - the sign of times
    assert box.others == 1


def test_production_is_reached_through_its_edge_alone(plan_of: Callable[[str], Plan]) -> None:
    """Every service stands behind it, the database behind the services, in their network.

    The frontend has no security group, and stands outside.
    """
    found = picture(plan_of("production"))
    assert {one.target for one in found.arrows if one.source == INTERNET} == {"edge", "frontend"}
    assert [one.name for one in found.columns[0]] == ["frontend"]
    reached = {one.source for one in found.arrows if one.target == "database"}
    assert {"api", "prover"} <= reached
    assert INTERNET not in reached
    assert found.network.startswith("10.")
    (backups,) = (one for one in found.parts if one.name == "backups")
    assert any("us-west-2" in line for line in backups.lines)
