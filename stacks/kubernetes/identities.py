"""Who acts for the cluster: its control plane, its nodes, and each workload as itself."""

from typing import Final

from pulumi import Resource, ResourceOptions
from pulumi_aws import iam

from stacks.naming import Names
from stacks.statements import Statement, document

_CONTROL_PLANE: Final = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
"""What EKS Auto Mode does for a cluster; each policy ends at what carries the cluster's name."""
_NODES: Final = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
"""The least that a node of Auto Mode works with: sign pods in, and pull images."""
_ATTACHED: Final = {"control-plane": _CONTROL_PLANE, "node": _NODES}
"""The policies of AWS that go with each role."""


def control_plane_role(
    names: Names, cluster_arn: str, parent: Resource
) -> tuple[iam.Role, list[Resource]]:
    """The role of the control plane, and the policies that must be attached before it is used."""
    trust: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": names.environment.aws.account},
            "ArnLike": {"aws:SourceArn": cluster_arn},
        },
    }
    return _role("control-plane", "Runs the cluster", trust, names=names, parent=parent)


def node_role(names: Names, parent: Resource) -> tuple[iam.Role, list[Resource]]:
    """The role of the nodes, and the policies that must be attached before one starts."""
    trust: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return _role("node", "Starts pods on the cluster's nodes", trust, names=names, parent=parent)


def pod_role(  # noqa: PLR0913 - each argument is a property of the role
    label: str,
    *,
    namespace: str,
    account: str,
    cluster_arn: str,
    names: Names,
    parent: Resource,
) -> iam.Role:
    """The role that pods of one service account take, in one namespace of one cluster alone."""
    trust: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": names.environment.aws.account,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": account,
            },
            "ArnEquals": {"aws:SourceArn": cluster_arn},
        },
    }
    return iam.Role(
        f"{label}-pod",
        name=names.of(label, "pod"),
        description=f"What may be done by the pods of {label}",
        assume_role_policy=document(trust),
        opts=ResourceOptions(parent=parent),
    )


def _role(
    purpose: str, description: str, trust: Statement, *, names: Names, parent: Resource
) -> tuple[iam.Role, list[Resource]]:
    inside = ResourceOptions(parent=parent)
    role = iam.Role(
        purpose,
        name=names.of("kubernetes", purpose),
        description=description,
        assume_role_policy=document(trust),
        opts=inside,
    )
    attached: list[Resource] = [
        iam.RolePolicyAttachment(
            f"{purpose}-{policy}",
            role=role.name,
            policy_arn=names.arn("iam", f"policy/{policy}", region="", account="aws"),
            opts=inside,
        )
        for policy in _ATTACHED[purpose]
    ]
    return role, attached
