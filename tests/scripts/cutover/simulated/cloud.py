"""The simulated cloud: services with two sides each, calls that fail, and what must never be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, inf
from random import Random
from typing import Final, TypeVar, cast

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.planning.steps import ALL
from scripts.cutover.running.back import VERIFIED
from scripts.cutover.running.moving import retire_id
from scripts.cutover.running.record import BACK, decides
from scripts.runs.journal import Entry
from tests.scripts.cutover.simulated.fate import Fate
from tests.scripts.cutover.simulated.fleet import Service
from tests.scripts.cutover.simulated.processes import Process, Time, ViolationError
from tests.scripts.cutover.simulated.store import Memory
from tests.scripts.cutover.simulated.witness import Witness

READ: Final = 0.05
"""The seconds that a call takes."""
GIVES_UP: Final = 3.0
"""The seconds after which one that gets no answer is given up."""
AT_ONCE: Final = 1.0
"""Within one poll and so many seconds what is seen has changed weights."""

T = TypeVar("T")


@dataclass
class Cloud:
    """Everything that there is, whoever looks at it."""

    fate: Fate
    random: Random
    time: Time
    memory: Memory
    services: dict[str, Service]
    target: str
    poll: float
    witness: Witness
    trace: Callable[[float, str], None] = lambda _at, _what: None
    asked: Callable[[Entry, int], None] = lambda _entry, _number: None
    """Is told of each new question."""
    faults: int = 0
    """Calls that failed so far, and processes that began anew."""
    looks: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    """When this step began and metrics were looked at in it; how many calls had failed by then."""
    accepted: set[tuple[str, object]] = field(default_factory=set[tuple[str, object]])
    """The questions, by run and number, that a person answered with going on."""
    unseen: float = 0.0
    """The longest that nobody looked while users were on a new side."""
    _seen: float = -inf
    sequences: dict[str, int] = field(default_factory=dict[str, int])
    """The last decision of each run."""
    last: Entry | None = None
    """The last entry of the target's journals."""
    decision: Entry | None = None
    """The last decision of all."""
    decided: float = 0.0
    """When that was."""
    raised: float = 0.0
    """When a weight was last raised."""
    going_back: float | None = None
    """When it was decided to go back, while not all is back."""
    verified: float | None = None
    """When the old side was verified to serve."""
    decided_after: tuple[float, int] | None = None
    """The look before the one that decided to go back."""
    reacted: list[float] = field(default_factory=list[float])
    """From one poll after the look before the one that decided, to the first change of weight."""

    def __post_init__(self) -> None:
        self.memory.listener = self.written

    @cached_property
    def _leaving(self) -> frozenset[str]:
        """The steps from the first of which on no weights lead back."""
        return frozenset(map(retire_id, self.services))

    @property
    def is_away(self) -> bool:
        """Whether it answers nobody now."""
        return self.going_back is not None and self.time.now < self.going_back + self.fate.outage

    def call(self, process: Process, does: Callable[[], T], *, is_act: bool) -> T:
        """One call to the cloud: it may be throttled, or time out having happened or not."""
        busy, random = self.fate.busy, self.random
        if is_act:
            process.point()
        if self.is_away:
            self.faults += 1
            process.spend(GIVES_UP)
            raise TimeoutError("no answer")
        process.spend(READ)
        if not busy or random.random() >= busy:
            found = does()
            if is_act:
                process.point()
            return found
        self.faults += 1
        if is_act and random.random() < 0.5:
            does()
        process.spend(READ if random.random() < 0.5 else GIVES_UP)
        raise TimeoutError("no answer")

    def written(self, process: Process, entry: Entry) -> None:
        """Look at what is written down."""
        if entry.journal.startswith(f"{self.target}/"):
            return
        at, self.last = self.time.now, entry
        step = entry.data.get("step", "")
        self.trace(at, f"  {entry.by} writes {entry.kind} {step}")
        if entry.kind == "step.started":
            self.looks[:] = [(at, self.faults)]  # the next look is due a poll after it
        if entry.kind == "step.started" and step in self._leaving:
            self.witness.leaves(process)
        if entry.kind == "run.started" and entry.data["command"] == BACK and not self.going_back:
            self.going_back = at
        if entry.kind == "step.done" and step == VERIFIED:
            self.verified = at
            self.witness.verifies(process)
        if decides(entry):
            self._decided(process, entry)

    def _decided(self, process: Process, entry: Entry) -> None:
        """Decisions come one by one, with numbers."""
        at, number = self.time.now, cast("int", entry.data["sequence"])
        if number != self.sequences.get(entry.run, 0) + 1:
            raise ViolationError(f"decision {number} follows {self.sequences.get(entry.run, 0)}")
        self.sequences[entry.run] = number
        self.decision, self.decided = entry, at
        self.trace(at, f"  decision {number}: {entry.data['kind']}: {_first_reason(entry)}")
        self.witness.decides(process, entry)
        if entry.data["kind"] == Kind.ROLL_BACK and self.going_back is None:
            self.going_back = at
            is_seen = _is_seen(entry)
            if is_seen and len(self.looks) > 1 and at - self.looks[-1][0] < 1:
                self.decided_after = self.looks[-2]
        if any(asked == number for asked in _questions(entry)):
            self.asked(entry, number)

    def acts(self, process: Process, what: str) -> None:
        """See that `process` may act, and has written down that it will."""
        self.trace(self.time.now, f"{process.owner} {what}")
        lease = self.memory.leases.get(self.target)
        if lease is None or lease.released or lease.owner != process.owner:
            raise ViolationError(f"{process.owner} acts, and the lease is {lease}: {what}")
        last = self.last
        is_begun = last is not None and last.kind in {"step.started", "step.note"}
        if last is None or not is_begun or last.by != process.owner.operator:
            raise ViolationError(f"not written down before: {what}; last was {last}")

    def weighs(self, process: Process, service: Service, weight: int) -> None:
        """See that all traffic goes to sides that are healthy and sized, for a reason."""
        if not 0 <= weight <= ALL:
            raise ViolationError(f"{service.name}: {weight} %")
        now = self.time.now
        needed = ceil(service.full * weight / ALL)
        if service.new.wanted < needed or service.new.was_healthy(now) < needed:
            raise ViolationError(
                f"{service.name} gets {weight} % on {service.new.healthy(now)} healthy of "
                f"{service.new.wanted} new tasks; it takes {needed}"
            )
        if weight < ALL and ("old" in service.retired or not service.old.was_healthy(now)):
            raise ViolationError(f"{service.name}: {ALL - weight} % to a side that is not there")
        if weight < ALL and service.old.wanted < service.full:
            raise ViolationError(f"{service.name}: the old side is at {service.old.wanted}")
        if weight and weight >= service.weight:
            self.witness.raises(process, service, weight)
        if weight > service.weight:
            self._raises(service, weight)
        if weight < service.weight:
            self._reacts()

    def _raises(self, service: Service, weight: int) -> None:
        """See that it was decided to go on since the last weight was raised."""
        what = f"{service.name} gets {weight} %"
        if self.going_back is not None:
            raise ViolationError(f"{what}, and it was decided to go back")
        if self.decision is not None and not self._lets_go_on(self.decision):
            raise ViolationError(f"{what} after the decision {self.decision.data['kind']}")
        if self.raised > self.decided:
            raise ViolationError(f"{what}, and nobody decided that")

    def _lets_go_on(self, decision: Entry) -> bool:
        """Whether the last decision was to go on, or a person has said so since."""
        if decision.data["kind"] == Kind.ASK:
            return all((decision.run, asked) in self.accepted for asked in _questions(decision))
        return decision.data["kind"] == Kind.CONTINUE

    def looked(self) -> None:
        """Somebody looks at metrics; looks at one poll are one look."""
        now = self.time.now
        on = [each.weights[1][0] for each in self.services.values() if each.weight]
        if on:
            self.unseen = max(self.unseen, now - max(self._seen, min(on)))
        self._seen = now
        if self.looks and now - self.looks[-1][0] < self.poll / 2:
            self.looks.pop()
        self.looks.append((now, self.faults))

    def _reacts(self) -> None:
        """A change of weight back: how long after the look before the one that decided?"""
        if self.going_back is None:
            raise ViolationError("it goes back, and nobody decided that")
        if self.decided_after and self.decided_after[1] == self.faults:
            late = self.time.now - self.decided_after[0] - self.poll
            if late > AT_ONCE:
                raise ViolationError(f"weights went back {late:.1f} s later than one poll")
            self.reacted.append(late)
        self.decided_after = None


