"""A simulated cloud: its clock, weights, health and metrics, with faults drawn from a seed."""

# ruff: noqa: S311 what is drawn here hides nothing

from dataclasses import dataclass, field, replace
from math import nan
from random import Random

from scripts.cutover.controller import Outcome, carry_out
from scripts.cutover.decisions import Decision, Kind
from scripts.cutover.gates import Event, Gate, Share
from scripts.cutover.judgement import Stage
from scripts.cutover.observations import (
    Alarm,
    Answer,
    Counts,
    Levels,
    Observations,
    Question,
    Series,
)
from scripts.cutover.plan import CutoverPlan, plan
from scripts.cutover.steps import Moved, Settings
from standards import Tier
from tests.scripts.cutover.worlds import GUARD, POLL, START, times, usual, watched

SIZE = 4
RATE = 500.0


class ViolationError(AssertionError):
    """An invariant did not hold; the seed replays it."""


@dataclass
class Fate:
    """What goes wrong in one simulated cutover."""

    random: Random
    errors: float
    """The share of the new side's requests that fail."""
    bad_from: int
    """From which weight on."""
    timeouts: float
    stale: float
    lost: float
    broken: float
    flapping: float
    dying: float
    answer: Answer | None

    @classmethod
    def drawn(cls, seed: int) -> "Fate":
        """The fate of `seed`: two in five releases are bad, most clouds a little faulty."""
        random = Random(seed)
        often = random.choice([0.0, 0.05, 0.3])
        return cls(
            random=random,
            errors=random.choice([0.001, 0.001, 0.001, 0.02, 0.3]),
            bad_from=random.choice([1, 10, 100]),
            timeouts=often,
            stale=often,
            lost=random.choice([0.0, 0.02, 0.2]),
            broken=random.choice([0.0, 0.0, 0.02]),
            flapping=random.choice([0.0, 0.0, 0.0, 0.1]),
            dying=random.choice([0.0, 0.0, 0.0, 0.002]),
            answer=random.choice([None, Answer.GO_ON, Answer.ROLL_BACK]),
        )


