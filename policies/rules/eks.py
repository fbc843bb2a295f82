"""Rules for Kubernetes clusters that EKS runs, and their nodes."""

import re
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotEvaluated, Outcome, all_of, every, fail, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity
from policies.traffic import is_worldwide

CLUSTER: Final = "aws:eks/cluster:Cluster"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"

_VERSION: Final = re.compile(r"([0-9]{1,3})[.]([0-9]{1,3})")
_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@rule(
    types=[CLUSTER],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("EKS.1",), checkov=("CKV_AWS_38", "CKV_AWS_39")),
    remediation="""
        Keep the API inside the network, or name who may reach it:

            aws.eks.Cluster("main", vpc_config={
                "endpoint_private_access": True, "endpoint_public_access": False, ...}, ...)
        """,
    passing=[
        (Given(CLUSTER, "main", {"vpcConfig": {"endpointPublicAccess": False}}),),
        (
            Given(
                CLUSTER,
                "main",
                {
                    "vpcConfig": {
                        "endpointPublicAccess": True,
                        "publicAccessCidrs": ["198.51.100.0/24"],
                    }
                },
            ),
        ),
    ],
    failing=[
        (Given(CLUSTER, "main", {"vpcConfig": {"endpointPrivateAccess": True}}),),
        (Given(CLUSTER, "main", {"vpcConfig": {"endpointPublicAccess": True}}),),
        (
            Given(
                CLUSTER,
                "main",
                {"vpcConfig": {"publicAccessCidrs": ["198.51.100.0/24", "0.0.0.0/0"]}},
            ),
        ),
        (Given(CLUSTER, "main", {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/1", "::/0"]}}),),
    ],
)
def eks_private_endpoint(cluster: Subject) -> Outcome:
    """The Kubernetes API is not open to the internet.

    It is by default, and then one leaked token or one flaw in it is enough to take the cluster.
    """

    def narrow(block: Node) -> Outcome:
        return require(not is_worldwide(block), f"its API is open to {block.as_text()}", block.here)

    network = cluster.node("vpcConfig")
    if network.flag("endpointPublicAccess") is False:
        return PASS
    blocks = network.each("publicAccessCidrs")
    if not blocks:
        return fail("its API is open to the internet", network.at("endpointPublicAccess"))
    return every(blocks, narrow)


class Kubernetes(Settings):
    """The oldest version of Kubernetes that EKS supports without extended support."""

    oldest: str = Field(default="1.34", pattern=rf"^{_VERSION.pattern}$")


@rule(
    types=[CLUSTER],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("EKS.2",), checkov=("CKV_AWS_339",)),
    settings=Kubernetes,
    remediation="""
        Name a version that is supported; a cluster moves by one minor version at a time:

            aws.eks.Cluster("main", version="1.35", ...)
        """,
    passing=[
        (Given(CLUSTER, "main", {"version": "1.34"}),),
        (Given(CLUSTER, "main", {"version": "1.100"}),),
    ],
    failing=[
        (Given(CLUSTER, "main", {"version": "1.33"}),),
        (Given(CLUSTER, "main", {"version": "1.9"}),),
        (Given(CLUSTER, "main", {"version": "latest"}),),
        (Given(CLUSTER, "main", {"name": "main"}),),
    ],
)
def eks_supported_version(cluster: Subject, settings: Kubernetes) -> Outcome:
    """A cluster runs a version of Kubernetes that is supported.

    An older one gets no fixes, or costs six times as much. One that names no version stays at what
    was the newest when it was made.
    """
    version = cluster.text("version")
    if not version:
        return fail("names no version, so nothing in the program moves it on", "version")
    found, oldest = _VERSION.fullmatch(version), _VERSION.fullmatch(settings.oldest)
    supported = found and oldest and _numbers(found) >= _numbers(oldest)
    return require(supported, f"runs {version}, older than {settings.oldest}", "version")


def _numbers(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])


