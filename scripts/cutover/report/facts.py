"""What a cutover writes into its journal of a decision, so that anybody can see it made again.

The conductor writes with these functions and the report reads what they wrote: the form of an entry
is settled here alone.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Final, TypeAlias

from scripts.cutover.decisions import Decision, Reason
from scripts.cutover.gates import Gate
from scripts.cutover.observations import Counts, Levels, Observations, Series
from scripts.runs.canonical import Json

POINTS: Final = 40
"""The most points that one note holds of one side of a series; more are added up."""
_LARGEST: Final = 2**53 - 1  # canonical JSON holds no larger number

_Point: TypeAlias = Sequence[float]


def decision_facts(
    decision: Decision, *, service: str, stage: str, weight: int, now: float
) -> dict[str, Json]:
    """`decision` on `stage` of `service`, made at `now` while the new side gets `weight` percent.

    It goes into a note as `decision`, before anything is done about it.
    """
    facts: dict[str, Json] = {
        "service": service,
        "stage": stage,
        "weight": weight,
        "at": float(now),
        "kind": decision.kind.value,
        "reasons": [_reason(reason) for reason in decision.reasons],
    }
    if decision.asked:
        facts["asked"] = sorted(decision.asked)
    if decision.until is not None:
        facts["until"] = float(decision.until)
    if decision.default is not None:
        facts["default"] = decision.default.value
    return facts


def seen_facts(
    gates: Sequence[Gate], seen: Observations, *, after: float, now: float
) -> dict[str, Json]:
    """What was seen of both sides after `after` and up to `now`, by series: the report's curves.

    It goes into a note as `seen`. Counts are `[at, bad, total]`, levels `[at, value]`; what says
    nothing is left out.
    """
    facts: dict[str, Json] = {}
    for name in dict.fromkeys(gate.series for gate in gates):
        sides = {
            side: points
            for side, series in (("new", seen.new.get(name)), ("old", seen.old.get(name)))
            if (points := _points(series, after, now))
        }
        if sides:
            facts[name] = sides
    return facts


def _reason(reason: Reason) -> dict[str, Json]:
    numbers = {
        "value": reason.value,
        "baseline": reason.baseline,
        "limit": reason.limit,
        "samples": reason.samples,
    }
    return {
        "gate": reason.gate,
        "cited": reason.cited,
        "finding": reason.finding.value,
        "text": reason.text,
        **{key: float(it) for key, it in numbers.items() if it is not None and _can_be_kept(it)},
    }


def _points(series: Series | None, after: float, now: float) -> list[_Point]:
    """The points of `series` in that time, added up until they are few enough."""
    if series is None or series.problem() is not None or not all(map(isfinite, series.at)):
        return []
    match series.between(after, now):
        case Counts() as counts:
            every = zip(counts.at, counts.bad, counts.total, strict=True)
            return [_summed(some) for some in _parts(list(every))]
        case Levels() as levels:
            every = zip(levels.at, levels.value, strict=True)
            # Of a level the worst is kept: a mean would hide what was judged.
            return [max(some, key=lambda point: point[1]) for some in _parts(list(every))]


def _parts(points: Sequence[_Point]) -> Iterable[Sequence[_Point]]:
    size = -(-len(points) // POINTS) or 1
    parts = (points[start : start + size] for start in range(0, len(points), size))
    return (part for part in parts if all(_can_be_kept(it) for point in part for it in point))


def _summed(points: Sequence[_Point]) -> _Point:
    at = points[-1][0]
    return [float(at), float(sum(p[1] for p in points)), float(sum(p[2] for p in points))]


def _can_be_kept(number: float) -> bool:
    return isfinite(number) and abs(number) <= _LARGEST