@dataclass
class Cloud:
    """Two sides of some services; every act checks what must never be."""

    fate: Fate
    clock: float = START
    weights: dict[str, int] = field(default_factory=dict[str, int])
    before: dict[str, int] = field(default_factory=dict[str, int])
    new: dict[str, int] = field(default_factory=dict[str, int])
    retired: set[str] = field(default_factory=set[str])
    decisions: list[tuple[float, Decision]] = field(default_factory=list[tuple[float, Decision]])
    question: Question | None = None

    def now(self) -> float:
        """The simulated time."""
        return self.clock

    def sleep(self, seconds: float) -> None:
        """Time passes, and only here."""
        if seconds <= 0:
            raise ViolationError("it waits for nothing")
        self.clock += seconds

    def _may_fail(self) -> bool:
        """Whether this act is to happen; it may time out either way."""
        if self.fate.random.random() >= self.fate.timeouts:
            return True
        if self.fate.random.random() < 0.5:
            raise TimeoutError
        return False

    def scale(self, service: str, instances: int) -> None:
        """The new side grows, and never shrinks under traffic."""
        if instances < self.new.get(service, 0) and self.weights.get(service, 0):
            raise ViolationError(f"{service} shrinks under traffic")
        if self._may_fail():
            self.new[service] = instances

    def healthy(self, service: str, *, is_new: bool) -> int:
        """All that there are."""
        if is_new:
            return self.new.get(service, 0)
        return 0 if service in self.retired else SIZE

    def set_weight(self, service: str, weight: int) -> None:
        """Traffic goes to a side that is healthy and sized, or it is a violation."""
        if not 0 <= weight <= 100:
            raise ViolationError(f"{service} is given {weight} %")
        if weight and self.new.get(service, 0) < SIZE * weight / 100:
            raise ViolationError(f"{service} gets {weight} % on {self.new.get(service, 0)}")
        if weight < 100 and service in self.retired:
            raise ViolationError(f"{service} goes back to a side that is gone")
        happens = self.fate.random.random()
        fails = self.fate.random.random() < self.fate.timeouts
        if not fails or happens < 0.5:
            self.before[service] = self.weights.get(service, 0)
            self.weights[service] = weight
        if fails:
            raise TimeoutError

    def weight(self, service: str) -> int:
        """The weight, or what it was before."""
        if self.fate.random.random() < self.fate.stale:
            return self.before.get(service, 0)
        return self.weights.get(service, 0)

    def ask(self, question: Question) -> None:
        """A person will answer, or not."""
        self.question = question

    def note(self, decision: Decision, step: str) -> None:
        """One decision at a time."""
        if self.decisions and self.decisions[-1][0] >= self.clock:
            raise ViolationError(f"two decisions at once in {step}")
        self.decisions.append((self.clock, decision))

    def retire(self, service: str) -> None:
        """The old side goes when all traffic has left every one of them."""
        if self.weights.get(service) != 100 or self.decisions[-1][1].kind is not Kind.CONTINUE:
            raise ViolationError(f"{service} is retired at {self.weights.get(service)} %")
        self.retired.add(service)

    def observe(self, stage: Stage) -> Observations:
        """The series of the stage, some of them lost or broken."""
        at = times(stage.since, self.clock)
        service = stage.gates[0].series.partition("/")[0]
        random = self.fate.random
        series: dict[str, Series] = {}
        for gate in stage.gates:
            if random.random() < self.fate.lost / 10:
                continue
            series[gate.series] = self._seen(gate, at, service)
        question = self.question
        if question and self.clock > question.at + 60:
            question = replace(question, answer=self.fate.answer, by="ana")
        state = Alarm.ALARM if random.random() < self.fate.flapping else Alarm.OK
        return Observations(new=series, alarms={GUARD: state}, question=question)

    def _seen(self, gate: Gate, at: tuple[float, ...], service: str) -> Series:
        weight, random = self.weights.get(service, 0), self.fate.random
        found = usual(gate, at, RATE * weight / 100)
        if isinstance(found, Counts) and isinstance(gate, Share) and "/errors" in gate.series:
            share = self.fate.errors if weight >= self.fate.bad_from else 0.001
            mean = RATE * weight / 100 * POLL * share
            noise = Random(f"{service} {weight} {self.fate.errors}")
            drawn = tuple(min(float(_poisson(noise, mean)), found.total[0]) for _ in at)
            found = Counts(at, found.total, drawn)
        if (
            isinstance(gate, Event)
            and "/health" in gate.series
            and random.random() < self.fate.dying
        ):
            return Levels(at, (1.0,) * len(at))
        if isinstance(found, Levels) and random.random() < self.fate.broken:
            return Levels(at, (nan,) * len(at))
        return found


def _poisson(random: Random, mean: float) -> int:
    if mean > 40:
        return max(round(random.gauss(mean, mean**0.5)), 0)
    count, reached = 0, random.expovariate(1)
    while reached <= mean:
        count, reached = count + 1, reached + random.expovariate(1)
    return count


def planned() -> CutoverPlan:
    """A cutover of two services."""
    services = [
        Moved(
            watched=watched(name),
            requests_per_second=RATE,
            instances=SIZE,
            transactions_per_second=RATE,
        )
        for name in ("api", "jobs")
    ]
    return plan(services, Tier.PRODUCTION, Settings(weights=(5, 25, 100)))


def simulated(seed: int, cutover: CutoverPlan) -> tuple[Outcome, Cloud]:
    """The cutover of `seed`, and the cloud that it leaves.

    Raises:
        ViolationError: what must never be was, at the end or on the way.
    """
    cloud = Cloud(Fate.drawn(seed))
    outcome = carry_out(cutover, cloud, {"api": SIZE, "jobs": SIZE}, frozenset({GUARD}))
    decided = cloud.decisions[-1] if cloud.decisions else (cloud.clock, None)
    if outcome is Outcome.DONE:
        if set(cloud.weights.values()) != {100} or cloud.retired != {"api", "jobs"}:
            raise ViolationError(f"seed {seed}: done with {cloud.weights}")
    elif cloud.retired:
        raise ViolationError(f"seed {seed}: taken back from sides that are gone")
    if outcome is Outcome.ROLLED_BACK:
        if any(cloud.weights.values()):
            raise ViolationError(f"seed {seed}: rolled back with {cloud.weights}")
        is_decided = decided[1] is not None and decided[1].kind is Kind.ROLL_BACK
        if is_decided and cloud.clock - decided[0] > cutover.rollback_bound:
            raise ViolationError(f"seed {seed}: the rollback took {cloud.clock - decided[0]} s")
    return outcome, cloud
