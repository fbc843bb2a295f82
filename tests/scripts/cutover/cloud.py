"""A cloud in memory, with a clock of its own: nothing goes wrong in it unless a test says so."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts.cutover.judgement.gates import Gate
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Alarm, Counts, Observations, Series
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import Moved, Settings
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from scripts.runs.sqlite import SqliteStore
from standards import Tier
from tests.scripts.cutover.worlds import GUARD, POLL, START, counts, times, usual, watched

SIZE = 4
ALL = 100
RATE = 500.0
BEFORE = 900.0


@dataclass
class CloudClock:
    """A clock that only moves when somebody waits."""

    at: float = START
    slept: Callable[[], None] = lambda: None
    """Called after each wait."""

    def now(self) -> float:
        """The simulated time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Time passes, and only here."""
        assert seconds > 0
        self.at += seconds
        self.slept()

    def utc(self) -> datetime:
        """The same, as runs take it."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass
class CloudSides:
    """Two sides of one service."""

    releases: tuple[str, str]
    log: list[str]
    """What was done to any service, in order."""
    name: str
    old: int = SIZE
    meant: int = SIZE
    """What the old side is meant to have."""
    new: int = 0
    share: int = 0
    refused: Sequence[str] = ()
    stuck: bool = False
    """Whether weights do not change, whatever is set."""
    acted: Callable[[str], None] = lambda _: None
    """Called before each act."""

    def act(self, act: str) -> None:
        """Something is done to it."""
        self.acted(f"{self.name} {act}")
        self.log.append(f"{self.name} {act}")

    def size(self) -> int:
        """What the old side is meant to have."""
        return self.meant

    def scale(self, instances: int) -> None:
        """The new side has so many, at once."""
        assert instances >= self.new or not self.share, "shrinks under traffic"
        self.act(f"scale {instances}")
        self.new = instances

    def healthy(self, *, is_new: bool) -> int:
        """All that there are."""
        return self.new if is_new else self.old

    def set_weight(self, weight: int) -> None:
        """Traffic only goes where it can be served."""
        assert self.new >= SIZE * weight / 100, "to a side that is too small"
        assert weight == 100 or self.old, "to a side that is gone"
        self.act(f"weight {weight}")
        self.share = self.share if self.stuck else weight

    def weight(self) -> int:
        """What was set."""
        return self.share

    def retire(self, *, is_new: bool) -> None:
        """A side without traffic goes."""
        assert self.share == (0 if is_new else 100), "retired under traffic"
        self.act(f"retire {'new' if is_new else 'old'}")
        if is_new:
            self.new = 0
        else:
            self.old = 0

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether it has nothing."""
        return not (self.new if is_new else self.old)

    def refusals(self) -> Sequence[str]:
        """What a test says."""
        return self.refused


@dataclass
class TurnedSides:
    """The same two sides, with the one that served before as the new one."""

    of: CloudSides
    broken: bool = False
    """Whether what is started is not healthy."""

    @property
    def releases(self) -> tuple[str, str]:
        """From what serves to what served."""
        old, new = self.of.releases
        return new, old

    def size(self) -> int:
        """What the side that serves has."""
        return self.of.new

    def scale(self, instances: int) -> None:
        """It comes up beside the one that serves."""
        assert self.of.share == ALL, "comes up while it has traffic"
        self.of.act(f"up {instances}")
        self.of.old = 0 if self.broken else instances

    def healthy(self, *, is_new: bool) -> int:
        """All that there are."""
        return self.of.healthy(is_new=not is_new)

    def set_weight(self, weight: int) -> None:
        """Nobody gives it traffic this way."""
        raise AssertionError(weight)

    def weight(self) -> int:
        """Its share."""
        return ALL - self.of.share

    def retire(self, *, is_new: bool) -> None:
        """Nobody takes anything away this way."""
        raise AssertionError(is_new)

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether it has nothing."""
        return self.of.is_retired(is_new=not is_new)

    def refusals(self) -> Sequence[str]:
        """None."""
        return ()


@dataclass
class CloudWatch:
    """Everything as it should be, but for errors of the new side that a test wants."""

    clock: CloudClock
    sides: Mapping[str, CloudSides]
    errors: dict[str, Callable[[CloudSides], float]] = field(
        default_factory=dict[str, Callable[[CloudSides], float]]
    )
    """By service: the share of the new side's requests that fail."""
    changed: Callable[[Observations, Stage], Observations] = lambda seen, _: seen

    def observe(self, stage: Stage) -> Observations:
        """The series of the gates of `stage`."""
        at = times(stage.since - BEFORE, self.clock.now())
        seen = Observations(
            new={gate.series: self._new(gate, at) for gate in stage.gates},
            old={gate.series: usual(gate, at, RATE) for gate in stage.gates},
            alarms={GUARD: Alarm.OK},
        )
        return self.changed(seen, stage)

    def refusals(self) -> Sequence[str]:
        """Everything can be watched."""
        return ()

    def _new(self, gate: Gate, at: Sequence[float]) -> Series:
        service, _, what = gate.series.partition("/")
        sides = self.sides[service]
        rate = RATE * sides.share / 100
        if what == "errors" and service in self.errors:
            return counts(at, self.errors[service](sides), rate)
        found = usual(gate, at, rate)
        return found if not isinstance(found, Counts) or rate else Counts()


@dataclass
class Cloud:
    """The world of a cutover."""

    clock: CloudClock
    sides: dict[str, CloudSides]
    watch: CloudWatch
    log: list[str]
    broken: bool = False
    """Whether releases of before do not come up again."""


def cloud(services: Sequence[str] = ("api", "jobs")) -> Cloud:
    """A cloud with `services`, on release one."""
    clock, log = CloudClock(), list[str]()
    sides = {name: CloudSides(("one", "two"), log, name) for name in services}
    return Cloud(clock=clock, sides=sides, watch=CloudWatch(clock, sides), log=log)


@dataclass(frozen=True)
class Turned:
    """The same cloud, the other way round."""

    clock: CloudClock
    sides: Mapping[str, TurnedSides]
    watch: CloudWatch


def turned(world: Cloud) -> Turned:
    """`world`, as bringing old releases up again sees it."""
    sides = {name: TurnedSides(each, world.broken) for name, each in world.sides.items()}
    return Turned(world.clock, sides, world.watch)


def cutover(
    services: Sequence[str] = ("api", "jobs"), weights: Sequence[int] = (25, 100)
) -> Cutover:
    """From release one to release two."""
    return Cutover(
        environment="staging",
        tier=Tier.PRODUCTION,
        services=tuple(
            Moved(
                watched=watched(name),
                requests_per_second=RATE,
                instances=SIZE,
                transactions_per_second=RATE,
            )
            for name in services
        ),
        releases={name: Releases(old="one", new="two") for name in services},
        settings=Settings(weights=tuple(weights), poll=POLL),
        alarms=frozenset({GUARD}),
    )


@contextmanager
def no_limit(_seconds: float) -> Generator[None]:
    """No step is stopped from outside: the clock is simulated."""
    yield


def setting(clock: CloudClock, store: SqliteStore, operator: str = "ana") -> Setting:
    """Where and as whom it is run."""
    return Setting(
        store=store,
        owner=Owner(operator=operator, host="here", process=1, machine=""),
        tell=lambda _: None,
        resume="slipway cutover resume staging",
        clock=clock.utc,
        limit=no_limit,
        background=False,
    )


def store(folder: Path) -> SqliteStore:
    """A journal in a file."""
    return SqliteStore(folder / "runs.sqlite")
