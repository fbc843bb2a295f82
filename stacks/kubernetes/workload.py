"""The MCP server inside the cluster, updated to its image by the stack alone (POD-03)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, CustomTimeouts, Input, Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Service, ServiceAccount

from environments import Environment, Kubernetes
from stacks.kubernetes.capacity import declare_limits, declare_scaling
from stacks.kubernetes.cluster import Cluster
from stacks.kubernetes.pods import LABELS, LAST_WORD, NAME, PORT_NAME, PodSettings, pod_template
from stacks.kubernetes.traffic import declare_policies
from standards import figure

_POD_SECURITY: Final = "pod-security.kubernetes.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadArguments:
    """What the workload of the MCP server is made from."""

    environment: Environment
    record: Kubernetes
    cluster: Cluster
    target_group_arn: Input[str]
    variables: Mapping[str, str]
    waits_for: Sequence[Resource]
    """What must be there before the first pod starts."""


class Workload(ComponentResource):
    """The MCP server in a namespace of its own.

    Makes the namespace, which enforces the restricted Pod Security Standard; the switch that has
    EKS enforce network policies, and the policies; quota and limits; the service account, the
    settings, the Deployment, its Service and the binding that registers the pods with the load
    balancer; the autoscaler and the disruption budget.
    """

    def __init__(
        self, name: str, arguments: WorkloadArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:kubernetes:Workload", name, opts=options)
        self._arguments = arguments
        record = arguments.record
        provider = arguments.cluster.provider
        enforced = ConfigMap(
            "network-policies",
            metadata={"name": "amazon-vpc-cni", "namespace": "kube-system"},
            data={"enable-network-policy-controller": "true"},
            opts=ResourceOptions(parent=self, provider=provider),
        )
        namespace = self._namespace(ResourceOptions(parent=self, provider=provider))
        inside = ResourceOptions(parent=self, provider=provider, depends_on=[namespace, enforced])
        declare_policies(arguments.environment, record, inside)
        declare_limits(record.mcp, inside)
        account = ServiceAccount(
            NAME,
            metadata={"name": NAME, "namespace": NAME},
            automount_service_account_token=False,
            opts=inside,
        )
        told = PodSettings(variables=arguments.variables)
        settings = ConfigMap(
            NAME,
            metadata={"name": told.config_map, "namespace": NAME},
            data=dict(arguments.variables),
            opts=inside,
        )
        binding = self._binding(inside)
        self._deployment(
            told,
            ResourceOptions.merge(
                inside,
                ResourceOptions(
                    depends_on=[account, settings, binding, *arguments.waits_for],
                    custom_timeouts=_healthy_in_time(),
                ),
            ),
        )
        declare_scaling(record.mcp, inside)
        self.register_outputs({})

    def _namespace(self, options: ResourceOptions) -> Namespace:
        levels = {f"{_POD_SECURITY}/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
        version = {f"{_POD_SECURITY}/enforce-version": f"v{self._arguments.record.version}"}
        return Namespace(
            NAME,
            metadata={
                "name": NAME,
                "labels": {
                    **levels,
                    **version,
                    # A rollout waits until the load balancer finds a new pod well.
                    "eks.amazonaws.com/pod-readiness-gate-inject": "enabled",
                },
            },
            opts=options,
        )

    def _binding(self, inside: ResourceOptions) -> CustomResource:
        """Have EKS register the pods behind the Service with the load balancer's target group."""
        service = Service(
            NAME,
            metadata={
                "name": NAME,
                "namespace": NAME,
                # It has no pods to wait for before the Deployment, which waits for the binding.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "type": "ClusterIP",
                "selector": dict(LABELS),
                "ports": [
                    {
                        "name": PORT_NAME,
                        "port": self._arguments.record.mcp.port,
                        "target_port": PORT_NAME,
                        "protocol": "TCP",
                    }
                ],
            },
            opts=inside,
        )
        return CustomResource(
            NAME,
            api_version="eks.amazonaws.com/v1",
            kind="TargetGroupBinding",
            metadata={"name": NAME, "namespace": NAME},
            spec={
                "serviceRef": {"name": NAME, "port": PORT_NAME},
                "targetGroupARN": self._arguments.target_group_arn,
                "targetType": "ip",
            },
            opts=ResourceOptions.merge(inside, ResourceOptions(depends_on=[service])),
        )

    def _deployment(self, settings: PodSettings, options: ResourceOptions) -> None:
        Deployment(
            NAME,
            metadata={
                "name": NAME,
                "namespace": NAME,
                "labels": dict(LABELS),
                "annotations": dict(LAST_WORD),
            },
            spec={
                # The autoscaler owns the number of pods.
                "selector": {"match_labels": dict(LABELS)},
                "strategy": {
                    "type": "RollingUpdate",
                    # All at once, so that the wait is one pod's, and none goes before it.
                    "rolling_update": {"max_unavailable": 0, "max_surge": "100%"},
                },
                "progress_deadline_seconds": figure("SVC-02", "healthy_wait_max_minutes").seconds,
                "template": pod_template(self._arguments.record.mcp, settings),
            },
            opts=options,
        )


def _healthy_in_time() -> CustomTimeouts:
    """An update fails once the wait of SVC-02 has passed, and the pods of before it stay."""
    minutes = figure("SVC-02", "healthy_wait_max_minutes").minutes
    return CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m")
