"""What a pod of the MCP server is: one container that may do nothing but answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from environments import HealthCheck, McpServer
from stacks.kubernetes.entrance import DRAINING_SECONDS
from standards import figure

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        ContainerArgsDict,
        PodTemplateSpecArgsDict,
        ProbeArgsDict,
        TopologySpreadConstraintArgsDict,
    )

NAME: Final = "mcp"
"""Of the workload, its namespace and everything that goes with it."""
LABELS: Final[Mapping[str, str]] = {"app.kubernetes.io/name": NAME}
"""What every pod of the workload carries, and every selector asks for."""
LAST_WORD: Final[Mapping[str, str]] = {"pulumi.com/patchForce": "true"}
"""On what a cutover changes for a while: without it an apply ends where another one wrote last."""
PORT_NAME: Final = "http"

_USER: Final = 65_532  # that distroless images call nonroot
_SCRATCH: Final = "scratch"
_SCRATCH_SIZE: Final = "64Mi"
_STOP_SECONDS: Final = 30  # for what is under way, once no request comes in any more
_PROBE_SECONDS: Final = 5
_DIGEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """What the pods are told, by reference."""

    variables: Mapping[str, str]

    @property
    def config_map(self) -> str:
        """The name of the map that holds them: another one for other settings.

        So pods are replaced when their settings change, and those of before keep theirs meanwhile.
        """
        lines = sorted(f"{key}={value}" for key, value in self.variables.items())
        digest = sha256("\n".join(lines).encode()).hexdigest()
        return f"{NAME}-{digest[:_DIGEST]}"


def pod_template(record: McpServer, settings: PodSettings) -> "PodTemplateSpecArgsDict":
    """The template of the pods, within the restricted Pod Security Standard."""
    return {
        "metadata": {"labels": dict(LABELS)},
        "spec": {
            "service_account_name": NAME,
            "automount_service_account_token": False,
            "enable_service_links": False,
            "node_selector": {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"},
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": _USER,
                "run_as_group": _USER,
                "fs_group": _USER,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "topology_spread_constraints": [
                _spread("topology.kubernetes.io/zone", "DoNotSchedule"),
                _spread("kubernetes.io/hostname", "ScheduleAnyway"),
            ],
            # The load balancer stops sending before the container is told to stop.
            "termination_grace_period_seconds": DRAINING_SECONDS + _STOP_SECONDS,
            "containers": [_container(record, settings)],
            "volumes": [
                {"name": _SCRATCH, "empty_dir": {"size_limit": _SCRATCH_SIZE}},
            ],
        },
    }


def _spread(over: str, otherwise: str) -> "TopologySpreadConstraintArgsDict":
    return {
        "topology_key": over,
        "max_skew": 1,
        "when_unsatisfiable": otherwise,
        "label_selector": {"match_labels": dict(LABELS)},
        # During a rollout the new pods are spread among themselves.
        "match_label_keys": ["pod-template-hash"],
    }


def _container(record: McpServer, settings: PodSettings) -> "ContainerArgsDict":
    memory, check = f"{record.memory}Mi", record.health_check
    started = figure("SVC-02", "healthy_wait_max_minutes").seconds
    return {
        "name": NAME,
        "image": record.image,
        "image_pull_policy": "IfNotPresent",
        "ports": [{"name": PORT_NAME, "container_port": record.port, "protocol": "TCP"}],
        "env_from": [{"config_map_ref": {"name": settings.config_map}}],
        "resources": {
            "requests": {"cpu": f"{record.cpu}m", "memory": memory},
            "limits": {"cpu": f"{record.cpu}m", "memory": memory},
        },
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "read_only_root_filesystem": True,
            "run_as_non_root": True,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "volume_mounts": [
            {"name": _SCRATCH, "mount_path": "/tmp"}  # noqa: S108 - the container's own
        ],
        "lifecycle": {"pre_stop": {"sleep": {"seconds": DRAINING_SECONDS}}},
        "startup_probe": _probe(check, every=_PROBE_SECONDS, failures=started // _PROBE_SECONDS),
        "readiness_probe": {
            **_probe(check, every=check.interval_seconds, failures=check.unhealthy_threshold),
            "success_threshold": check.healthy_threshold,
        },
        # Slower than the readiness probe: a pod first gets the chance to recover out of traffic.
        "liveness_probe": _probe(
            check, every=check.interval_seconds, failures=2 * check.unhealthy_threshold
        ),
    }


def _probe(check: HealthCheck, *, every: int, failures: int) -> "ProbeArgsDict":
    return {
        "http_get": {"path": check.path, "port": PORT_NAME},
        "timeout_seconds": check.timeout_seconds,
        "period_seconds": every,
        "failure_threshold": failures,
    }
