"""What a security group lets in, in whatever form a program writes it."""

import pytest

from plan.values import UNKNOWN
from policies.nodes import Node
from policies.outcomes import WrongTypeError
from policies.registry import Given
from policies.traffic import (
    DEFAULT_GROUP,
    GROUP_RULE,
    INGRESS_RULE,
    SECURITY_GROUP,
    all_but,
    is_worldwide,
    ports,
)
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


def source(block: object) -> Node:
    """An address block among the sources of an entry."""
    return Node({"cidrBlocks": [block]}).nodes("cidrBlocks")[0]  # pyright: ignore[reportArgumentType] - hostile


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("0.0.0.0/0", True),
        ("1.2.3.4/0", True),
        (" 0.0.0.0/0 ", True),
        ("128.0.0.0/1", True),
        ("10.0.0.0/7", True),
        ("::/0", True),
        ("0:0:0:0:0:0:0:0/0", True),
        ("2000::/3", True),
        ("10.0.0.0/8", False),
        ("192.0.2.0/24", False),
        ("fc00::/7", False),
        ("2001:db8::/32", False),
    ],
)
def test_a_block_wider_than_any_private_one_is_the_world(block: str, expected: object) -> None:
    """Two halves are as wide as the whole, and IPv6 counts as IPv4 does."""
    assert is_worldwide(source(block)) is expected


@pytest.mark.parametrize("block", ["", "everything", "0.0.0.0/33", "0.0.0/0", 0, None, ["::/0"]])
def test_what_is_no_address_block_is_refused(block: object) -> None:
    """AWS would refuse it, and a rule does not guess."""
    with pytest.raises(WrongTypeError):
        is_worldwide(source(block))


@pytest.mark.parametrize(
    ("entry", "first", "last"),
    [
        ({"protocol": "tcp", "fromPort": 80, "toPort": 90}, 80, 90),
        ({"protocol": "6", "fromPort": "80", "toPort": 80.0}, 80, 80),
        ({"protocol": "-1", "fromPort": 0, "toPort": 0}, 0, 65535),
        ({"protocol": -1}, 0, 65535),
        ({"ipProtocol": "ALL"}, 0, 65535),
        ({}, 0, 65535),
        ({"protocol": "udp"}, 0, 65535),
        ({"protocol": "tcp", "fromPort": -1, "toPort": -1}, 0, 65535),
        ({"protocol": "tcp", "fromPort": 90, "toPort": 80}, 0, 65535),
    ],
)
def test_ports_are_read_as_aws_reads_them(
    entry: dict[str, str | int], first: int, last: int
) -> None:
    """What does not say which ports, or says it wrongly, opens all of them."""
    assert ports(Node(entry)) == range(first, last + 1)


@pytest.mark.parametrize("protocol", ["icmp", "ICMPv6", "1", 58])
def test_icmp_has_no_ports(protocol: str | int) -> None:
    """Its numbers are types, so an open ping is no open port."""
    assert not ports(Node({"protocol": protocol, "fromPort": 22, "toPort": 22}))


SSH = {"protocol": "tcp", "fromPort": 22, "toPort": 22}


@pytest.mark.parametrize(
    "group",
    [
        Given(SECURITY_GROUP, "g", {"ingress": [{**SSH, "cidrBlocks": ["0.0.0.0/0"]}]}),
        Given(SECURITY_GROUP, "g", {"ingress": {**SSH, "ipv6CidrBlocks": "::/0"}}),
        Given(DEFAULT_GROUP, "g", {"ingress": [{**SSH, "cidrBlocks": ["0.0.0.0/0"]}]}),
        Given(GROUP_RULE, "g", {**SSH, "type": "ingress", "cidrBlocks": ["0.0.0.0/0"]}),
        Given(GROUP_RULE, "g", {**SSH, "type": "INGRESS", "cidrBlocks": ["0.0.0.0/0"]}),
        Given(GROUP_RULE, "g", {**SSH, "cidrBlocks": [UNKNOWN, "0.0.0.0/0"]}),
        Given(INGRESS_RULE, "g", {"ipProtocol": "-1", "cidrIpv6": "::/0"}),
        Given(
            SECURITY_GROUP,
            "g",
            {"ingress": [UNKNOWN, {"protocol": UNKNOWN}, {**SSH, "cidrBlocks": ["0.0.0.0/0"]}]},
        ),
    ],
)
def test_an_open_port_is_found_in_every_form(group: Given) -> None:
    """Inline or apart, IPv4 or IPv6, beside what is not known yet."""
    assert says("sg-no-world-ssh", group) == FAIL


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({**SSH, "cidrBlocks": UNKNOWN}, UNDECIDED),
        ({**SSH, "cidrBlocks": [UNKNOWN]}, UNDECIDED),
        ({"protocol": UNKNOWN, "cidrBlocks": ["0.0.0.0/0"]}, UNDECIDED),
        ({**SSH, "fromPort": UNKNOWN, "cidrBlocks": ["0.0.0.0/0"]}, UNDECIDED),
        ({"protocol": UNKNOWN, "cidrBlocks": ["10.0.0.0/8"]}, PASS),
        ({**SSH, "fromPort": 443, "toPort": 443, "cidrBlocks": [UNKNOWN]}, PASS),
        ({**SSH, "securityGroups": [UNKNOWN]}, PASS),
        ({**SSH, "prefixListIds": ["pl-1"], "self": True}, PASS),
    ],
)
def test_what_is_not_known_matters_only_where_it_decides(
    entry: dict[str, object], expected: str
) -> None:
    """A private address is harmless whatever the port, and a web port whatever the address."""
    assert says("sg-no-world-ssh", Given(SECURITY_GROUP, "g", {"ingress": [entry]})) == expected


def test_a_violation_names_ports_and_source() -> None:
    """The reader sees what is open, and to whom."""
    wide = {"protocol": "tcp", "fromPort": 3000, "toPort": 3400, "cidrBlocks": ["0.0.0.0/0"]}
    group = Given(SECURITY_GROUP, "g", {"ingress": [wide]})
    assert messages("sg-high-risk-ports", group) == ["ports 3000, 3306, 3389 open to 0.0.0.0/0"]
    assert messages("sg-authorized-public-ports", group) == ["ports 3000 to 3400 open to 0.0.0.0/0"]
    one = Given(INGRESS_RULE, "g", {**SSH, "ipProtocol": "tcp", "cidrIpv4": "0.0.0.0/0"})
    assert messages("sg-no-world-ssh", one) == ["port 22 open to 0.0.0.0/0"]
    assert messages("sg-authorized-public-ports", one) == ["port 22 open to 0.0.0.0/0"]


def test_a_range_is_named_by_its_ends() -> None:
    """One port alone is named alone."""
    refused = all_but({443})
    assert refused(range(8, 9)) == "port 8"
    assert refused(range(8, 10)) == "ports 8 to 9"
    assert refused(range(443, 444)) == ""
    assert refused(range(443, 445)) == "ports 443 to 444"
