"""The MCP server on Kubernetes: a Deployment, which is rolled out and undone under the same gates.

A Deployment replaces its pods as soon as new ones are available. While a cutover is on its way none
ever is: `minReadySeconds` is longer than any cutover takes, so that the new pods take their part of
the traffic beside the old ones, which stay, all of them. `maxSurge` says how many new ones there
are. In the end `minReadySeconds` is what it was, and Kubernetes itself takes away what is not the
image that it was told: the old pods then, or the new ones after a rollback, at once.

Each pod gets the same share of the requests, so the weight of the new side is how many pods it has
in percent of the old side's; at 100 both are full.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from scripts.cutover.aws.images import release_of
from scripts.cutover.aws.kubectl import Kubectl
from scripts.cutover.aws.sides import NotYetError
from scripts.cutover.planning.steps import ALL
from scripts.exits import CommandError
from standards import figure

HELD_SECONDS: Final = 30 * 24 * 3600
"""Longer than any cutover: meanwhile no new pod replaces an old one."""
_HASH: Final = "pod-template-hash"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Metadata(_Read):
    uid: str
    name: str
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    owner_references: tuple["_Owner", ...] = ()
    deletion_timestamp: str | None = None


class _Owner(_Read):
    uid: str


class _Container(_Read):
    name: str
    image: str
    readiness_probe: dict[str, object] | None = None


class _PodSpec(_Read):
    containers: tuple[_Container, ...]


class _Template(_Read):
    spec: _PodSpec


class _Rolling(_Read):
    max_surge: int | str = "25%"


class _Strategy(_Read):
    rolling_update: _Rolling = _Rolling()


class _DeploymentSpec(_Read):
    replicas: int
    template: _Template
    min_ready_seconds: int = 0
    strategy: _Strategy = _Strategy()


class _Observed(_Read):
    observed_generation: int = 0
    replicas: int = 0


class _Deployment(_Read):
    kind: Literal["Deployment"]
    metadata: _Metadata
    spec: _DeploymentSpec
    status: _Observed = _Observed()


class _SetSpec(_Read):
    replicas: int = 0
    template: _Template


class _Set(_Read):
    kind: Literal["ReplicaSet"]
    metadata: _Metadata
    spec: _SetSpec
    status: _Observed = _Observed()


class _Condition(_Read):
    type: str
    status: str


class _PodStatus(_Read):
    conditions: tuple[_Condition, ...] = ()


class _Pod(_Read):
    kind: Literal["Pod"]
    metadata: _Metadata
    status: _PodStatus = _PodStatus()

    @property
    def is_ready(self) -> bool:
        """Whether it gets requests: the load balancer's health is one of its readiness gates."""
        return self.metadata.deletion_timestamp is None and any(
            each.type == "Ready" and each.status == "True" for each in self.status.conditions
        )


class _ScalerSpec(_Read):
    min_replicas: int = 1


class _Scaler(_Read):
    kind: Literal["HorizontalPodAutoscaler"]
    metadata: _Metadata
    spec: _ScalerSpec


class _List(_Read):
    items: tuple[Annotated[_Deployment | _Set | _Pod | _Scaler, Field(discriminator="kind")], ...]


@dataclass(frozen=True)
class _State:
    """The Deployment with all that belongs to it, as it was at one moment."""

    deployment: _Deployment
    image: str
    sets: Sequence[tuple[str, _Set]]
    """Its replica sets, each with the digest that it runs."""
    pods: Sequence[_Pod]
    fewest: int
    """The least that its autoscaler keeps."""

    @property
    def told(self) -> str:
        """The digest that it is to run."""
        return self.image.rpartition("@")[2]

    @property
    def wanted(self) -> int:
        """How many pods its autoscaler wants of it."""
        return self.deployment.spec.replicas

    def meant(self, digest: str) -> int:
        """How many pods with `digest` there are to be."""
        return sum(each.spec.replicas for runs, each in self.sets if runs == digest)

    def ready(self, digest: str) -> int:
        """How many pods with `digest` get requests."""
        hashes = {each.metadata.labels.get(_HASH) for runs, each in self.sets if runs == digest}
        return sum(pod.is_ready and pod.metadata.labels.get(_HASH) in hashes for pod in self.pods)


