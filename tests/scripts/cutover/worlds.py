"""A service as cutovers see it, and series of it: healthy ones, and ones to be changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from scripts.cutover.judgement.gates import Baseline, Event, Gate, Level, Share, Watched
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period, gates, latencies
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Observations, Series
from standards import Tier

START: Final = 1_000_000.0
POLL: Final = 15.0
BAKE: Final = 300.0
RATE: Final = 50.0
"""Requests a second on the new side."""
GUARD: Final = "api-rollout"
REQUESTS: Final = 1_000_000
FAILING: Final = 0.001
"""The share of requests that fail in a healthy release."""


def slower(ms: float) -> float:
    """The share of a healthy release's requests that are slower than `ms`."""
    return 0.2 if ms < 100 else 0.002 if ms <= 400 else 0.0002


def watched(service: str = "api", requests: float = REQUESTS) -> Watched:
    """A service with all that a service may have."""
    return Watched(
        service=service,
        baseline=Baseline(
            requests=requests,
            errors=requests * FAILING,
            p50_ms=40,
            p99_ms=200,
            slower={ms: requests * slower(ms) for ms in latencies(40, 200)},
            queue=3,
            transactions=requests,
            failed_transactions=requests * FAILING,
        ),
        has_database=True,
        has_cache=True,
        has_proofs=True,
        sends_transactions=True,
        is_market=True,
    )


def plain(service: str = "api") -> Watched:
    """A service with what every service has."""
    full = watched(service)
    return Watched(service=service, baseline=replace(full.baseline, queue=None))


def stage(
    period: Period = Period.WINDOW, tier: Tier = Tier.PRODUCTION, service: Watched | None = None
) -> Stage:
    """A stage that began at `START`."""
    return Stage(
        name="api 10 %",
        gates=gates(period, service or watched(), tier, 1e-4),
        since=START,
        bake_seconds=BAKE,
        hold_seconds=BAKE,
        oldest_seconds=60,
        blind_seconds=120,
        ask_seconds=300,
        alarms=frozenset({GUARD}),
    )


def times(since: float, until: float) -> tuple[float, ...]:
    """The moments of polls after `since`, up to `until`."""
    return tuple(since + POLL * each for each in range(1, int((until - since) / POLL) + 1))


def counts(at: Sequence[float], share: float, rate: float = RATE) -> Counts:
    """Requests at `rate`, of which `share` are bad, as evenly as whole numbers can be."""
    each = rate * POLL
    bad = [round((number + 1) * each * share) for number in range(len(at))]
    grown = [after - before for before, after in zip([0, *bad], bad, strict=False)]
    return Counts(tuple(at), (each,) * len(at), tuple(map(float, grown)))


def share_of(gate: Share) -> float:
    """The share of bad requests that `gate` sees in a healthy release."""
    bad, total = gate.recorded
    return bad / total


def usual_level(gate: Level) -> float:
    """What `gate` measures of a healthy release."""
    if "cache" in gate.series:
        return 12.0
    return 2 * gate.limit if gate.is_minimum else 0.5 * gate.limit


def usual(gate: Gate, at: Sequence[float], rate: float = RATE) -> Series:
    """What `gate` sees of a healthy release."""
    match gate:
        case Share():
            return counts(at, share_of(gate), rate)
        case Level():
            return Levels(tuple(at), (usual_level(gate),) * len(at))
        case Event():
            return Levels(tuple(at), (0.0,) * len(at))
        case _:
            raise AssertionError(gate)


def healthy(of: Stage, now: float, rate: float = RATE) -> Observations:
    """Everything as it should be from a quarter of an hour before the stage to `now`."""
    at = times(START - 900, now)
    series = {gate.series: usual(gate, at, rate) for gate in of.gates}
    return Observations(new=series, old=series, alarms={GUARD: Alarm.OK})


def but(seen: Observations, changed: Mapping[str, Series | None]) -> Observations:
    """`seen` with some series of the new side changed, or taken away."""
    new = {name: each for name, each in seen.new.items() if name not in changed}
    new |= {name: each for name, each in changed.items() if each is not None}
    return replace(seen, new=new)


def levels(now: float, *values: float) -> Levels:
    """A series whose last values are `values`, and 0 before."""
    at = times(START - 900, now)
    return Levels(at, (*(0.0,) * (len(at) - len(values)), *values))
