"""The cluster is closed to the outside, keeps what it knows encrypted, and lets in by name."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from environments import Environment
from plan import Plan
from policies.nodes import Subject
from stacks.kubernetes.cluster import cluster_token
from tests.stacks.kubernetes.reading import WITH_CLUSTER, inside
from tests.stacks.reading import of_type, only


def trust(role: Subject) -> dict[str, Any]:
    """The one statement of a role's trust policy."""
    (statement,) = json.loads(role.text("assumeRolePolicy") or "{}")["Statement"]
    return cast("dict[str, Any]", statement)


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_nobody_reaches_the_cluster_from_outside(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Its API answers inside the private subnets alone, to nodes and to who wears the group."""
    plan = plan_of(environment)
    cluster = only(plan, "eks/cluster")
    network = cluster.node("vpcConfig")
    assert network.flag("endpointPrivateAccess") is True
    assert network.flag("endpointPublicAccess") is False
    reached = cluster.resource.property_dependencies["vpcConfig"]
    zones = record_of(environment).network.zones
    assert {urn.rpartition("::")[2] for urn in reached} == {f"private-{zone}" for zone in zones}
    rule = only(plan, "vpc/securityGroupIngressRule", "api-from-runner")
    assert rule.number("fromPort") == rule.number("toPort") == 443
    (runner,) = rule.resource.property_dependencies["referencedSecurityGroupId"]
    assert runner.endswith("ec2/securityGroup:SecurityGroup::runner")


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_access_is_by_entries_for_named_roles(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The pipeline's: one changes, one looks, one releases inside a namespace and nowhere else."""
    plan = plan_of(environment)
    access = only(plan, "eks/cluster").node("accessConfig")
    assert access.text("authenticationMode") == "API"
    assert access.flag("bootstrapClusterCreatorAdminPermissions") is False
    policies = {
        one.text("principalArn"): (one.text("policyArn") or "").rpartition("/")[2]
        for one in of_type(plan, "eks/accessPolicyAssociation")
    }
    account = record_of(environment).aws.account
    role = f"arn:aws:iam::{account}:role/foundation/{environment}"
    assert policies == {
        f"{role}-apply": "AmazonEKSClusterAdminPolicy",
        f"{role}-preview": "AmazonEKSAdminViewPolicy",
        f"{role}-release": "AmazonEKSEditPolicy",
    }
    scope = only(plan, "eks/accessPolicyAssociation", "release").node("accessScope")
    assert (scope.text("type"), scope.texts("namespaces")) == ("namespace", ["mcp"])
    assert {one.text("principalArn") for one in of_type(plan, "eks/accessEntry")} == {*policies}


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_what_the_control_plane_writes_is_kept_encrypted(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """All its logs go to a group that is there before it, kept as long as an audit log."""
    plan, record = plan_of(environment), record_of(environment)
    cluster, group = only(plan, "eks/cluster"), only(plan, "cloudwatch/logGroup", "control-plane")
    assert set(cluster.texts("enabledClusterLogTypes")) >= {"api", "audit", "authenticator"}
    assert group.text("name") == f"/aws/eks/{cluster.text('name')}/cluster"
    assert group.number("retentionInDays") == record.log_retention_days.audit
    assert group.resource.urn in cluster.resource.dependencies
    secrets = cluster.node("encryptionConfig")
    assert list(secrets.texts("resources")) == ["secrets"]
    (key,) = cluster.resource.property_dependencies["encryptionConfig"]
    assert key.endswith("kms/key:Key::kubernetes")


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_eks_keeps_nodes_network_storage_and_load_balancing(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """AWS refuses a cluster with some parts of Auto Mode; the node groups of before are gone."""
    plan = plan_of(environment)
    cluster = only(plan, "eks/cluster")
    assert cluster.node("computeConfig").flag("enabled") is True
    assert cluster.node("storageConfig").node("blockStorage").flag("enabled") is True
    network = cluster.node("kubernetesNetworkConfig")
    assert network.node("elasticLoadBalancing").flag("enabled") is True
    assert cluster.flag("bootstrapSelfManagedAddons") is False
    assert not of_type(plan, "eks/nodeGroup")


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_add_ons_are_at_the_versions_of_the_record(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """And the agent adds no container of its own to pods, which the namespace would refuse."""
    record = record_of(environment).kubernetes
    assert record is not None
    addons = {one.text("addonName"): one for one in of_type(plan_of(environment), "eks/addon")}
    versions = {name: one.text("addonVersion") for name, one in addons.items()}
    assert versions == {
        "metrics-server": record.addons.metrics_server,
        "amazon-cloudwatch-observability": record.addons.cloudwatch_observability,
    }
    agent = addons["amazon-cloudwatch-observability"].document("configurationValues")
    watched = agent.node("manager").node("applicationSignals").node("autoMonitor")
    assert watched.flag("monitorAllServices") is False


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_a_role_of_pods_is_for_one_account_of_one_namespace_of_this_cluster(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """No other pod, cluster or account can take it; the MCP server's reads its secrets alone."""
    plan, account = plan_of(environment), record_of(environment).aws.account
    cluster = f"arn:aws:eks:us-east-1:{account}:cluster/{environment}-kubernetes"
    for name, (namespace, service_account) in {
        "mcp-pod": ("mcp", "mcp"),
        "cloudwatch-agent-pod": ("amazon-cloudwatch", "cloudwatch-agent"),
    }.items():
        statement = trust(only(plan, "iam/role", name))
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert statement["Condition"] == {
            "StringEquals": {
                "aws:SourceAccount": account,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            },
            "ArnEquals": {"aws:SourceArn": cluster},
        }
    secrets = f"arn:aws:secretsmanager:us-east-1:{account}:secret"
    (reads,) = only(plan, "iam/rolePolicy", "mcp-secrets").document("policy").nodes("Statement")
    assert reads.text("Action") == "secretsmanager:GetSecretValue"
    assert list(reads.texts("Resource")) == [
        f"{secrets}:/slipway/{environment}/mcp/MCP_SIGNING_KEY-??????"
    ]
    association = only(plan, "eks/podIdentityAssociation", "mcp")
    assert (association.text("namespace"), association.text("serviceAccount")) == ("mcp", "mcp")


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_one_explicit_provider_declares_what_is_inside(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """It is made from the cluster's outputs, and waits until the administrators are let in."""
    plan = plan_of(environment)
    (provider,) = (one for one in plan.resources if one.type == "pulumi:providers:kubernetes")
    assert {one.provider for one in inside(plan)} == {provider.urn}
    (cluster,) = provider.property_dependencies["kubeconfig"]
    assert cluster.endswith("eks/cluster:Cluster::cluster")
    admitted = {one.resource.urn for one in of_type(plan, "eks/accessPolicyAssociation")}
    assert admitted
    assert admitted <= set(provider.dependencies)


def test_a_token_is_drawn_when_it_is_needed() -> None:
    """The settings of the provider, which the state holds, have no token and no secret."""
    asked = cluster_token("production-kubernetes", "us-east-1")
    assert asked["command"] == "aws"
    assert asked["args"] == [
        "--region", "us-east-1", "eks", "get-token", "--cluster-name", "production-kubernetes",
    ]  # fmt: skip
    assert "env" not in asked
