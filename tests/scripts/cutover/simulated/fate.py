"""What goes wrong in one simulated cutover: all of it is drawn from a seed beforehand."""

# ruff: noqa: S311 what is drawn here hides nothing

from dataclasses import dataclass
from random import Random

from scripts.cutover.judgement.observations import Answer
from tests.scripts.cutover.simulated.processes import START

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Release:
    """How the new release behaves, from some weight on."""

    bad_from: int
    """The weight; beyond 100 it is well."""
    what: str
    """What is bad of it."""
    share: float = 0.001
    """The share of its requests that fail."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What goes wrong."""

    services: int
    shape: int
    """Which of the plans is carried out."""
    release: Release
    busy: float
    """The chance that a call to the cloud is throttled, or times out having happened or not."""
    lag: float
    """How many seconds old a reading of the cloud may be."""
    lost: float
    """The chance that a poll misses some series."""
    broken: float
    """The chance that a poll has points that are no numbers."""
    late: float
    """How many seconds the newest point may be old."""
    from_: float
    """When metrics begin to be lost, broken or late."""
    blackout: tuple[float, float]
    """When all metrics are away, and for how long."""
    flapping: float
    """The chance that the alarm fires at a poll."""
    deaths: tuple[tuple[float, bool, int], ...]
    """When tasks die, on which side, and how many of them."""
    emergency: float | None
    """When somebody raises a security breach."""
    starts_after: float
    """How long a task takes to be healthy."""
    never_starts: bool
    ahead: float
    """How far the controller's clock is ahead of the metrics'."""
    jump: tuple[float, float] | None
    kills: tuple[int, ...]
    """The points at which one process after the other is killed."""
    pause: tuple[int, float] | None
    rival: float | None
    """When a second operator runs the same."""
    order: float | None
    """When a person orders to go back."""
    answer: Answer | None
    answers_after: float
    smoke: tuple[str, ...]
    """What the smoke tests come to, one after the other."""
    database: str
    """Which of its steps fails, if any."""
    tampers: float | None
    """When somebody changes the journal."""
    outage: float
    """How long the cloud answers nobody, once it was decided to go back."""

    def faults(self) -> tuple[str, ...]:
        """What there is of it, by name."""
        there = {
            f"release: {self.release.what}": self.release.bad_from <= ALL,
            "calls throttled or timed out": self.busy > 0,
            "stale reads": self.lag > 0,
            "metrics lost": self.lost > 0,
            "metrics that are no numbers": self.broken > 0,
            "metrics late": self.late > 0,
            "metrics away": self.blackout[1] > 0,
            "alarm flapping": self.flapping > 0,
            "tasks dying": bool(self.deaths),
            "tasks never start": self.never_starts,
            "emergency raised": self.emergency is not None,
            "clocks apart": self.ahead != 0,
            "clock set anew": self.jump is not None,
            "controller killed": bool(self.kills),
            "controller paused": self.pause is not None,
            "second operator": self.rival is not None,
            "order to go back": self.order is not None,
            "smoke tests fail": any(each != "pass" for each in self.smoke),
            "database step fails": self.database != "",
            "journal changed": self.tampers is not None,
            "cloud away on the way back": self.outage > 0,
        }
        return tuple(name for name, is_there in there.items() if is_there)


ALL = 100
_BAD = ("errors", "errors", "many errors", "latency", "cpu", "health", "throughput")


def drawn(seed: int) -> Fate:
    """The fate of `seed`: two in five releases are bad; each other fault is there in some."""
    random = Random(seed)

    def some(chance: float) -> bool:
        return random.random() < chance

    what = random.choice(_BAD)
    shares = {"errors": random.choice([0.012, 0.02, 0.05]), "many errors": 0.3}
    return Fate(
        services=random.choice([1, 1, 2]),
        shape=random.randrange(SHAPES),
        release=Release(
            bad_from=random.choice([1, 10, 50, 100]) if some(0.35) else ALL + 1,
            what=what,
            share=shares.get(what, 0.001),
        ),
        busy=random.choice([0.02, 0.1, 0.3]) if some(0.3) else 0.0,
        lag=random.choice([1.0, 4.0, 8.0]) if some(0.3) else 0.0,
        lost=random.choice([0.02, 0.2]) if some(0.2) else 0.0,
        broken=random.choice([0.01, 0.1]) if some(0.15) else 0.0,
        late=random.choice([20.0, 60.0, 110.0]) if some(0.2) else 0.0,
        from_=START + (random.uniform(0, HOUR) if some(0.9) else 0.0),
        blackout=(START + random.uniform(0, HOUR), random.uniform(60, 1500) if some(0.1) else 0.0),
        flapping=random.choice([0.02, 0.2]) if some(0.1) else 0.0,
        deaths=tuple(
            (START + random.uniform(0, 1.5 * HOUR), some(0.5), random.randint(1, 4))
            for _ in range(random.randint(1, 3) if some(0.15) else 0)
        ),
        emergency=START + random.uniform(0, 1.5 * HOUR) if some(0.04) else None,
        starts_after=random.uniform(5, 120),
        never_starts=some(0.03),
        ahead=random.uniform(-8, 8) if some(0.25) else 0.0,
        jump=(START + random.uniform(0, HOUR), random.choice([-7200, -90, -9, 9, 90, 7200]))
        if some(0.1)
        else None,
        kills=tuple(random.randint(1, 160) for _ in range(random.choice([1, 1, 2, 4])))
        if some(0.35)
        else (),
        pause=(random.randint(1, 60), random.choice([20.0, 75.0, 200.0])) if some(0.15) else None,
        rival=START + random.uniform(0, HOUR) if some(0.2) else None,
        order=START + random.uniform(0, HOUR) if some(0.06) else None,
        answer=random.choice([None, Answer.GO_ON, Answer.GO_ON, Answer.ROLL_BACK]),
        answers_after=random.uniform(5, 290),
        smoke=tuple(
            random.choice(["ask", "ask", "fail"]) if some(0.05) else "pass" for _ in range(4)
        ),
        database=random.choice(["before", "after", "back"]) if some(0.06) else "",
        tampers=START + random.uniform(0, HOUR) if some(0.04) else None,
        outage=random.choice([60.0, 300.0, 1500.0]) if some(0.1) else 0.0,
    )


SHAPES = 3
"""How many plans there are."""
