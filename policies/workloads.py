"""Finding the pods that a Kubernetes workload runs, whatever its kind, and every container in them.

A list kind (`PodList`) is no workload: a cluster cannot create one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    Outcome,
    UndecidedError,
    WrongTypeError,
    all_of,
    attempt,
    every,
    fail,
)
from policies.registry import Given

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "core/v1": ("Pod", "PodTemplate", "ReplicationController"),
    "apps/v1": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "apps/v1beta1": ("Deployment", "StatefulSet"),
    "apps/v1beta2": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "extensions/v1beta1": ("DaemonSet", "Deployment", "ReplicaSet"),
    "batch/v1": ("CronJob", "Job"),
    "batch/v1beta1": ("CronJob",),
    "batch/v2alpha1": ("CronJob",),
}
_NESTED: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""By kind, where the pod stands in the inputs; of every other kind it is `spec.template`."""

_FINITE: Final = frozenset({"CronJob", "Job", "PodTemplate"})


def tokens(kinds: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The type tokens of the `kinds`, which are by group and version."""
    return tuple(f"kubernetes:{group}:{kind}" for group, own in kinds.items() for kind in own)


def kind_of(type_: str) -> str:
    """The kind that a type token names: `Deployment`."""
    return type_.rpartition(":")[2].removesuffix("Patch")


POD: Final = "kubernetes:core/v1:Pod"
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
DAEMON_SET: Final = "kubernetes:apps/v1:DaemonSet"
STATEFUL_SET: Final = "kubernetes:apps/v1:StatefulSet"
JOB: Final = "kubernetes:batch/v1:Job"
CRON_JOB: Final = "kubernetes:batch/v1:CronJob"

WORKLOADS: Final = tokens(_KINDS)
"""Whatever runs pods, in every version of the API."""

PATCHES: Final = tuple(f"{type_}Patch" for type_ in WORKLOADS)
"""Changes to workloads of somebody else: what they set counts, what they lack says nothing."""

WORKLOADS_AND_PATCHES: Final = (*WORKLOADS, *PATCHES)
SERVERS: Final = tuple(type_ for type_ in WORKLOADS if kind_of(type_) not in _FINITE)
"""Workloads that run until they are stopped."""

_PATHS: Final = {
    type_: _NESTED.get(kind_of(type_), ("spec", "template")) for type_ in WORKLOADS_AND_PATCHES
}
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Pod:
    """A pod, or the template of one: its metadata and its spec."""

    node: Node

    @cached_property
    def metadata(self) -> Node:
        """Labels and annotations."""
        return self.node.node("metadata")

    @cached_property
    def spec(self) -> Node:
        """Containers, volumes and what they share."""
        return self.node.node("spec")

    @property
    def security(self) -> Node:
        """The security context that the containers inherit."""
        return self.spec.node("securityContext")

    @property
    def is_windows(self) -> bool:
        """Whether it says that it runs on Windows, which lacks Linux's controls."""
        return self.spec.node("os").text("name") == "windows"

    @property
    def has_own_users(self) -> bool:
        """Whether its users, root among them, are nobody on the node."""
        return self.spec.flag("hostUsers") is False

    @property
    def containers(self) -> list[Node]:
        """Every container: those that start first, the lasting ones, and those for debugging."""
        return self._containers(_CONTAINERS)

    def of_each(
        self, check: Callable[[Node], Outcome], kinds: Sequence[str] = _CONTAINERS
    ) -> Outcome:
        """What `check` says of every container, for what each of them must have."""
        containers = self._containers(kinds)
        if not containers:
            return fail("declares no containers", self.spec.at("containers"))
        return every(containers, check)

    def _containers(self, kinds: Sequence[str]) -> list[Node]:
        return [container for kind in kinds for container in self.spec.each(kind)]

    def of_all_contexts(self, check: Callable[[Node, str], Outcome]) -> Outcome:
        """What `check` says of each security context, the pod's and its containers', by name."""

        def of(container: Node) -> Outcome:
            return check(container.node("securityContext"), named(container))

        return all_of(attempt(lambda: check(self.security, "the pod")), every(self.containers, of))

    def of_each_inheriting(
        self, read: Callable[[Node], bool | None], key: str, bad: str, missing: str
    ) -> Outcome:
        """Whether each container has a good `key`: its own, or the pod's where it sets none.

        `read` says of a security context whether its `key` is good, `None` where it sets none. A
        bad one of the pod fails even if no container inherits it. `bad` and `missing` say what is
        wrong of a container, or the pod.
        """

        def of_pod() -> Outcome:
            good = read(self.security) is not False
            return PASS if good else fail(f"the pod {bad}", self.security.at(key))

        def of(container: Node) -> Outcome:
            context = container.node("securityContext")
            good = read(context)
            if good is None and read(self.security) is None:
                return fail(f"{named(container)} {missing}", context.at(key))
            return PASS if good is not False else fail(f"{named(container)} {bad}", context.at(key))

        return all_of(attempt(of_pod), self.of_each(of))


def pod_of(workload: Subject) -> Pod:
    """The pod that `workload` is or makes."""
    node: Node = workload
    for key in _PATHS[workload.type]:
        node = node.node(key)
    return Pod(node)


def named(container: Node) -> str:
    """What to call a container in a message: by its name, else by its place."""
    try:
        name = container.text("name")
    except (UndecidedError, WrongTypeError):
        # A name that cannot be read must not hide what is wrong with the container.
        name = None
    return f"container {name}" if name else f"container {container.here}"


def given(
    container: Mapping[str, object] | None = None,
    *,
    type_: str = POD,
    metadata: Mapping[str, object] | None = None,
    **spec: Any,  # noqa: ANN401 - whatever a pod's spec may hold
) -> Given:
    """A workload for the examples: one container, in a pod with `metadata` and `spec`."""
    containers = [{"name": "api", **container}] if container is not None else []
    inputs: dict[str, object] = {"spec": {"containers": containers, **spec}}
    if metadata is not None:
        inputs["metadata"] = metadata
    for key in reversed(_PATHS[type_]):
        inputs = {key: inputs}
    return Given(type_, "api", inputs)
