"""The two sides of a service on ECS: which is which, their sizes, their health, their traffic."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Final, Literal, Protocol, TypeAlias

from environments.published import PublishedService, PublishedSide
from scripts.cutover.aws.fleet import Fleet, State, addresses
from scripts.cutover.aws.images import release_of
from scripts.cutover.aws.rule import Rule
from scripts.cutover.aws.scaling import Scale, Scaling
from scripts.cutover.planning.steps import ALL
from scripts.exits import CommandError
from scripts.runs.aws import Api
from standards import figure

_DOUBTS: Final = 3
"""How often ECS is asked again which side is which, before the later deployment decides it."""


class NotYetError(TimeoutError):
    """An act that would harm now, and may not a moment later: nothing was changed."""


class Traffic(Protocol):
    """How the traffic of a service is spread over its sides."""

    def weights(self) -> Mapping[str, int]:
        """The weight of each side, by its ECS service, as AWS says it."""
        ...

    def set(self, weights: Mapping[str, int]) -> None:
        """Give each side its weight."""
        ...

    def well(self, service: str, state: State) -> int:
        """How many instances of the primary deployment of a side are seen healthy."""
        ...


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Traffic that a load balancer spreads."""

    elbv2: Api
    rule: Rule
    fleet: Fleet
    groups: Mapping[str, str]
    """The target group of each side, by its ECS service."""

    def weights(self) -> Mapping[str, int]:
        """What the rule says; a side whose target group is not attached has none."""
        weights = self.rule.weights()
        return {service: weights.get(group, 0) for service, group in self.groups.items()}

    def set(self, weights: Mapping[str, int]) -> None:
        """Change the rule, once for both."""
        self.rule.set({self.groups[service]: weight for service, weight in weights.items()})

    def well(self, service: str, state: State) -> int:
        """Those that the load balancer finds healthy and that are of the primary deployment."""
        answer = self.elbv2(
            "describe_target_health",
            on=f"the target group of {service}",
            TargetGroupArn=self.groups[service],
        )
        healthy = {
            each["Target"]["Id"]
            for each in answer["TargetHealthDescriptions"]
            if each["TargetHealth"]["State"] == "healthy"
        }
        return len(healthy & addresses(self.fleet.tasks(service, state)))


