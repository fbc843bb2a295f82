"""What is seen of services on AWS: the `Watch` of a cutover there."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Final

from environments import Environment
from scripts.cutover.judgement.gates import Gate, Source
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Counts, Levels, Observations, Series
from scripts.cutover.watch.alarms import emergency_alarms, raised
from scripts.cutover.watch.chain import Asked, asked
from scripts.cutover.watch.cloudwatch import CloudWatch, Query
from scripts.cutover.watch.command import Command, CommandFailedError
from scripts.cutover.watch.prometheus import Prometheus, Ranges, UnreadableError
from scripts.cutover.watch.publishing import PERMISSION, Publisher
from scripts.cutover.watch.recipes import BEFORE, Place, Recipe, recipe
from scripts.cutover.watch.samples import MINUTE
from scripts.cutover.world import Clock
from scripts.runs.aws import AwsError

_AT_ONCE: Final = 8
"""Questions that are under way at the same time, so that a poll is not late by their sum."""
_WINDOW: Final = ("ROLL-07", "MON-09")
Labels = Callable[[], Mapping[str, str]]
Aside = tuple[str, bool]
"""A service, and whether its new side is meant; or a series, of its new side or the old one."""

Told = tuple[Aside, Series | None]


@dataclass(frozen=True, kw_only=True)
class SideSources:
    """Where one side of one service is seen."""

    place: Place
    labels: Labels
    """What tells its tasks in Prometheus; asked anew for each stage."""


@dataclass(kw_only=True)
class AwsWatch:
    """CloudWatch, Prometheus and a product's commands, asked together at each poll."""

    environment: Environment
    sources: Mapping[Aside, SideSources]
    """By service and side; a service that does not move has none."""
    cloudwatch: CloudWatch
    prometheus: Prometheus | None
    commands: Mapping[str, Command]
    """By series, such as `api/errors`: each is asked in the place of what is asked otherwise."""
    clock: Clock
    publisher: Publisher | None = None
    """What tells the alarms of the baselines meanwhile."""
    troubles: dict[str, str] = field(default_factory=dict[str, str])
    """What could not be read at the last poll, by series and side: for whoever looks."""
    _wanted: frozenset[Query] = frozenset()
    _ranges: Ranges | None = None
    _last: dict[Aside, Series] = field(default_factory=dict[Aside, Series])
    _labels: dict[tuple[str, bool, float], Mapping[str, str]] = field(
        default_factory=dict[tuple[str, bool, float], Mapping[str, str]]
    )

    def observe(self, stage: Stage) -> Observations:
        """What is seen now of the gates of `stage`.

        A series that nobody ever wrote is left out; one that could not be read is there and empty.

        Raises:
            TimeoutError: AWS is busy, and nothing is known yet from before.
        """
        now = self.clock.now()
        self.troubles.clear()
        alarms = stage.alarms | emergency_alarms(self.environment)
        seen: dict[bool, dict[str, Series]] = {True: {}, False: {}}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            asked = [
                pool.submit(lambda: list(self._of_cloudwatch(stage, now))),
                *(pool.submit(task) for task in self._of_others(stage, now)),
            ]
            of_alarms = pool.submit(self.cloudwatch.alarms, alarms, now)
            if self.publisher is not None and _is_in_window(stage):
                pool.submit(self.publisher.tick, now).result()
            for (series, is_new), found in (each for answer in asked for each in answer.result()):
                if found is not None:
                    seen[is_new][series] = self._cut(found, series, stage, is_new=is_new)
            states = of_alarms.result()
        if (busy := self.cloudwatch.is_busy(self._wanted)) is not None:
            raise TimeoutError(busy)
        self.troubles |= {name: str(why) for name, why in self.cloudwatch.troubles.items()}
        if self.publisher is not None and _is_in_window(stage):
            self._look_after(self.publisher, now)
        return Observations(
            new=seen[True],
            old=seen[False],
            alarms={name: state for name, state in states.items() if name in stage.alarms},
            events=raised(self.environment, states),
        )

    def _look_after(self, publisher: Publisher, now: float) -> None:
        """Whether the alarms have what they compare with: the gates do without."""
        if publisher.trouble:
            self.troubles[PERMISSION] = publisher.trouble
        for service in publisher.lost(self.cloudwatch, now):
            self.troubles[f"baseline of {service}"] = "published, and it did not arrive"

    def _cut(self, found: Series, series: str, stage: Stage, *, is_new: bool) -> Series:
        """What of `found` is of that side: the pages have one place, and sides in time alone."""
        if series in self.commands:
            return found
        if is_new:
            return _whole(found, stage.since)
        service, _, _ = series.partition("/")
        is_one = self.sources[service, False].place.distribution is not None
        return found.between(-inf, stage.since) if is_one and not _is_check(stage) else found

    def refusals(self) -> Sequence[str]:
        """What may not be read or written here, and what to do: everything is tried.

        Raises:
            TimeoutError: AWS is busy, and would tell it a moment later.
        """
        return list(self._refusals())

    def _refusals(self) -> Iterator[str]:
        now = self.clock.now()
        metrics = self.environment.metrics
        if metrics and metrics.is_market and not self.environment.cutover.watch.market:
            yield (
                "slipway:metrics.market is true, and slipway:cutover.watch.market names no service "
                "that publishes what a market has: nothing would be held to PM-06"
            )
        yield from self._unreadable_metrics(now)
        if self.publisher is not None:
            yield from self.publisher.refusals()
        if self.prometheus is not None:
            yield from _readable(self.prometheus, now)
        for aside, source in self.sources.items():
            if source.place.distribution is not None:
                continue
            try:
                source.labels()
            except (AwsError, TimeoutError) as error:
                yield f"{aside[0]}: which tasks are of which side cannot be told: {error}"
        yield from self._failing_commands(now)

    def _unreadable_metrics(self, now: float) -> Iterator[str]:
        found = [recipe("errors", source.place) for source in self.sources.values()]
        probes = [each.witness for each in found if each is not None]
        self.cloudwatch.troubles.clear()
        self.cloudwatch.poll(dict.fromkeys(probes, now - BEFORE), now)
        for probe in probes:
            self.cloudwatch.is_written(probe, now)
        emergencies = emergency_alarms(self.environment)
        there = self.cloudwatch.alarms(emergencies or {"any"}, now)
        for permission, why in self.cloudwatch.troubles.items():
            if isinstance(why, TimeoutError):
                raise why
            yield f"{permission} does not work, and nothing could be judged: {why}"
        if "cloudwatch:DescribeAlarms" not in self.cloudwatch.troubles:
            for alarm in sorted(emergencies - there.keys()):
                yield f"there is no alarm {alarm}, which tells of an emergency: apply the stack"

    def _failing_commands(self, now: float) -> Iterator[str]:
        for series, command in self.commands.items():
            service, _, _ = series.partition("/")
            try:
                command.series(service, is_new=False, since=now - BEFORE)
            except CommandFailedError as error:
                yield f"{series}: its command {command.arguments[0]} {error}"

    def _of_cloudwatch(self, stage: Stage, now: float) -> Iterator[Told]:
        recipes: dict[Aside, Recipe] = {}
        wanted: dict[Query, float] = {}
        for gate, is_new, source in self._asides(stage.gates):
            _, _, name = gate.series.partition("/")
            is_asked = gate.source is Source.CLOUDWATCH and gate.series not in self.commands
            found = recipe(name, source.place) if source and is_asked else None
            if found is None:
                continue
            recipes[gate.series, is_new] = found
            for query in found.queries:
                since = min(stage.since, now) - found.before
                wanted[query] = min(wanted.get(query, since), since)
        self.cloudwatch.poll(wanted, now)
        self._wanted = frozenset(wanted)
        for aside, each in recipes.items():
            series = each.make(self.cloudwatch.found, stage.since)
            is_there = series.at or self.cloudwatch.is_written(each.witness, now)
            yield aside, series if is_there else None

    def _of_others(self, stage: Stage, now: float) -> Iterator[Callable[[], list[Told]]]:
        """What Prometheus and commands have to be asked."""
        since = min(stage.since, now) - BEFORE
        tasks: dict[Aside, Callable[[], Series | None]] = {}
        for gate, is_new, source in self._asides(stage.gates):
            service, _, name = gate.series.partition("/")
            if (command := self.commands.get(gate.series)) is not None:
                tasks[gate.series, is_new] = partial(
                    command.series, service, is_new=is_new, since=since
                )
            elif gate.source is Source.PROMETHEUS and source and self.prometheus is not None:
                tasks[gate.series, is_new] = partial(
                    self._of_prometheus, name, (service, is_new, stage.since), since, now
                )
        for aside, task in tasks.items():
            yield partial(self._told, aside, task)

    def _told(self, aside: Aside, task: Callable[[], Series | None]) -> list[Told]:
        """What `task` found; where nothing could be read, what it found before, which ages."""
        try:
            found = task()
        except (CommandFailedError, UnreadableError, AwsError, TimeoutError) as error:
            self.troubles[f"{aside[0]} ({'new' if aside[1] else 'old'} side)"] = str(error)
            return [(aside, self._last.get(aside, Levels()))]
        if found is not None:
            self._last[aside] = found
        return [(aside, found)]

    def _of_prometheus(
        self, name: str, aside: tuple[str, bool, float], since: float, now: float
    ) -> Series | None:
        if self.prometheus is None:
            return None
        if self._ranges is None:
            self._ranges = Ranges(self.prometheus)
        question = asked(name, self._labels_of(aside))
        if question is None:
            return None
        made = question.make(*self._ranges.read(question.query, since, now))
        if made.at:
            return made
        anywhere = asked(name, {"job": aside[0]})
        is_written = _is_written(self.prometheus, anywhere, now)
        return made if is_written else None

    def _labels_of(self, aside: tuple[str, bool, float]) -> Mapping[str, str]:
        if aside not in self._labels:
            service, is_new, _ = aside
            self._labels[aside] = self.sources[service, is_new].labels()
        return self._labels[aside]

    def _asides(self, gates: Collection[Gate]) -> Iterator[tuple[Gate, bool, SideSources | None]]:
        for gate in gates:
            service, _, _ = gate.series.partition("/")
            for is_new in (True, False):
                yield gate, is_new, self.sources.get((service, is_new))


