"""What each process saw, and what it may do with that: nobody acts on what somebody else saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, inf, isfinite
from typing import Final, cast

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.observations import Alarm, Counts, Observations, Series
from scripts.cutover.planning.request import Cutover
from scripts.cutover.planning.steps import ALL
from scripts.runs.journal import Entry
from tests.scripts.cutover.simulated.fate import Fate
from tests.scripts.cutover.simulated.fleet import Service
from tests.scripts.cutover.simulated.processes import Process, ViolationError

LATELY: Final = 150.0
"""What was seen so long ago still counts, while an act that answers nothing is tried again."""
POLLS: Final = 2
"""So many polls later, what was there has been seen and done something about."""
UNEQUAL: Final = 10.0
"""How far points and the clock that judges them may be apart, with what a call takes."""

SERIES: Final = {
    "errors": "errors",
    "many errors": "errors",
    "latency": "slower",
    "cpu": "cpu",
    "health": "health",
    "throughput": "throughput",
}
"""The series that show what is bad of a release."""


@dataclass
class Seen:
    """What one process has seen so far."""

    healthy: dict[tuple[str, bool], tuple[float, int]] = field(
        default_factory=dict[tuple[str, bool], tuple[float, int]]
    )
    """When it last read how many of a side were healthy, and how many that were."""
    stages: dict[str, tuple[Stage, Observations]] = field(
        default_factory=dict[str, tuple[Stage, Observations]]
    )
    """What it knows of each stage; a series that a poll misses is what it was before."""
    wants_back: str = ""
    """What it saw that leaves nothing but the way back."""
    asks: float | None = None
    """When smoke tests wanted a person to be asked."""


@dataclass
class Witness:
    """Holds every process to what it saw itself."""

    cutover: Cutover
    fate: Fate
    services: Mapping[str, Service]
    run: str = ""
    """The run that was written of last."""
    ordered: tuple[float, str] | None = None
    """When a person ordered to go back, and which run."""
    accepted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """The stages and gates of all questions that a person answered with going on."""
    accepted_at: float = -inf
    """When a person last did."""
    database: set[str] = field(default_factory=set[str])
    """The steps of its change that were done."""
    left: float | None = None
    """When the first old side's retirement began: no weights lead back from there."""
    back_tested: float = -inf
    """When the old side last passed its smoke tests after a rollback."""
    _seen: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def of(self, process: Process) -> Seen:
        """What `process` has seen."""
        return self._seen.setdefault(process.owner.host, Seen())

    def looks(self, process: Process, stage: Stage, found: Observations) -> None:
        """It looked at `stage`."""
        seen = self.of(process)
        _, last = seen.stages.get(stage.name, (stage, Observations(new={})))
        known = Observations(new={**last.new, **found.new}, alarms=found.alarms)
        seen.stages[stage.name] = (stage, known)
        if found.events and any(service.weight for service in self.services.values()):
            seen.wants_back = f"an emergency: {found.events[0]}"

    def raises(self, process: Process, service: Service, weight: int) -> None:
        """It gives the new side of `service` more."""
        now = process.time.now
        self._is_seen(process, service, is_new=True, least=ceil(service.full * weight / ALL))
        self._is_seen(process, service, is_new=False, least=service.full)
        self._goes_on(process, f"{service.name} gets {weight} %")
        since, before = service.weights[-1]
        if before and weight > before:
            self._has_lasted(f"{service.name} {before} %", now - since, self._bake(service, before))

    def leaves(self, process: Process) -> None:
        """It begins to take the first old side away."""
        if self.left is not None:
            return
        now = self.left = process.time.now
        self._goes_on(process, "the old sides go")
        for service in self.services.values():
            self._is_seen(process, service, is_new=True, least=service.full)
            since, weight = service.weights[-1]
            least = self._bake(service, ALL) + (self.cutover.settings.first_minutes or 0)
            if weight == ALL:
                self._has_lasted(f"{service.name} {ALL} %", now - since, least)
        self._is_well()

    def retires(self, process: Process, service: Service) -> None:
        """It takes the old side of `service` away."""
        self._is_seen(process, service, is_new=True, least=service.full)

    def tested(self, process: Process, said: str, *, is_back: bool) -> None:
        """Its smoke tests came to something."""
        seen = self.of(process)
        if is_back:
            self.back_tested = process.time.now
        elif said == "fail":
            seen.wants_back = "smoke tests fail"
        elif said == "ask":
            seen.asks = process.time.now

    def accepts(self, at: float, entry: Entry, number: int) -> None:
        """A person answers the question `number` with going on."""
        self.accepted_at = at
        for stage, asked in cast(
            "Mapping[str, Mapping[str, object]]", entry.data["questions"]
        ).items():
            if asked["number"] == number:
                self.accepted |= {(stage, gate) for gate in cast("list[str]", asked["gates"])}

    def verifies(self, process: Process) -> None:
        """It says that the old side serves again."""
        for service in self.services.values():
            if service.weight:
                raise ViolationError(f"verified, and {service.name} has {service.weight} %")
            self._is_seen(process, service, is_new=False, least=service.full)
        back = max(service.back_since for service in self.services.values())
        if self.back_tested < back:
            raise ViolationError("verified, and no smoke test saw the old side since it is back")
        if "before" in self.database and "back" not in self.database:
            raise ViolationError("verified, and the database is not taken back")

    def decides(self, process: Process, entry: Entry) -> None:
        """It goes on with the stages of a decision."""
        self.run = entry.run
        if entry.data["kind"] != Kind.CONTINUE:
            return
        stages = self.of(process).stages
        names = [name for name in str(entry.data["stage"]).split(", ") if name in stages]
        if len(names) == 1:  # of several, each may have passed at a poll of its own
            self._may_pass(process, *stages[names[0]])

    def _is_seen(self, process: Process, service: Service, *, is_new: bool, least: int) -> None:
        at, count = self.of(process).healthy.get((service.name, is_new), (-inf, 0))
        paused = process.pause[1] if process.pause else 0.0
        if process.time.now - at > LATELY + paused or count < least:
            side = "new" if is_new else "old"
            when = f"{process.time.now - at:.0f} s ago" if at > -inf else "never"
            raise ViolationError(
                f"{service.name}: {process.owner} saw {count} of {least} {side} tasks, {when}"
            )

    def _goes_on(self, process: Process, what: str) -> None:
        """Nothing that this process saw, and no order, leaves only the way back."""
        seen, now = self.of(process), process.time.now
        if seen.wants_back:
            raise ViolationError(f"{what}, and {process.owner} saw {seen.wants_back}")
        if seen.asks is not None and self.accepted_at < seen.asks:
            raise ViolationError(f"{what}, and smoke tests wanted a person to be asked")
        late = POLLS * self.cutover.settings.poll
        if self.ordered and self.ordered[1] == self.run and now - self.ordered[0] > late:
            raise ViolationError(f"{what}, {now - self.ordered[0]:.0f} s after an order to go back")

    def _bake(self, service: Service, weight: int) -> float:
        """The least time of a step."""
        window = self.cutover.window(service.name)
        return next(each.bake for each in window if each.weight == weight)

    def _has_lasted(self, what: str, seconds: float, least: float) -> None:
        apart = 2 * abs(self.fate.ahead)
        if seconds < least - apart and not self.fate.jump:
            raise ViolationError(f"{what} for {seconds:.0f} s only, and not {least:.0f} s")

    def _is_well(self) -> None:
        """A release that is bad is gone on with only where a person accepted just that."""
        release = self.fate.release
        shown = SERIES[release.what]
        is_watched = any(
            _is_of(gate.series, shown)
            for step in self.cutover.plan.steps
            if step.weight >= release.bad_from and step.period is not Period.FIRST_WEEK
            for gate in step.gates
        )
        if is_watched and not any(_is_of(gate, shown) for _, gate in self.accepted):
            raise ViolationError(f"done with {release}, and nobody accepted that")

    def _may_pass(self, process: Process, stage: Stage, known: Observations) -> None:
        """What passes was seen, whole and new enough, and not bad."""
        now = process.now()
        for gate in stage.gates:
            if (stage.name, gate.id) in self.accepted:
                continue
            series = known.new.get(gate.series)
            oldest = max(stage.oldest_seconds, gate.oldest) + UNEQUAL
            if series is None or not series.at:
                raise ViolationError(f"{stage.name} goes on without {gate.series}")
            if not _is_finite(series):
                raise ViolationError(f"{stage.name} goes on with {gate.series}, no number")
            if series.at[-1] < now - oldest:
                age = now - series.at[-1]
                raise ViolationError(f"{stage.name} goes on with {gate.series}, {age:.0f} s old")
        for name in stage.alarms:
            if (stage.name, name) in self.accepted:
                continue
            if known.alarms.get(name) is not Alarm.OK:
                raise ViolationError(f"{stage.name} goes on, {name} is {known.alarms.get(name)}")


def _is_of(gate: str, shown: str) -> bool:
    """Whether `gate` is held against the series called `shown`, of any service."""
    return gate.partition("/")[2].startswith(shown)


def _is_finite(series: Series) -> bool:
    if isinstance(series, Counts):
        return isfinite(sum(series.total) + sum(series.bad))
    return isfinite(sum(series.value))