def _is_seen(decision: Entry) -> bool:
    """Whether it was made for what a series showed, and not because a time was over."""
    first, *_ = cast("list[dict[str, str]]", decision.data["reasons"])
    return "/" in first["gate"]


@dataclass
class Sides:
    """The sides of one service, as one process calls them."""

    cloud: Cloud
    service: Service
    process: Process
    releases: tuple[str, str]
    read: tuple[float, int] = (-inf, -1)
    """When this process read the weight last, and what it read."""

    def size(self) -> int:
        """How many the old side is meant to have."""
        return self._read(lambda: self.service.old.wanted)

    def scale(self, instances: int) -> None:
        """The new side never shrinks under traffic."""
        self.cloud.acts(self.process, f"scales {self.service.name} to {instances}")
        needed = ceil(self.service.full * self.service.weight / ALL)
        if instances < needed:
            raise ViolationError(f"{self.service.name} shrinks to {instances} under traffic")
        self._act(lambda: self._scaled(instances))

    def _scaled(self, instances: int) -> None:
        self.service.retired.discard("new")
        self.service.new.scale(instances, self.cloud.time.now)

    def healthy(self, *, is_new: bool) -> int:
        """How many are seen healthy; the reading may be old."""
        fleet = self.service.new if is_new else self.service.old
        found = self._read(lambda: fleet.healthy(self._seen_at()))
        seen = self.cloud.witness.of(self.process)
        seen.healthy[self.service.name, is_new] = (self.cloud.time.now, found)
        return found

    def set_weight(self, weight: int) -> None:
        """Every change is looked at, before it happens or not."""
        self.cloud.acts(self.process, f"sets {self.service.name} to {weight} %")
        self.cloud.weighs(self.process, self.service, weight)

        def change() -> None:
            if weight > self.service.weight:
                self.cloud.raised = self.cloud.time.now
            self.service.weights.append((self.cloud.time.now, weight))

        self._act(change)

    def weight(self) -> int:
        """The weight; the reading may be old."""
        found = self._read(lambda: self.service.weight_at(self._seen_at()))
        self.read = (self.cloud.time.now, found)
        return found

    def retire(self, *, is_new: bool) -> None:
        """A side goes once its weight is nothing, and was read back to be nothing."""
        side, idle = ("new", 0) if is_new else ("old", ALL)
        self.cloud.acts(self.process, f"retires {self.service.name}, {side} side")
        for service in [self.service] if is_new else self.cloud.services.values():
            if service.weight != idle:
                raise ViolationError(f"{side} side retired, {service.name} at {service.weight} %")
        if self.read[1] != idle or self.read[0] < self.service.weights[-1][0]:
            raise ViolationError(f"{self.service.name}: {side} side retired, weights not read back")
        if not is_new:
            self.cloud.witness.retires(self.process, self.service)
        self._act(lambda: self._gone(side))

    def _gone(self, side: str) -> None:
        self.service.retired.add(side)
        fleet = self.service.new if side == "new" else self.service.old
        fleet.scale(0, self.cloud.time.now)

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether a side has no tasks and is to have none."""
        fleet = self.service.new if is_new else self.service.old
        return self._read(lambda: fleet.wanted == 0)

    def refusals(self) -> Sequence[str]:
        """None: what is refused is another test's."""
        return ()

    def _read(self, found: Callable[[], T]) -> T:
        return self.cloud.call(self.process, found, is_act=False)

    def _act(self, does: Callable[[], None]) -> None:
        self.cloud.call(self.process, does, is_act=True)

    def _seen_at(self) -> float:
        lag = self.cloud.fate.lag
        return self.cloud.time.now - (self.cloud.random.uniform(0, lag) if lag else 0.0)


def _questions(entry: Entry) -> list[object]:
    """The numbers of the questions that are open with `entry`."""
    asked = cast("dict[str, dict[str, object]]", entry.data.get("questions", {}))
    return [each["number"] for each in asked.values()]


def _first_reason(entry: Entry) -> str:
    reasons = entry.data.get("reasons")
    return str(reasons[0])[:300] if isinstance(reasons, list) and reasons else ""
