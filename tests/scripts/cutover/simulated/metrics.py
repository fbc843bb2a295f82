"""What is seen of simulated services: series that grow with time, lost and broken by fate."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Final

from scripts.cutover.judgement.gates import Gate, Level, Share
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Observations, Series
from tests.scripts.cutover.simulated.cloud import Cloud
from tests.scripts.cutover.simulated.fleet import Service
from tests.scripts.cutover.simulated.processes import START, Process
from tests.scripts.cutover.statistics import failing
from tests.scripts.cutover.worlds import GUARD, share_of, usual_level

RATE: Final = 500.0
"""Requests a second of a service, of both sides together."""
TICK: Final = 15.0
BEFORE: Final = 900.0
"""For how long there were metrics before the cutover."""


@dataclass
class Metrics:
    """The series of one service, a point each quarter of a minute."""

    cloud: Cloud
    service: Service
    at: list[float] = field(default_factory=list[float])
    total: list[float] = field(default_factory=list[float])
    """Requests of the new side."""
    bad: list[bool] = field(default_factory=list[bool])
    """Whether the release was bad."""
    errors: list[float] = field(default_factory=list[float])
    events: list[float] = field(default_factory=list[float])
    """Failing health checks of the new side."""

    def grow(self, until: float) -> None:
        """Let the points up to `until` come."""
        release, random = self.cloud.fate.release, self.cloud.random
        at = self.at[-1] if self.at else START - BEFORE
        while (at := at + TICK) <= until:
            weight = self.service.weight_at(at)
            requests = RATE * TICK * weight / 100
            is_bad = weight >= release.bad_from
            share = release.share if is_bad else FAILING
            self.at.append(at)
            self.total.append(requests)
            self.bad.append(is_bad)
            self.errors.append(min(failing(random, requests, share), requests))
            self.events.append(float(is_bad and release.what == "health"))
        for failure in self.service.failures:
            place = min(bisect_left(self.at, failure), len(self.at) - 1)
            self.events[place] = 1.0
        self.service.failures.clear()

    def new(self, gate: Gate, first: int, last: int) -> Series:
        """What `gate` sees of the new side."""
        release, bad = self.cloud.fate.release, self.bad[first:last]
        at, total = tuple(self.at[first:last]), tuple(self.total[first:last])
        name = gate.series.partition("/")[2]
        if isinstance(gate, Share):
            if name == "errors":
                return Counts(at, total, tuple(self.errors[first:last]))
            share = share_of(gate)
            slow = 0.6 if release.what == "latency" and "slower" in name else share
            return Counts(
                at,
                total,
                tuple(
                    each * (slow if is_bad else share)
                    for each, is_bad in zip(total, bad, strict=True)
                ),
            )
        if not isinstance(gate, Level):
            values = self.events[first:last] if name == "health" else [0.0] * len(at)
            return Levels(at, tuple(values))
        usual = usual_level(gate)
        worse = {"cpu": 95.0, "throughput": 0.0}.get(name, usual)
        worse = worse if name == release.what else usual
        return Levels(at, tuple(worse if is_bad else usual for is_bad in bad))

    def old(self, gate: Gate, first: int, last: int) -> Series:
        """What it sees of the old side, which is well."""
        at = tuple(self.at[first:last])
        if isinstance(gate, Share):
            left = tuple(RATE * TICK - each for each in self.total[first:last])
            share = share_of(gate)
            return Counts(at, left, tuple(each * share for each in left))
        value = usual_level(gate) if isinstance(gate, Level) else 0.0
        return Levels(at, (value,) * len(at))


FAILING: Final = 0.001


@dataclass
class Watch:
    """What one process sees."""

    cloud: Cloud
    metrics: dict[str, Metrics]
    process: Process

    def observe(self, stage: Stage) -> Observations:
        """The series of the gates of `stage`; a call that may fail."""
        seen = self.cloud.call(self.process, lambda: self._seen(stage), is_act=False)
        self.cloud.looked()
        self.cloud.witness.looks(self.process, stage, seen)
        return seen

    def refusals(self) -> Sequence[str]:
        """None."""
        return ()

    def _seen(self, stage: Stage) -> Observations:
        fate, random, now = self.cloud.fate, self.cloud.random, self.cloud.time.now
        away = fate.blackout[0] <= now < sum(fate.blackout)
        is_faulty = now >= fate.from_
        lost, broken = (fate.lost / 5, fate.broken / 5) if is_faulty else (0.0, 0.0)
        late = fate.late if is_faulty else 0.0
        new: dict[str, Series] = {}
        old: dict[str, Series] = {}
        watched: Sequence[Gate] = () if away else stage.gates
        for gate in watched:
            if gate.series in new:
                continue
            if lost and random.random() < lost:
                continue
            metrics = self.metrics[gate.series.partition("/")[0]]
            metrics.grow(now)
            first = bisect_left(metrics.at, stage.since - TICK)
            last = bisect_right(metrics.at, now - late)
            series = metrics.new(gate, first, last)
            if broken and random.random() < broken:
                series = _broken(series)
            new[gate.series] = series
            if metrics.service.weight == 0 or (fate.shape == 1 and gate.series.endswith("errors")):
                old[gate.series] = metrics.old(gate, first, last)
        flaps = fate.flapping and random.random() < fate.flapping
        is_emergency = fate.emergency is not None and now >= fate.emergency
        return Observations(
            new=new,
            old=old,
            alarms={} if away else {GUARD: Alarm.ALARM if flaps else Alarm.OK},
            events=("security breach",) if is_emergency else (),
        )


def _broken(series: Series) -> Series:
    """Its last point is no number."""
    match series:
        case Counts(at=at, total=total, bad=bad):
            return Counts(at, total, (*bad[:-1], nan)[-len(at) :] if at else bad)
        case Levels(at=at, value=value):
            return Levels(at, (*value[:-1], nan)[-len(at) :] if at else value)
