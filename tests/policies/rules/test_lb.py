"""Rules of load balancers, where their examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.relations import SUBNET
from policies.rules.lb import BALANCER, LISTENER, WAF_ASSOCIATION
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

TO_HTTPS = {"type": "redirect", "redirect": {"protocol": "HTTPS"}}
FORWARD = {"type": "forward"}


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        ({"protocol": "http", "defaultActions": [FORWARD]}, FAIL),
        ({"protocol": "HTTP", "defaultActions": [TO_HTTPS, FORWARD]}, FAIL),
        ({"protocol": "HTTP", "defaultActions": TO_HTTPS}, PASS),
        (
            {"protocol": "HTTP", "defaultActions": [{**TO_HTTPS, "redirect": [{"port": "80"}]}]},
            FAIL,
        ),
        ({"protocol": "HTTP", "defaultActions": [UNKNOWN, FORWARD]}, FAIL),
        ({"protocol": "HTTP", "defaultActions": UNKNOWN}, UNDECIDED),
        ({"protocol": UNKNOWN, "defaultActions": [FORWARD]}, UNDECIDED),
        ({"protocol": "HTTP", "defaultActions": [{**TO_HTTPS, "redirect": UNKNOWN}]}, UNDECIDED),
    ],
)
@pytest.mark.parametrize("rule", ["alb-http-redirect", "lb-secure-listener"])
def test_plain_http_does_nothing_but_redirect(
    rule: str, listener: dict[str, object], expected: str
) -> None:
    """Every default action counts, whatever the case of the protocol."""
    assert says(rule, Given(LISTENER, "http", listener)) == expected


def test_a_network_balancer_that_passes_tcp_on_is_no_tls_listener() -> None:
    """It has no TLS policy, and is not a secure listener either."""
    listener = Given(LISTENER, "tcp", {"protocol": "TCP"})
    assert says("lb-tls-policy", listener) == SILENT
    assert messages("lb-secure-listener", listener) == ["listens with TCP"]


def subnets(*zones: object) -> list[Given]:
    """A subnet in each of `zones`, called s0, s1 and so on."""
    return [
        Given(SUBNET, f"s{index}", {"availabilityZone": zone}) for index, zone in enumerate(zones)
    ]


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        (["a", "b"], PASS),
        (["a", "a"], FAIL),
        (["a", "a", "b"], PASS),
        (["a", UNKNOWN], UNDECIDED),
        (["a", None], UNDECIDED),
        (["a", "b", UNKNOWN], PASS),
    ],
)
def test_zones_are_those_of_the_subnets(zones: list[object], expected: str) -> None:
    """Two subnets in one zone are one zone; one that is not known may be another."""
    given = subnets(*zones)
    balancer = Given(BALANCER, "edge", {"subnets": [Ref(subnet.name) for subnet in given]})
    assert says("lb-multi-az", *given, balancer) == expected


def test_the_zone_may_be_named_by_its_id() -> None:
    """Some programs name zones by id."""
    given = [
        Given(SUBNET, "a", {"availabilityZoneId": "euc1-az1"}),
        Given(SUBNET, "b", {"availabilityZoneId": "euc1-az2"}),
    ]
    balancer = Given(BALANCER, "edge", {"subnets": [Ref("a"), Ref("b")]})
    assert says("lb-multi-az", *given, balancer) == PASS


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"loadBalancerType": "network"}, SILENT),
        ({"loadBalancerType": "gateway"}, SILENT),
        ({"internal": True}, SILENT),
        ({"internal": "true"}, SILENT),
        ({"internal": UNKNOWN}, UNDECIDED),
        ({}, FAIL),
    ],
)
def test_a_web_acl_is_for_balancers_that_face_the_internet(
    inputs: dict[str, object], expected: str
) -> None:
    """An application balancer is what AWS makes where nothing is said, and public."""
    assert says("alb-waf-attached", Given(BALANCER, "edge", inputs)) == expected


def test_a_web_acl_of_another_balancer_does_not_count() -> None:
    """Nor does one of an unknown balancer, but it may turn out to."""
    edge, other = Given(BALANCER, "edge"), Given(BALANCER, "other")
    wall = Given(WAF_ASSOCIATION, "wall", {"resourceArn": Ref("other")})
    assert messages("alb-waf-attached", edge, other, wall) == [
        "no web ACL is associated with this load balancer"
    ]
    unknown = Given(WAF_ASSOCIATION, "wall", {"resourceArn": UNKNOWN})
    assert says("alb-waf-attached", edge, unknown) == UNDECIDED


def test_subnets_are_counted_by_either_key() -> None:
    """Where no reference leads to them, two ids are two zones: AWS takes no other."""
    for inputs, expected in (
        ({"subnets": ["subnet-1", "subnet-2"]}, PASS),
        ({"subnets": ["subnet-1", "subnet-1"]}, FAIL),
        ({"subnetMappings": [{"subnetId": "subnet-1"}, {"subnetId": "subnet-2"}]}, PASS),
        ({"subnetMappings": [{"subnetId": "subnet-1"}]}, FAIL),
    ):
        assert says("lb-multi-az", Given(BALANCER, "edge", inputs)) == expected, inputs


def test_a_check_of_another_protocol_has_no_path() -> None:
    """The check's own protocol counts, else the group's."""
    group = "aws:lb/targetGroup:TargetGroup"
    for inputs, expected in (
        ({}, FAIL),
        ({"protocol": "TCP"}, PASS),
        ({"protocol": "http"}, FAIL),
        ({"protocol": "TCP", "healthCheck": {"protocol": "HTTP"}}, FAIL),
        ({"protocol": "HTTP", "healthCheck": {"protocol": "TCP"}}, PASS),
        ({"healthCheck": {"path": "/health"}}, PASS),
        ({"healthCheck": {"path": "/health", "enabled": False}}, FAIL),
    ):
        assert says("tg-health-check", Given(group, "api", inputs)) == expected, inputs