class EcsSides:
    """The sides of one service, of which one runs a release and the other is to.

    A side is told by what it runs and by its weight, so that whoever resumes a cutover finds the
    same sides, wherever it stopped.
    """

    def __init__(  # noqa: PLR0913 - each is a property of the service
        self,
        name: str,
        record: PublishedService,
        release: str,
        *,
        fleet: Fleet,
        scaling: Scaling,
        traffic: Traffic,
        before: str | None = None,
        checks: Sequence["Check"] = (),
    ) -> None:
        self.name: Final = name
        self.record: Final = record
        self.fleet: Final = fleet
        self.traffic: Final = traffic
        self.release: Final = release_of(release)
        self._scaling: Final = scaling
        self._checks: Final = checks
        self._full: int = 0
        """The most instances that the old side was seen to have: what it is kept at."""
        self._found: list[list[str]] = []
        """What each check found that is through."""
        self._before: Final = release_of(before) if before else None
        self._doubts = 0
        """How often the sides could not be told apart."""

    @property
    def releases(self) -> tuple[str, str]:
        """The digests of what the old side runs and of what the new one is to run."""
        (state,) = self.fleet.states(self.old.service)
        return release_of(self.fleet.image(state.definition)), self.release

    @property
    def old(self) -> PublishedSide:
        """The side that serves until the cutover."""
        return self.record.green if self.new is self.record.blue else self.record.blue

    @cached_property
    def new(self) -> PublishedSide:
        """The side that the release goes to; it stays the same one from its first traffic on.

        Raises:
            CommandError: neither the images nor the weights tell the sides apart.
            NotYetError: they do not after the start, which an answer from before may be the cause
                of: asked again, they may.
        """
        sides = (self.record.blue, self.record.green)
        states = self.fleet.states(*(side.service for side in sides))
        runs = {
            side.service: self.fleet.image(state.definition).rpartition("@")[2]
            for side, state in zip(sides, states, strict=True)
        }
        weights = self.traffic.weights()
        found = [
            [side for side in sides if runs[side.service] == self.release],
            [side for side in sides if self._before and runs[side.service] != self._before],
            [side for side in sides if not weights[side.service]],
        ]
        for candidates in found:
            if len(candidates) == 1:
                return candidates[0]
        if self._before and self._doubts < _DOUBTS:
            self._doubts += 1
            raise NotYetError(f"{self.name}: what ECS says of its sides may be old: {runs}")
        if self._before:
            # ECS may have taken a deployment back by itself; the new side has the later one.
            return max(zip(states, sides, strict=True), key=lambda each: each[0].since)[1]
        told = "; ".join(f"{each} runs {runs[each]} at weight {weights[each]}" for each in runs)
        raise CommandError(
            f"{self.name}: which side is the old one cannot be told: {told}. Give one side all "
            "traffic, and the other another release"
        )

    def size(self) -> int:
        """How many instances the old side is meant to have now: it may grow, and never shrinks."""
        (old,) = self.fleet.states(self.old.service)
        self._full = max(self._full, old.desired)
        return self._full

    def scale(self, instances: int) -> None:
        """Let the new side run its release on at least so many; no side loses one meanwhile."""
        new, old = self.new.service, self.old.service
        self._scaling.let({old: Scale.HELD, new: Scale.HELD})
        state, before = self.fleet.states(new, old)
        if before.desired < self._full:  # it was scaled in between the checks and now
            self.fleet.update(old, desiredCount=self._full)
        definition = self._definition(state, before)
        # It may have grown since under its traffic: only `retire` takes instances away.
        wanted = max(instances, state.desired) if definition == state.definition else instances
        if (definition, wanted) != (state.definition, state.desired):
            self.fleet.update(new, taskDefinition=definition, desiredCount=wanted)

    @property
    def color(self) -> Literal["blue", "green"]:
        """Which side is the new one: `blue` or `green`, as the stack calls them."""
        return "blue" if self.new is self.record.blue else "green"

    def _definition(self, new: State, old: State) -> str:
        """What the new side is to run: decided while it has no instances, and kept from then on."""
        is_release = self.fleet.image(new.definition).rpartition("@")[2] == self.release
        if new.desired and is_release:
            return new.definition
        if not is_release and (weight := self.traffic.weights()[self.new.service]):
            raise CommandError(
                f"{self.name}: {self.new.service} has {weight} % of the traffic and does not run "
                f"{self.release} any more: somebody else changed it. Roll back"
            )
        family = old.definition.rpartition("/")[2].partition(":")[0]
        return self.fleet.definitions.with_release(family, self.release)

    def healthy(self, *, is_new: bool) -> int:
        """How many instances of a side are seen healthy; of the new one, of its release alone."""
        side = self.new if is_new else self.old
        (state,) = self.fleet.states(side.service)
        image = self.fleet.image(state.definition)
        if is_new and image.rpartition("@")[2] != self.release:
            return 0
        return self.traffic.well(side.service, state)

    def set_weight(self, weight: int) -> None:
        """Send so many percent to the new side, once whoever gets more of it can carry it.

        Raises:
            NotYetError: too few instances of that side are healthy; nothing was changed.
        """
        new, old = self.new.service, self.old.service
        before = self.traffic.weights()[new]
        if weight > before:
            self._scaling.let({old: Scale.HELD, new: Scale.HELD})  # nobody may have called `scale`
            self._carries(weight, is_new=True)
        elif weight < before:
            self._carries(ALL - weight, is_new=False)
        self.traffic.set({new: weight, old: ALL - weight})

    def _carries(self, share: int, *, is_new: bool) -> None:
        """Refuse traffic for a side with too few healthy instances.

        The new side has to have all that its share takes. On the way back as much of the old one
        is enough as carries its share at full load: a task that dies does not keep a bad release.
        """
        needed = self.size() * share / ALL
        if not is_new:
            needed *= figure("SCALE-01", "cpu_above_percent").percent / ALL
        healthy = self.healthy(is_new=is_new)
        if healthy < max(ceil(needed), 1):
            side = self.new if is_new else self.old
            raise NotYetError(
                f"{self.name}: {side.service} has {healthy} healthy instances, and needs "
                f"{max(ceil(needed), 1)} for {share} % of the traffic: weights stay as they are"
            )

    def weight(self) -> int:
        """How many percent the new side gets, as AWS says it.

        Raises:
            CommandError: the weights are no percentages: somebody else changed them.
        """
        weights = self.traffic.weights()
        if sum(weights.values()) != ALL:
            told = " and ".join(f"{weight} for {side}" for side, weight in weights.items())
            raise CommandError(
                f"{self.name}: weights add up to {sum(weights.values())}, not {ALL}: {told}. "
                "Somebody else changed them: roll back, which sets both"
            )
        return weights[self.new.service]

    def retire(self, *, is_new: bool) -> None:
        """Take a side's instances away, and let the other one scale as it did before.

        Raises:
            NotYetError: it has traffic; nothing was changed.
        """
        gone, _ = self._leaving(is_new=is_new)
        if has := self.traffic.weights()[gone]:
            raise NotYetError(f"{self.name}: {gone} still has {has} % of the traffic, and stays")
        self._take_away(is_new=is_new)

    def _take_away(self, *, is_new: bool) -> None:
        gone, stays = self._leaving(is_new=is_new)
        self._scaling.let({gone: Scale.ASLEEP})
        self.fleet.update(gone, desiredCount=0)
        self._scaling.let({stays: Scale.AWAKE})

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether a side has no instances and gets none, and the other one scales by itself."""
        gone, stays = self._leaving(is_new=is_new)
        (state,) = self.fleet.states(gone)
        return (
            not state.desired
            and not state.running
            and self._scaling.are({gone: Scale.ASLEEP, stays: Scale.AWAKE})
        )

    def _leaving(self, *, is_new: bool) -> tuple[str, str]:
        new, old = self.new.service, self.old.service
        return (new, old) if is_new else (old, new)

    def refusals(self) -> Sequence[str]:
        """Why a cutover cannot start here, each with what to do: reads only."""
        for check in self._checks[len(self._found) :]:
            try:
                self._found.append(list(check(self)))
            except TimeoutError:
                raise  # the next try goes on here
            except CommandError as error:  # such as a read that is not permitted
                self._found.append([str(error)])
        found, self._found = self._found, []
        return list(dict.fromkeys(each for some in found for each in some))


Check: TypeAlias = Callable[[EcsSides], Iterable[str]]
"""Why a cutover cannot start, of one kind; reads only."""
