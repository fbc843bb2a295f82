"""Rules of security groups, access lists and subnets, where examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.network_acl import DEFAULT_LIST, LIST, LIST_RULE
from policies.rules.subnets import ENDPOINT, ROUTE, ROUTE_TABLE, Endpoints
from policies.rules.vpc import VPC
from policies.traffic import (
    DEFAULT_GROUP,
    EGRESS_RULE,
    GROUP_RULE,
    INGRESS_RULE,
    SECURITY_GROUP,
)
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says

EVERYWHERE = "0.0.0.0/0"
ALL_OUT = {"protocol": "-1", "cidrBlocks": [EVERYWHERE]}


def test_what_a_default_group_lets_out_counts() -> None:
    """It is a group like any other."""
    assert says("sg-no-all-egress", Given(DEFAULT_GROUP, "default", {"egress": [ALL_OUT]})) == FAIL


def test_an_unknown_entry_hides_no_open_one() -> None:
    """Neither for what goes out nor for what comes in."""
    group = Given(SECURITY_GROUP, "api", {"egress": [UNKNOWN, ALL_OUT]})
    assert says("sg-no-all-egress", group) == FAIL
    assert says("sg-no-all-egress", Given(SECURITY_GROUP, "api", {"egress": UNKNOWN})) == UNDECIDED


def test_all_ports_but_one_are_not_every_port() -> None:
    """The rule is about letting everything out; narrower ranges are a matter of review."""
    rule = {"ipProtocol": "tcp", "fromPort": 1, "toPort": 65535, "cidrIpv4": EVERYWHERE}
    assert says("sg-no-all-egress", Given(EGRESS_RULE, "most", rule)) == PASS


@pytest.mark.parametrize("type_", [SECURITY_GROUP, GROUP_RULE, INGRESS_RULE, EGRESS_RULE])
def test_what_a_provider_writes_describes_nothing(type_: str) -> None:
    """Whichever tool wrote it, in whatever case."""
    for text in ("Managed by Pulumi", "managed by terraform", " Managed by Pulumi "):
        assert says("sg-rule-descriptions", Given(type_, "api", {"description": text})) == FAIL
    described = Given(type_, "api", {"description": "Tasks of the API"})
    assert says("sg-rule-descriptions", described) == PASS


def test_letting_a_group_in_is_not_using_it() -> None:
    """A group that only stands as a source in another one is attached to nothing."""
    group = Given(SECURITY_GROUP, "api")
    source = {"referencedSecurityGroupId": Ref("api"), "securityGroupId": Ref("database")}
    other = Given(SECURITY_GROUP, "database")
    assert says("sg-in-use", group, other, Given(INGRESS_RULE, "rule", source)) == FAIL
    instance = Given("aws:ec2/instance:Instance", "worker", {"vpcSecurityGroupIds": [Ref("api")]})
    assert says("sg-in-use", group, instance) == PASS


def entry(number: int, action: str, first: int, last: int, block: str = EVERYWHERE) -> object:
    """An entry of an access list."""
    return {
        "ruleNo": number,
        "action": action,
        "protocol": "tcp",
        "fromPort": first,
        "toPort": last,
        "cidrBlock": block,
    }


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([entry(1, "deny", 22, 22), entry(2, "allow", 0, 4000)], "port 3389"),
        ([entry(1, "deny", 3389, 3389), entry(2, "allow", 0, 4000)], "port 22"),
        ([entry(2, "deny", 22, 22), entry(2, "allow", 22, 22)], "port 22"),
        ([entry(3, "deny", 22, 22), entry(2, "allow", 22, 22)], "port 22"),
        ([entry(1, "deny", 22, 22, "128.0.0.0/1"), entry(2, "allow", 22, 22)], "port 22"),
        ([entry(1, "deny", 0, 65535), entry(2, "allow", 0, 65535)], ""),
        ([entry(9, "deny", 22, 22), entry(1, "deny", 22, 22), entry(2, "allow", 22, 22)], ""),
        ([entry(1, "DENY", 22, 22), entry(2, "Allow", 22, 22)], ""),
    ],
)
def test_the_first_entry_that_matches_decides(entries: list[object], found: str) -> None:
    """As AWS reads an access list; a refusal for some only, or too late, refuses nothing."""
    for type_ in (LIST, DEFAULT_LIST):
        said = messages("nacl-no-world-admin", Given(type_, "public", {"ingress": entries}))
        assert said == ([f"{found} open to {EVERYWHERE}"] if found else [])


def separate(number: object, action: str, **more: object) -> dict[str, object]:
    """A separate rule of the list `public` for port 22."""
    ports = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlock": EVERYWHERE}
    rule = {"networkAclId": Ref("public"), "ruleNumber": number, "ruleAction": action}
    return {**ports, **rule, **more}


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (separate(1, "deny"), PASS),
        (separate(1, "deny", protocol="-1"), PASS),
        (separate(3, "deny"), FAIL),
        (separate(1, "deny", egress=True), FAIL),
        (separate(1, "deny", networkAclId=Ref("other")), FAIL),
        (separate(1, "deny", cidrBlock=None, ipv6CidrBlock="::/0"), FAIL),
        (separate(UNKNOWN, "deny"), FAIL),
    ],
)
def test_separate_rules_of_a_list_are_read_together(
    refusal: dict[str, object], expected: str
) -> None:
    """A refusal counts in its own list, direction and family of addresses."""
    verdict = says(
        "nacl-no-world-admin",
        Given(LIST, "public"),
        Given(LIST, "other"),
        Given(LIST_RULE, "first", refusal),
        Given(LIST_RULE, "then", separate(2, "allow")),
    )
    assert verdict == expected


def test_a_route_elsewhere_may_lead_to_the_world() -> None:
    """Only a route to a peer is concerned, and an unknown one hides no other."""
    world = {"destinationCidrBlock": EVERYWHERE}
    assert says("vpc-peering-least-routes", Given(ROUTE, "nat", world)) == PASS
    routes = [UNKNOWN, {"cidrBlock": EVERYWHERE, "vpcPeeringConnectionId": UNKNOWN}]
    table = Given(ROUTE_TABLE, "private", {"routes": routes})
    assert messages("vpc-peering-least-routes", table) == [f"sends {EVERYWHERE} to a peer"]


def test_the_services_in_use_can_be_said() -> None:
    """A network that pulls no images needs no way to them."""
    vpc = Given(VPC, "network")
    service = "cn.com.amazonaws.cn-north-1.ssm"
    endpoint = Given(ENDPOINT, "ssm", {"vpcId": Ref("network"), "serviceName": service})
    in_use = Endpoints(services=("ssm",))
    assert says("vpc-private-endpoints", vpc, endpoint) == FAIL
    assert says("vpc-private-endpoints", vpc, endpoint, settings=in_use) == PASS
    unknown = Given(ENDPOINT, "more", {"vpcId": Ref("network"), "serviceName": UNKNOWN})
    assert says("vpc-private-endpoints", vpc, unknown, settings=in_use) == UNDECIDED
    assert says("vpc-private-endpoints", vpc, unknown, endpoint, settings=in_use) == PASS


def _rule(list_: object, number: int, action: str, port: int) -> Given:
    """A separate rule of an access list, for the whole internet."""
    inputs = {"ruleNumber": number, "ruleAction": action, "protocol": "tcp", "fromPort": port}
    inputs |= {"toPort": port, "cidrBlock": EVERYWHERE, "networkAclId": list_}
    return Given(LIST_RULE, f"{action}-{number}", inputs)


def test_a_refusal_counts_in_its_own_list_and_before_what_it_refuses() -> None:
    """The rule with the lower number decides."""
    lists = (Given(LIST, "public"), Given(LIST, "other"))
    for refusal, expected in (
        (_rule(Ref("public"), 9, "deny", 22), PASS),
        (_rule(Ref("public"), 11, "deny", 22), FAIL),
        (_rule(Ref("public"), 9, "deny", 3389), FAIL),
        (_rule(Ref("other"), 9, "deny", 22), FAIL),
        (_rule("acl-0123456789abcdef0", 9, "deny", 22), FAIL),
    ):
        admission = _rule(Ref("public"), 10, "allow", 22)
        found = says("nacl-no-world-admin", *lists, refusal, admission, of=admission.name)
        assert found == expected, refusal
    alone = _rule("acl-0123456789abcdef0", 10, "allow", 22)
    assert says("nacl-no-world-admin", alone) == FAIL


def test_an_entry_of_a_list_admits_unless_it_says_otherwise() -> None:
    """In small letters or capitals, by the name that either kind of resource gives it."""
    for inputs, expected in (
        ({}, FAIL),
        ({"action": "DENY"}, PASS),
        ({"action": "deny"}, PASS),
        ({"ruleAction": "deny"}, PASS),
        ({"ruleAction": "allow"}, FAIL),
    ):
        entry = {"protocol": "-1", "cidrBlock": EVERYWHERE, **inputs}
        assert says("nacl-no-world-admin", Given(LIST, "list", {"ingress": [entry]})) == expected