def _is_in_window(stage: Stage) -> bool:
    """Whether it is one of the deployment window: the alarms of a rollout hold in no other."""
    return any(gate.requirement in _WINDOW for gate in stage.gates)


def _is_check(stage: Stage) -> bool:
    """Whether gates of several periods are looked at together: before anything is moved."""
    return {"ROLL-07", "ROLL-08"} <= {gate.requirement for gate in stage.gates}


def _is_written(prometheus: Prometheus, question: Asked | None, now: float) -> bool:
    return question is not None and prometheus.is_written(question.selector, now)


def _readable(prometheus: Prometheus, now: float) -> Iterator[str]:
    tried: dict[str, Callable[[], object]] = {
        "aps:QueryMetrics": lambda: prometheus.range("vector(1)", now - MINUTE, now),
        "aps:GetSeries": lambda: prometheus.is_written("up", now),
    }
    for permission, attempt in tried.items():
        try:
            attempt()
        except UnreadableError as error:
            yield f"{permission} does not work, and nothing could be judged: {error}"


def _whole(series: Series, since: float) -> Series:
    """`series` without the period that began before the stage and ended in it: it is of both."""
    kept = [index for index, at in enumerate(series.at) if not since < at < since + MINUTE]
    if len(kept) == len(series.at):
        return series
    at = tuple(series.at[index] for index in kept)
    if isinstance(series, Levels):
        return Levels(at, tuple(series.value[index] for index in kept))
    return Counts(
        at,
        tuple(series.total[index] for index in kept),
        tuple(series.bad[index] for index in kept),
    )
