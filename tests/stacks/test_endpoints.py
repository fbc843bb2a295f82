"""Ways out of the network: to the account's own, and to names that somebody wrote down."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from environments import Environment
from plan import Graph, Plan
from tests.stacks.reading import ENVIRONMENTS, ON_AWS, of_type, only, statements
from tests.stacks.variants import plan_with

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_ENDPOINT: Final = "ec2/vpcEndpoint"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_endpoint_lets_in_the_accounts_own_roles(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Credentials of another account, which somebody brought along, open nothing through it."""
    account = record_of(name).aws.account
    for endpoint in of_type(plan_of(name), _ENDPOINT):
        own = statements(endpoint)["OwnRoles"].node("Condition").node("StringEquals")
        assert own.text("aws:PrincipalAccount") == account
        holds_data = endpoint.name in {"dynamodb", "s3", "secretsmanager", "sqs"}
        assert own.text("aws:ResourceAccount") == (account if holds_data else None)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nobody_in_particular_gets_layers_and_tokens_alone(name: str, plan_of: PlanOf) -> None:
    """An image's layers come with ECR's signature; a pod is nobody until its token was checked."""
    others = {
        (endpoint.name, sid, statement.text("Action"))
        for endpoint in of_type(plan_of(name), _ENDPOINT)
        for sid, statement in statements(endpoint).items()
        if sid != "OwnRoles"
    }
    assert others == {
        ("s3", "ImageLayers", "s3:GetObject"),
        ("sts", "Tokens", "sts:AssumeRoleWithWebIdentity"),
    }


@pytest.mark.parametrize("name", ON_AWS)
def test_only_listed_names_have_an_address(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """What is on the list is answered, all else is not, and a failure opens nothing."""
    plan = plan_of(name)
    graph = Graph(plan)
    rules = sorted(
        of_type(plan, "route53/resolverFirewallRule"), key=lambda one: one.number("priority") or 0
    )
    assert [one.text("action") for one in rules] == ["ALLOW", "BLOCK"]
    lists = [
        graph.references(one.resource, "firewallDomainListId")[0].inputs["domains"] for one in rules
    ]
    assert lists[1] == ["*"]
    allowed = lists[0]
    assert isinstance(allowed, list)
    hosts = {url.removeprefix("https://") for url in record_of(name).solana.rpc_urls}
    assert {"*.amazonaws.com", *hosts} <= {str(one) for one in allowed}
    assert only(plan, "route53/resolverFirewallConfig").text("firewallFailOpen") == "DISABLED"
    association = only(plan, "route53/resolverFirewallRuleGroupAssociation")
    (network,) = graph.references(association.resource, "vpcId")
    assert network.type == "aws:ec2/vpc:Vpc"


def test_a_product_adds_what_it_calls(tmp_path: Path) -> None:
    """A name in the environment's file is on the list."""
    plan = plan_with(
        tmp_path, "integration", {"network.allowedDomains": ["*.example.org", "api.example.net"]}
    )
    allowed = only(plan, "route53/resolverFirewallDomainList", "allowed").texts("domains")
    assert {"*.example.org", "api.example.net"} <= {*allowed}


def test_ipv6_reaches_the_load_balancer_alone(tmp_path: Path) -> None:
    """Clients come over it; what runs inside has no such address, and so no such way out."""
    plan = plan_with(tmp_path, "integration", {"edge.ipv6": True})
    graph = Graph(plan)
    assert only(plan, "ec2/vpc").flag("assignGeneratedIpv6CidrBlock")
    assert only(plan, "lb/loadBalancer", "edge").text("ipAddressType") == "dualstack"
    addressed = {one.name for one in of_type(plan, "ec2/subnet") if one.has("ipv6CidrBlock")}
    zones = {one.text("availabilityZone") for one in of_type(plan, "ec2/subnet")}
    assert addressed == {f"public-{zone}" for zone in zones}
    routes = [one for one in of_type(plan, "ec2/route") if one.has("destinationIpv6CidrBlock")]
    assert [one.name for one in routes] == ["public-ipv6"]
    opened = {
        one.number("fromPort")
        for one in of_type(plan, "vpc/securityGroupIngressRule")
        if one.text("cidrIpv6") == "::/0"
    }
    assert opened == {80, 443}
    kinds = {
        one.text("type")
        for one in of_type(plan, "route53/record")
        if graph.references(one.resource, "aliases")
        and (one.text("name") or "").startswith("integration.")
    }
    assert kinds == {"A", "AAAA"}
