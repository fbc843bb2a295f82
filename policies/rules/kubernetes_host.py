"""Rules for what a Kubernetes pod takes from the node under it: nothing that isolation is for."""

from typing import Final

from policies.nodes import Node, Subject
from policies.outcomes import PASS, Outcome, all_of, every, fail, require
from policies.registry import Controls, rule
from policies.settings import Severity
from policies.workloads import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    STATEFUL_SET,
    WORKLOADS_AND_PATCHES,
    given,
    named,
    pod_of,
)

_ALLOWED_VOLUMES: Final = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
"""Volume sources of the restricted standard; without any source a volume is an `emptyDir`."""


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.CRITICAL,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.2",), checkov=("CKV_K8S_16",)),
    remediation="""
        Take `privileged` away, and add the one capability that the container cannot do without:

            {"name": "api", "security_context": {
                "privileged": False,
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}
        """,
    passing=[
        (given({"image": "api"}),),
        (given({"securityContext": {"privileged": False}}, type_=DEPLOYMENT),),
        (given({}, os={"name": "windows"}, securityContext={"windowsOptions": {}}),),
    ],
    failing=[
        (given({"securityContext": {"privileged": True}}),),
        (given({"securityContext": {"privileged": True}}, type_=CRON_JOB),),
        (
            given(
                {},
                type_=DAEMON_SET,
                initContainers=[{"name": "setup", "securityContext": {"privileged": True}}],
            ),
        ),
        (given({}, ephemeralContainers=[{"securityContext": {"privileged": True}}]),),
        (given({}, securityContext={"windowsOptions": {"hostProcess": True}}),),
        (given({"securityContext": {"windowsOptions": {"hostProcess": True}}}, type_=JOB),),
        (given({"securityContext": {"privileged": True}}, type_=f"{DEPLOYMENT}Patch"),),
    ],
    absence_is_safe=True,
)
def k8s_no_privileged(workload: Subject) -> Outcome:
    """No container is privileged, nor a host process of Windows.

    Such a container is root on its node: it sees every other pod there, and their secrets.
    """

    def unprivileged(context: Node, name: str) -> Outcome:
        windows = context.node("windowsOptions")
        if context.flag("privileged"):
            return fail(f"{name} is privileged", context.at("privileged"))
        if windows.flag("hostProcess"):
            return fail(f"{name} is a process of the host", windows.at("hostProcess"))
        return PASS

    return pod_of(workload).of_all_contexts(unprivileged)