@rule(
    types=[CLUSTER],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EKS.3",), checkov=("CKV_AWS_58",)),
    remediation="""
        Encrypt them with a key of your own:

            aws.eks.Cluster("main", encryption_config={
                "resources": ["secrets"], "provider": {"key_arn": key.arn}}, ...)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "secrets"),
            Given(
                CLUSTER,
                "main",
                {
                    "encryptionConfig": {
                        "resources": ["secrets"],
                        "provider": {"keyArn": Ref("secrets")},
                    }
                },
            ),
        ),
    ],
    failing=[
        (Given(CLUSTER, "main", {"name": "main"}),),
        (Given(CLUSTER, "main", {"encryptionConfig": {"resources": ["secrets"]}}),),
    ],
)
def eks_secrets_kms(cluster: Subject) -> Outcome:
    """Kubernetes secrets are encrypted with a key of your own.

    Its policy then says who may read them, and its log who did.
    """
    config = cluster.node("encryptionConfig")
    provider = config.node("provider")
    return some(
        config.each("resources"),
        lambda kind: met(kind.as_text() == "secrets" and provider.has_text("keyArn")),
        "its secrets are not encrypted with a key of your own",
    )


class ControlPlaneLogs(Settings):
    """Which logs a control plane writes: its audit log at least, all of them by default."""

    log_types: tuple[str, ...] = _LOGS


@rule(
    types=[CLUSTER],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EKS.8",), checkov=("CKV_AWS_37",)),
    settings=ControlPlaneLogs,
    remediation="""
        Turn them on:

            aws.eks.Cluster("main", enabled_cluster_log_types=[
                "api", "audit", "authenticator", "controllerManager", "scheduler"], ...)
        """,
    passing=[(Given(CLUSTER, "main", {"enabledClusterLogTypes": list(_LOGS)}),)],
    failing=[
        (Given(CLUSTER, "main", {"enabledClusterLogTypes": []}),),
        (Given(CLUSTER, "main", {"enabledClusterLogTypes": ["api", "Audit"]}),),
    ],
)
def eks_audit_logs(cluster: Subject, settings: ControlPlaneLogs) -> Outcome:
    """A control plane writes its logs.

    Only its audit log tells who did what in the cluster, and only the others why it behaved so.
    """
    written = cluster.each("enabledClusterLogTypes")
    return every(
        sorted({"audit", *settings.log_types}),
        lambda kind: some(
            written,
            lambda one: met(one.as_text() == kind),
            f"does not write its {kind} log",
        ),
    )


_ENTRIES_ALONE: Final = {
    "authenticationMode": "API",
    "bootstrapClusterCreatorAdminPermissions": False,
}


@rule(
    types=[CLUSTER],
    severity=Severity.MEDIUM,
    remediation="""
        Let access entries alone say who may enter, and name the administrators:

            aws.eks.Cluster("main", access_config={"authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": False}, ...)
            aws.eks.AccessEntry("operators", cluster_name=cluster.name, principal_arn=role.arn)
        """,
    passing=[(Given(CLUSTER, "main", {"accessConfig": _ENTRIES_ALONE}),)],
    failing=[
        (Given(CLUSTER, "main", {"name": "main"}),),
        (
            Given(
                CLUSTER,
                "main",
                {"accessConfig": {**_ENTRIES_ALONE, "authenticationMode": "API_AND_CONFIG_MAP"}},
            ),
        ),
        (Given(CLUSTER, "main", {"accessConfig": {"authenticationMode": "API"}}),),
    ],
)
def eks_access_entries(cluster: Subject) -> Outcome:
    """Access entries alone say who may enter a cluster.

    What a map inside the cluster grants no API of AWS shows, and a typing error in it locks
    everybody out. Whoever makes a cluster is its administrator for good, unless that is refused.
    """
    access = cluster.node("accessConfig")

    def by_entries() -> Outcome:
        mode = access.text("authenticationMode")
        return require(
            mode == "API",
            f"takes access from {mode or 'the default'}, a map inside it included",
            access.at("authenticationMode"),
        )

    return all_of(
        by_entries,
        lambda: require(
            access.flag("bootstrapClusterCreatorAdminPermissions") is False,
            "makes whoever creates it its administrator",
            access.at("bootstrapClusterCreatorAdminPermissions"),
        ),
    )


@rule(
    types=[NODE_GROUP],
    severity=Severity.HIGH,
    requirements=["PIPE-10"],
    controls=Controls(checkov=("CKV_AWS_100",)),
    remediation="""
        Reach a node through Systems Manager instead of SSH:

            aws.eks.NodeGroup("workers", node_role_arn=role.arn, ...)
            aws.iam.RolePolicyAttachment("workers-session-manager", role=role.name,
                policy_arn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
        """,
    passing=[
        (Given(NODE_GROUP, "workers", {"clusterName": "main"}),),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"instanceType": "m7g.large"}),
            Given(NODE_GROUP, "group", {"launchTemplate": {"id": Ref("workers"), "version": "1"}}),
        ),
    ],
    failing=[
        (Given(NODE_GROUP, "workers", {"remoteAccess": {"ec2SshKey": "ops"}}),),
        (
            Given(
                NODE_GROUP,
                "workers",
                {"remoteAccess": {"ec2SshKey": "ops", "sourceSecurityGroupIds": ["sg-1"]}},
            ),
        ),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"keyName": "ops"}),
            Given(NODE_GROUP, "group", {"launchTemplate": {"id": Ref("workers"), "version": "1"}}),
        ),
    ],
    absence_is_safe=True,
)
def eks_node_no_ssh(group: Subject, settings: Settings, graph: Graph) -> Outcome:
    """The nodes of a group have no SSH key; outside production, none open to all.

    EKS opens port 22 to the internet where a key comes without security groups. In production the
    standard allows no SSH path at all, so that the launch template may have no key, either.
    """
    access = group.node("remoteAccess")
    keyed = access.has_text("ec2SshKey")
    if not settings.is_production:
        return require(
            not keyed or access.has_texts("sourceSecurityGroupIds"),
            "SSH to its nodes is open to the internet",
            access.at("sourceSecurityGroupIds"),
        )
    if keyed:
        return fail("its nodes accept SSH", access.at("ec2SshKey"))
    templates = targets(group.resource, graph, "launchTemplate", [LAUNCH_TEMPLATE])
    if group.has("launchTemplate") and not templates:
        return NotEvaluated("its launch template, which may name a key, is not in this plan")
    return every(
        templates,
        lambda template: require(
            not template.has_text("keyName"), f"{template.name} lets its nodes accept SSH"
        ),
    )
