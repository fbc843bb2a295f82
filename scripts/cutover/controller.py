"""The controller: carries a plan out, one step after the other, and takes it back.

It believes nothing that it has not read back: weights before the next step, health before a weight.
The old side stays as it is until everything has passed.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from scripts.cutover.decisions import Decision, Kind
from scripts.cutover.judgement import Stage, judge
from scripts.cutover.limits import Period
from scripts.cutover.observations import Observations, Question
from scripts.cutover.plan import CutoverPlan
from scripts.cutover.steps import ALL, Step


class Outcome(StrEnum):
    """How a cutover ended."""

    DONE = "done"
    ROLLED_BACK = "rolled back"
    STUCK = "not verified in time"


class World(Protocol):
    """What a cutover acts on. Acts may fail with `TimeoutError`, having happened or not."""

    def now(self) -> float:
        """The time, in seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def scale(self, service: str, instances: int) -> None:
        """Give the new side so many instances."""
        ...

    def healthy(self, service: str, *, is_new: bool) -> int:
        """How many instances of a side are seen healthy."""
        ...

    def set_weight(self, service: str, weight: int) -> None:
        """Send so many percent of a service's traffic to the new side."""
        ...

    def weight(self, service: str) -> int:
        """What the load balancer says the weight is."""
        ...

    def observe(self, stage: Stage) -> Observations:
        """What is seen now of the series of the gates of `stage`, and what people said."""
        ...

    def ask(self, question: Question) -> None:
        """Ask a person; their answer comes with the observations."""
        ...

    def note(self, decision: Decision, step: str) -> None:
        """Write a decision down."""
        ...

    def retire(self, service: str) -> None:
        """Take the old side's instances away."""
        ...


def carry_out(
    cutover: CutoverPlan, world: World, sizes: dict[str, int], alarms: frozenset[str]
) -> Outcome:
    """Move all traffic as `cutover` has it, or take it back; the watch of the first minutes too.

    `sizes` is how many healthy instances of each service's old side carry all its traffic.
    """
    for step in cutover.steps:
        if step.period is Period.FIRST_WEEK:
            continue  # it is watched by those who come later
        if step.period is Period.WINDOW and not _moved(cutover, step, world):
            return _take_back(cutover, world, sizes)
        if not _passes(cutover, step, world, alarms):
            return _take_back(cutover, world, sizes)
    services = list(dict.fromkeys(step.service for step in cutover.steps))

    def is_moved() -> bool:
        return all(world.weight(service) == ALL for service in services)

    if not _until(is_moved, world, cutover.settings.read_back):
        return _take_back(cutover, world, sizes)
    for service in services:
        world.retire(service)
    return Outcome.DONE


def _moved(cutover: CutoverPlan, step: Step, world: World) -> bool:
    """Whether the new side is sized, healthy, and has its weight, all of it read back."""
    settings, service = cutover.settings, step.service

    def is_sized() -> bool:
        if world.healthy(service, is_new=True) >= step.instances:
            return True
        world.scale(service, step.instances)
        return False

    if not _until(is_sized, world, settings.starting):
        return False
    within = settings.set_weights + settings.read_back
    return _weighs(service, step.weight, world, within)


def _weighs(service: str, weight: int, world: World, seconds: float) -> bool:
    """Whether `weight` was set and read back within `seconds`."""

    def is_so() -> bool:
        world.set_weight(service, weight)
        return world.weight(service) == weight

    return _until(is_so, world, seconds)


def _until(is_so: Callable[[], bool], world: World, seconds: float) -> bool:
    end = world.now() + seconds
    while True:
        try:
            if is_so():
                return True
        except TimeoutError:
            pass  # it may have happened: what is so is asked again
        if world.now() >= end:
            return False
        world.sleep(min(5.0, end - world.now()))


def _passes(cutover: CutoverPlan, step: Step, world: World, alarms: frozenset[str]) -> bool:
    """Judge `step` at each poll, until it goes on or back."""
    stage = step.stage(world.now(), cutover.settings, alarms)
    question: Question | None = None
    while True:
        world.sleep(cutover.settings.poll)
        seen = world.observe(stage)
        if question:
            said = seen.question
            is_answered = said and said.gates == question.gates
            question = said if is_answered else question
        now = world.now()
        decision = judge(stage, replace(seen, question=question), now)
        world.note(decision, stage.name)
        match decision.kind:
            case Kind.CONTINUE:
                return True
            case Kind.ROLL_BACK | Kind.REFUSE:
                return False
            case Kind.ASK if (
                question is None or question.answer or not (decision.asked <= question.gates)
            ):
                answered = question.gates if question and question.answer else frozenset[str]()
                question = Question(at=now, gates=decision.asked | answered)
                world.ask(question)
            case _:
                pass


def _take_back(cutover: CutoverPlan, world: World, sizes: dict[str, int]) -> Outcome:
    """One change of weight a service, the last first, onto a side that is still at full size."""
    settings = cutover.settings
    outcome = Outcome.ROLLED_BACK
    for service in reversed(list(dict.fromkeys(step.service for step in cutover.steps))):

        def is_full(service: str = service) -> bool:
            return world.healthy(service, is_new=False) >= sizes[service]

        within = settings.set_weights + settings.read_back
        if not _weighs(service, 0, world, within) or not _until(is_full, world, settings.healthy):
            outcome = Outcome.STUCK
    return outcome