def _shares(workload: Subject, key: str, what: str) -> Outcome:
    """Whether the pod keeps out of the node's namespace that `key` shares."""
    spec = pod_of(workload).spec
    if spec.flag(key):
        return fail(f"shares {what} of its node", spec.at(key))
    return PASS


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.HIGH,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.3",), checkov=("CKV_K8S_17",)),
    remediation="""
        Leave `host_pid` out. Containers of one pod can see each other's processes without it:

            {"containers": [...], "share_process_namespace": True}
        """,
    passing=[(given({}),), (given({}, type_=DEPLOYMENT, hostPID=False),)],
    failing=[(given({}, hostPID=True),), (given({}, type_=CRON_JOB, hostPID=True),)],
    absence_is_safe=True,
)
def k8s_no_host_pid(workload: Subject) -> Outcome:
    """No pod sees the processes of its node.

    Who sees them can read their environment, secrets included, and stop them.
    """
    return _shares(workload, "hostPID", "the processes")


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.HIGH,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.4",), checkov=("CKV_K8S_18",)),
    remediation="""
        Leave `host_ipc` out. Containers of one pod share memory without it, through a volume:

            {"volumes": [{"name": "shared", "empty_dir": {"medium": "Memory"}}]}
        """,
    passing=[(given({}),), (given({}, type_=STATEFUL_SET, hostIPC=False),)],
    failing=[(given({}, hostIPC=True),), (given({}, type_=DEPLOYMENT, hostIPC=True),)],
    absence_is_safe=True,
)
def k8s_no_host_ipc(workload: Subject) -> Outcome:
    """No pod shares memory and semaphores with its node.

    They have no owner check that a container would respect: it could read what others share.
    """
    return _shares(workload, "hostIPC", "memory and semaphores")


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.HIGH,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.5",), checkov=("CKV_K8S_19",)),
    remediation="""
        Leave `host_network` out, and reach the pod through a service:

            kubernetes.core.v1.Service("api", spec={
                "selector": {"app": "api"}, "ports": [{"port": 443, "target_port": 8443}]})
        """,
    passing=[(given({}),), (given({}, type_=DEPLOYMENT, hostNetwork=False),)],
    failing=[(given({}, hostNetwork=True),), (given({}, type_=DAEMON_SET, hostNetwork=True),)],
    absence_is_safe=True,
)
def k8s_no_host_network(workload: Subject) -> Outcome:
    """No pod uses the network of its node.

    There no network policy holds it, and it reaches what listens on the node alone: the kubelet,
    the instance's metadata and with it the node's role.
    """
    return _shares(workload, "hostNetwork", "the network")


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.HIGH,
    controls=Controls(pss=("baseline", "restricted"), cis=("K8s 5.2.11",), checkov=("CKV_K8S_27",)),
    remediation="""
        Mount a volume that is the pod's own, or claim one from a storage class:

            {"volumes": [{"name": "scratch", "empty_dir": {}},
                         {"name": "data", "persistent_volume_claim": {"claim_name": "data"}}]}
        """,
    passing=[
        (given({}),),
        (
            given(
                {},
                type_=DEPLOYMENT,
                volumes=[
                    {"name": "scratch", "emptyDir": {}},
                    {"name": "settings", "configMap": {"name": "settings"}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                    {"name": "default"},
                ],
            ),
        ),
    ],
    failing=[
        (given({}, volumes=[{"name": "root", "hostPath": {"path": "/"}}]),),
        (
            given(
                {},
                type_=CRON_JOB,
                volumes=[
                    {"name": "scratch", "emptyDir": {}},
                    {"name": "files", "nfs": {"server": "files.internal", "path": "/"}},
                ],
            ),
        ),
    ],
    absence_is_safe=True,
)
def k8s_no_host_path(workload: Subject) -> Outcome:
    """No pod mounts a directory of its node; all volumes are of a kind that isolates.

    A directory of the node is a way out of the container; the other kinds left out here are
    mounted with the node's rights, past storage classes and their limits.
    """

    def isolating(volume: Node) -> Outcome:
        sources = [key for key in volume.names() if key != "name" and volume.has(key)]
        return all_of(
            *(
                fail(f"a volume is of the kind {source}", volume.at(source))
                for source in sources
                if source not in _ALLOWED_VOLUMES
            )
        )

    return every(pod_of(workload).spec.each("volumes"), isolating)


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.MEDIUM,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.12",), checkov=("CKV_K8S_26",)),
    remediation="""
        Leave `host_port` out, and reach the pod through a service:

            {"name": "api", "ports": [{"container_port": 8443}]}
        """,
    passing=[
        (given({"ports": [{"containerPort": 8443}]}, type_=DEPLOYMENT),),
        (given({"ports": [{"containerPort": 8443, "hostPort": 0}]}),),
    ],
    failing=[
        (given({"ports": [{"containerPort": 8443, "hostPort": 443}]}),),
        (
            given(
                {"ports": [{"containerPort": 8443}, {"containerPort": 1, "hostPort": 1}]},
                type_=DAEMON_SET,
            ),
        ),
        (given({}, initContainers=[{"ports": [{"containerPort": 1, "hostPort": 1}]}]),),
    ],
    absence_is_safe=True,
)
def k8s_no_host_port(workload: Subject) -> Outcome:
    """No container opens a port of its node.

    It is open to whatever reaches the node, and only one such pod fits on each.
    """

    def closed(container: Node) -> Outcome:
        return every(
            container.each("ports"),
            lambda port: require(
                not port.number("hostPort"),
                f"{named(container)} opens a port of its node",
                port.at("hostPort"),
            ),
        )

    return every(pod_of(workload).containers, closed)
