"""Services reach the MCP server inside the network, over TLS, and nobody else does."""

import json
from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from tests.stacks.kubernetes.reading import WITH_CLUSTER, manifest, the
from tests.stacks.reading import of_type, only


def name_of(urn: str) -> str:
    """The logical name in a URN."""
    return urn.rpartition("::")[2]


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_load_balancer_is_inside_the_network(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """In the private subnets, with one listener, over TLS, and its name known inside alone."""
    plan = plan_of(environment)
    balancer = only(plan, "lb/loadBalancer", "mcp")
    assert balancer.flag("internal") is True
    subnets = balancer.resource.property_dependencies["subnets"]
    assert all(name_of(subnet).startswith("private-") for subnet in subnets)
    listener = only(plan, "lb/listener", "mcp")
    assert (listener.text("protocol"), listener.number("port")) == ("HTTPS", 443)
    zone = only(plan, "route53/zone", "mcp")
    (network,) = zone.nodes("vpcs")
    assert network.has("vpcId")
    assert zone.text("name") == only(plan, "acm/certificate", "mcp").text("domainName")


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_named_clients_alone_may_call_it(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Their groups, and no range of addresses, stand in its rules; they are told where it is."""
    plan, record = plan_of(environment), record_of(environment)
    assert record.kubernetes is not None
    rules = [
        rule
        for rule in of_type(plan, "vpc/securityGroupIngressRule")
        if name_of(rule.resource.property_dependencies["securityGroupId"][0]) == "mcp"
    ]
    assert not [rule for rule in rules if rule.has("cidrIpv4") or rule.has("cidrIpv6")]
    callers = {
        name_of(rule.resource.property_dependencies["referencedSecurityGroupId"][0])
        for rule in rules
    }
    assert callers == {*record.kubernetes.mcp.clients}
    for service in record.services:
        definition = only(plan, "ecs/taskDefinition", service)
        containers = json.loads(definition.text("containerDefinitions") or "[]")
        (own,) = (one for one in containers if one["name"] == service)
        told = {one["name"]: one["value"] for one in own["environment"]}
        expected = f"https://mcp.{record.edge.name}" if service in callers else None
        assert told.get("MCP_URL") == expected


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_cluster_may_register_pods_in_the_target_group(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """EKS changes only what carries the cluster's name, and finds pods by their addresses."""
    plan = plan_of(environment)
    group = only(plan, "lb/targetGroup", "mcp")
    cluster = only(plan, "eks/cluster").text("name")
    assert group.node("tags").text("eks:eks-cluster-name") == cluster
    assert group.text("targetType") == "ip"
    binding = the(plan, "TargetGroupBinding")
    assert manifest(binding.resource)["spec"]["serviceRef"] == {"name": "mcp", "port": "http"}
    (bound,) = binding.resource.property_dependencies["spec"]
    assert bound == group.resource.urn
