"""Series for gates from what Prometheus keeps: the growth of counters, and levels."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan, nan
from typing import Final

from scripts.cutover.judgement.observations import Counts, Levels
from scripts.cutover.watch.prometheus import STEP, Line

_ALL: Final = "+Inf"
"""The bucket that holds every request."""


def grown(lines: Iterable[Line], first: float) -> dict[float, float]:
    """By how much counters grew together in the step up to each time; a reset begins at zero.

    A counter that was not there at `first`, when the range begins, began at zero, too: what it
    shows first is growth. Many a process makes the counter of an event by the first of them.
    """
    growth: dict[float, float] = {}
    for line in lines:
        before = None if first in line.samples else 0.0
        for at, value in sorted(line.samples.items()):
            if before is not None:
                more = value if value < before else value - before
                growth[at] = growth.get(at, 0.0) + (more if value >= 0 else nan)
            before = value
    return growth


def events(lines: Sequence[Line], first: float) -> Levels:
    """How many events were counted in each step."""
    growth = sorted(grown(lines, first).items())
    return Levels(tuple(at for at, _ in growth), tuple(value for _, value in growth))


def shares(
    lines: Sequence[Line], first: float, is_bad: Callable[[Mapping[str, str]], bool]
) -> Counts:
    """What was counted in each step, and what of it was bad."""
    total = grown(lines, first)
    bad = grown((line for line in lines if is_bad(line.labels)), first)
    at = tuple(sorted(total))
    return Counts(at, tuple(total[each] for each in at), tuple(bad.get(each, 0.0) for each in at))


def slower(buckets: Sequence[Line], first: float, seconds: float) -> Counts:
    """Requests, and those slower than the longest bound of the histogram within `seconds`.

    Nearer to zero than asked, so that none counts as fast that was not seen to be. Nothing where
    there is no such bound.
    """
    bounds = {line.labels.get("le", ""): line for line in buckets}
    within = [le for le in bounds if le and le != _ALL and float(le) <= seconds]
    if not within or _ALL not in bounds:
        return Counts()
    longest = max(within, key=float)
    total = grown((line for line in buckets if line.labels.get("le") == _ALL), first)
    fast = grown((line for line in buckets if line.labels.get("le") == longest), first)
    at = tuple(sorted(total))
    return Counts(
        at,
        tuple(total[each] for each in at),
        tuple(total[each] - fast.get(each, 0.0) for each in at),
    )


def levels(lines: Sequence[Line], _: float) -> Levels:
    """The highest of the lines at each time: the query makes one of them."""
    worst: dict[float, float] = {}
    for line in lines:
        for at, value in line.samples.items():
            before = worst.get(at, value)
            worst[at] = value if isnan(value) else max(before, value) + 0 * before
    at = tuple(sorted(worst))
    return Levels(at, tuple(worst[each] for each in at))


def served(counted: Counts) -> Levels:
    """Requests a second that did not fail."""
    return Levels(counted.at, tuple((total - bad) / STEP for total, bad in counted.looks))