class DeploymentSides:
    """The pods of a Deployment with one image, and those with another."""

    def __init__(  # noqa: PLR0913 - each is a property of the Deployment
        self,
        name: str,
        release: str,
        *,
        kubectl: Kubectl,
        fewest: int,
        declared: str,
        container: str | None = None,
        before: str | None = None,
    ) -> None:
        self.name: Final = name
        self._release: Final = release_of(release)
        self._kubectl: Final = kubectl
        self._declared: Final = declared
        """The image that the environment's file names."""
        self._fewest: Final = fewest
        """The least that its autoscaler keeps while no cutover is on its way."""
        self._container: Final = container or name
        self._before: str | None = release_of(before) if before else None
        self._given: int | None = None

    @property
    def releases(self) -> tuple[str, str]:
        """The digest that runs before the cutover, and the new one."""
        return self._releases(self._state())

    def _releases(self, state: _State) -> tuple[str, str]:
        if self._before is None:
            running = [runs for runs, each in state.sets if each.spec.replicas]
            others = [runs for runs in running if runs != self._release]
            is_begun = state.told == self._release and bool(others)
            self._before = others[0] if is_begun else release_of(state.image)
        return self._before, self._release

    def size(self) -> int:
        """How many pods its autoscaler wants of it."""
        return self._state().wanted

    def scale(self, instances: int) -> None:
        """Let so many new pods come beside the old ones, of which none goes."""
        state = self._state()
        self._releases(state)
        if state.fewest < state.wanted:
            self._kubectl.patch(self._autoscaler, {"spec": {"minReplicas": state.wanted}})
        spec = state.deployment.spec
        surge = spec.strategy.rolling_update.max_surge
        is_held = spec.min_ready_seconds == HELD_SECONDS and state.told == self._release
        if is_held and isinstance(surge, int):
            instances = max(instances, surge)
        if not is_held or surge != instances:
            self._tell(state, self._release, surge=instances, ready_seconds=HELD_SECONDS)

    def healthy(self, *, is_new: bool) -> int:
        """How many pods of a side get requests."""
        state = self._state()
        return state.ready(self._releases(state)[is_new])

    def set_weight(self, weight: int) -> None:
        """See that the new side has the pods for its share, or undo the rollout.

        Raises:
            NotYetError: too few pods of the side that gets more are ready; nothing was changed.
        """
        state = self._state()
        old, new = self._releases(state)
        needed = state.wanted * (weight or ALL) / ALL
        if not weight:
            needed *= figure("SCALE-01", "cpu_above_percent").percent / ALL
        ready = state.ready(new if weight else old)
        if ready < max(ceil(needed), 1):
            side = "new" if weight else "old"
            raise NotYetError(
                f"{self.name}: {ready} pods of the {side} side are ready, and it needs "
                f"{max(ceil(needed), 1)}: nothing was changed"
            )
        if not weight:
            self._put_back(state, old)
        self._given = weight

    def weight(self) -> int:
        """How many pods the new side is to have, in percent of all that are wanted; 100 at most."""
        return self._weight(self._state())

    def _weight(self, state: _State) -> int:
        old, new = self._releases(state)
        if state.told not in {old, new}:
            raise CommandError(
                f"{self.name}: its image is {state.image}, neither {old} nor {new}: somebody else "
                "changed it. Roll back, which sets the old one"
            )
        has = min(ceil(state.meant(new) * ALL / max(state.wanted, 1)), ALL)
        if state.told == new and not state.meant(old):
            has = ALL
        return min(self._given or has, has)

    def retire(self, *, is_new: bool) -> None:
        """Let Kubernetes take a side's pods away, and the autoscaler do as before.

        Raises:
            NotYetError: the other side does not carry everything; nothing was changed.
        """
        state, wanted = self._state(), 0 if is_new else ALL
        stays = self._releases(state)[not is_new]
        if (weight := self._weight(state)) != wanted:
            raise NotYetError(f"{self.name}: the new side has {weight} %, not {wanted} %")
        if (ready := state.ready(stays)) < state.wanted:
            raise NotYetError(f"{self.name}: {ready} pods of the side that stays are ready")
        self._put_back(state, stays)
        if state.fewest != self._fewest:
            self._kubectl.patch(self._autoscaler, {"spec": {"minReplicas": self._fewest}})

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether a side has no pods, and everything else is as it was."""
        state = self._state()
        gone = self._releases(state)[is_new]
        left = [each for runs, each in state.sets if runs == gone]
        return (
            state.told != gone
            and not any(each.spec.replicas or each.status.replicas for each in left)
            and not state.deployment.spec.min_ready_seconds
            and state.fewest == self._fewest
        )

    def refusals(self) -> Sequence[str]:
        """Why a cutover cannot start here, each with what to do: reads only."""
        try:
            return list(self._refusals())
        except CommandError as error:  # such as a read that is not permitted
            return [str(error)]

    def _refusals(self) -> Iterator[str]:
        state = self._state()
        old, new = self._releases(state)
        if new in {state.told, old}:
            yield f"{self.name}: it is told to run {new} already: a cutover needs another release"
        if release_of(self._declared) != new:
            yield (
                f"{self.name}: the environment's file names {self._declared}: name {new} there "
                "first, since the stack keeps the workload at what it says (POD-03)"
            )
        deployment = state.deployment
        is_seen = deployment.status.observed_generation == deployment.metadata.generation
        running = [each for _, each in state.sets if each.spec.replicas or each.status.replicas]
        if not is_seen or len(running) > 1 or deployment.spec.min_ready_seconds:
            yield f"{self.name}: a rollout is on its way: wait until it is through, or undo it"
        if not self._own(deployment.spec.template).readiness_probe:
            yield f"{self.name}: its container has no readiness probe: nothing shows its health"
        if (ready := state.ready(old)) < state.wanted:
            yield f"{self.name}: {ready} of {state.wanted} pods are ready: mend it first"
        for what in ("deployments.apps", "horizontalpodautoscalers.autoscaling"):
            if not self._kubectl.may("patch", what):
                yield (
                    f"{self.name}: whoever runs this may not patch {what} in namespace "
                    f"{self._kubectl.namespace}: take on the role that releases"
                )

    def _put_back(self, state: _State, digest: str) -> None:
        """Roll out `digest` as the stack has it: whatever else runs goes as soon as it may."""
        spec = state.deployment.spec
        surge = spec.strategy.rolling_update.max_surge
        if (state.told, spec.min_ready_seconds, surge) != (digest, 0, "100%"):
            self._tell(state, digest, surge="100%", ready_seconds=0)

    def _tell(self, state: _State, digest: str, *, surge: int | str, ready_seconds: int) -> None:
        repository = state.image.partition("@")[0]
        repository = repository if state.told == digest else _untagged(repository)
        container = {"name": self._container, "image": f"{repository}@{digest}"}
        deadline = figure("SVC-02", "healthy_wait_max_minutes").seconds
        self._kubectl.patch(
            self._deployment,
            {
                "spec": {
                    "minReadySeconds": ready_seconds,
                    # Kubernetes wants it to be the longer one.
                    "progressDeadlineSeconds": ready_seconds + deadline,
                    "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}},
                    "template": {"spec": {"containers": [container]}},
                }
            },
        )

    @property
    def _deployment(self) -> str:
        return f"deployment/{self.name}"

    @property
    def _autoscaler(self) -> str:
        return f"horizontalpodautoscaler/{self.name}"

    def _state(self) -> _State:
        there = self._kubectl.get(
            _List, "deployments,replicasets,pods,horizontalpodautoscalers"
        ).items
        deployment = next(
            (
                each
                for each in there
                if isinstance(each, _Deployment) and each.metadata.name == self.name
            ),
            None,
        )
        if deployment is None:
            raise CommandError(
                f"namespace {self._kubectl.namespace} has no deployment {self.name}: apply the "
                "environment first"
            )
        return _State(
            deployment=deployment,
            image=self._own(deployment.spec.template).image,
            sets=[
                (self._own(each.spec.template).image.rpartition("@")[2], each)
                for each in there
                if isinstance(each, _Set)
                and any(
                    owner.uid == deployment.metadata.uid for owner in each.metadata.owner_references
                )
            ],
            pods=[each for each in there if isinstance(each, _Pod)],
            fewest=next(
                (
                    each.spec.min_replicas
                    for each in there
                    if isinstance(each, _Scaler) and each.metadata.name == self.name
                ),
                self._fewest,
            ),
        )

    def _own(self, template: _Template) -> _Container:
        for container in template.spec.containers:
            if container.name == self._container:
                return container
        there = ", ".join(each.name for each in template.spec.containers)
        raise CommandError(f"{self.name} has no container {self._container}; there are: {there}")


def _untagged(repository: str) -> str:
    """`repository` without the tag of another image."""
    head, slash, last = repository.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
