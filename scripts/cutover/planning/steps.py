"""Steps of a cutover: one weight of one service each, its size, its time, and what decides it."""

from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from scripts.cutover.judgement.gates import Gate, Share, Watched
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period, gates
from scripts.cutover.judgement.verdicts import ENOUGH, compared
from standards import Tier, figure, requirement

ALL: Final = 100


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How an environment moves traffic; times in seconds."""

    weights: tuple[int, ...] = (1, 5, 10, 25, 50, 100)
    bake: float = 300
    """The least time of a step."""
    longest_bake: float = 1800
    """The most, where its traffic takes so long to decide."""
    poll: float = 15
    oldest: float = 120
    """The age of data beyond which it says nothing."""
    blind: float = 300
    """How long a gate may say nothing before a person is asked."""
    ask: float = 300
    """How long a person has to answer."""
    starting: float = float(figure("SVC-02", "healthy_wait_max_minutes").seconds)
    """How long a new side may take to be healthy (SVC-02)."""
    set_weights: float = 30
    read_back: float = 30
    healthy: float = 60
    """How long the old side, which is kept warm, may take to be seen healthy."""
    retain: float = 0
    """How long the old side is kept, full, beyond the first minutes: as long, weights lead back."""
    first_minutes: float | None = None
    """How long the first watch after the window is; as the standards have it, unless given: a
    rehearsal takes seconds for it."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One service that is moved, and what is known of it."""

    watched: Watched
    requests_per_second: float
    """The traffic that is expected while it is moved, of both sides together."""
    instances: int
    """How many the old side has: the size that carries all traffic."""
    transactions_per_second: float = 0.0
    is_frontend: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of one service: a weight, or a watch after the last."""

    service: str
    name: str
    period: Period
    weight: int
    instances: int
    """The size of the new side before it gets this weight."""
    bake: float
    requests: float
    """What the new side is expected to get meanwhile."""
    gates: tuple[Gate, ...]

    def stage(self, since: float, settings: Settings, alarms: frozenset[str]) -> Stage:
        """The stage to judge, once the weights were read back at `since`."""
        return Stage(
            name=f"{self.service} {self.name}",
            gates=self.gates,
            since=since,
            bake_seconds=self.bake,
            hold_seconds=self.bake,
            oldest_seconds=settings.oldest,
            blind_seconds=settings.blind,
            ask_seconds=settings.ask,
            alarms=alarms,
        )


def weight_id(step: Step) -> str:
    """What runs call the setting of its weight."""
    return f"{step.service} weight {step.weight}"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place in the order of steps."""

    period: Period
    weight: int
    seconds: float
    alpha: float
    """The false alarms that it may spend."""


def step(moved: Moved, slot: Slot, tier: Tier, settings: Settings) -> Step:
    """The step of `moved` in `slot`: as long as its traffic needs to decide, within bounds."""
    held = gates(slot.period, moved.watched, tier, slot.alpha)
    bake = slot.seconds
    if slot.period is Period.WINDOW:
        wanted = max((_needed(gate) / _rate(gate, moved, slot.weight) for gate in held), default=0)
        polls = ceil(min(wanted, settings.longest_bake) / settings.poll)
        bake = min(max(bake, polls * settings.poll), settings.longest_bake)
    is_held = tier in requirement("SVC-01").environments
    return Step(
        service=moved.watched.service,
        name=f"{slot.weight} %" if slot.period is Period.WINDOW else slot.period.value,
        period=slot.period,
        weight=slot.weight,
        instances=max(
            ceil(moved.instances * slot.weight / ALL),
            figure("SVC-01", "instances_min_count").count if is_held else 1,
        ),
        bake=bake,
        requests=moved.requests_per_second * slot.weight / ALL * bake,
        gates=held,
    )


def _needed(gate: Gate) -> float:
    """How many requests decide `gate`: none where it counts none, infinite where none do."""
    if not isinstance(gate, Share):
        return 0.0
    against = compared(gate, None)
    return against.test.needed() if against else inf


def _rate(gate: Gate, moved: Moved, weight: int) -> float:
    """What `gate` counts of the new side, a second."""
    is_chain = gate.series.endswith("/transactions")
    both = moved.transactions_per_second if is_chain else moved.requests_per_second
    return max(both * weight / ALL, 1e-9)


def undecided(step: Step, moved: Moved) -> str | None:
    """Why `step` cannot be decided, where it cannot."""
    for gate in step.gates:
        if not isinstance(gate, Share):
            continue
        needed, comes = _needed(gate), _rate(gate, moved, step.weight) * step.bake
        if compared(gate, None) is None:
            least = ENOUGH / gate.limit
            return (
                f"{gate.what} have a baseline of {gate.recorded[1]:,.0f}, and it takes {least:,.0f}"
            )
        if needed > comes:
            needs = f"{needed:,.0f}" if needed < inf else "more than any number of"
            return f"{gate.what} ({gate.cited}) need {needs} requests, {comes:,.0f} are expected"
    return None
