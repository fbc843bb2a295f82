"""How each kind of gate is judged: shares by a sequential test, levels and events as they are."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from math import isfinite
from operator import ge, gt, lt
from statistics import fmean
from typing import Final

from scripts.cutover.judgement.decisions import Finding, Reason, Verdict
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.observations import (
    Alarm,
    Counts,
    Levels,
    Observations,
    Series,
    problem,
)
from scripts.cutover.judgement.sequential import ShareTest, rounded, upper

ENOUGH: Final = 100
"""A baseline has seen so many times the requests in which the limit allows one bad one."""
SHARP: Final = 1000
"""As many times for the old side to stand for the baseline, by what it does meanwhile."""
LEAST: Final = 0.05
"""A baseline counts as at least this part of its limit: two unlucky requests are no reason."""
MOST: Final = 0.9
"""And as at most this part: no number of requests tells a nearer one from its limit in time."""
_BASELESS: Final = "its baseline is too short, or too bad, to compare with"
TWICE: Final = 2
"""One point above a level may be a spike; two are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that is judged."""

    since: float
    now: float
    oldest: float
    """The age of data, in seconds, beyond which it says nothing of now."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a share is compared with."""

    baseline: float
    limit: float
    test: ShareTest


def verdict(gate: Gate, seen: Observations, span: Span) -> Verdict:
    """How `gate` stands in `span`. What says nothing is unknown, and never passes."""
    series = seen.new.get(gate.series)
    if trouble := problem(series, span.now, max(span.oldest, gate.oldest)):
        return _unknown(gate, trouble.value, _blind_since(series, span))
    match gate, series:
        case Share(), Counts():
            return _share(gate, series, seen.old.get(gate.series), span)
        case Level(), Levels():
            return _level(gate, series.between(span.since, span.now), span)
        case Event(), Levels():
            return _event(gate, series.between(span.since, span.now), span)
        case _:
            return _unknown(gate, "another kind of data than the gate judges", span.since)


def compared(gate: Share, old: Series | None) -> Compared | None:
    """What `gate` compares with: the old side while it takes traffic, then what was recorded.

    The old side has to have seen as much as was recorded, or enough to be as sharp a measure. None
    where neither is enough to compare with, or so bad that there is nothing beyond its limit.
    """
    bad, total = gate.recorded
    if isinstance(old, Counts) and old.problem() is None:
        live = sum(old.total)
        if live * gate.limit >= SHARP or live >= total:
            bad, total = sum(old.bad), live
    if not isfinite(total) or total * gate.limit < ENOUGH or not 0 <= bad <= total:
        return None
    limit = gate.limit + (bad / total if gate.is_above_baseline else 0.0)
    return _against(bad, total, limit, gate.alpha) if limit < 1 else None


@lru_cache(maxsize=4096)
def _against(bad: float, total: float, limit: float, alpha: float) -> Compared:
    likely = min(max(upper(bad, total), LEAST * limit), MOST * limit)
    return Compared(bad / total, limit, ShareTest(rounded(likely), limit, alpha))


def emergency(event: str) -> Reason:
    """A named emergency: it always acts."""
    return Reason(
        gate=event, cited="ROLL-09", finding=Finding.BREACHED, text="it was raised; it always acts"
    )


def alarm(name: str, state: Alarm | None) -> Reason:
    """How the alarm `name` stands; one that is not known to be well does not pass."""
    findings = {Alarm.OK: Finding.PASSED, Alarm.ALARM: Finding.BREACHED}
    return Reason(
        gate=name,
        cited="ROLL-10",
        finding=findings.get(state, Finding.UNKNOWN) if state else Finding.UNKNOWN,
        text=f"the alarm is {state or 'not there'}",
    )


def _share(gate: Share, series: Counts, old: Series | None, span: Span) -> Verdict:
    against = compared(gate, old)
    if against is None:
        return _unknown(gate, _BASELESS, span.since)
    judged = series.between(span.since, span.now)
    requests, bad = sum(judged.total), sum(judged.bad)
    if not requests:
        return _unknown(gate, "no requests since the step began", span.since)
    test = against.test
    evidence = test.evidence(judged.looks)
    is_breached = test.alarms(evidence)
    if is_breached and gate.window:
        is_breached = _lasts(series, gate.window, against.limit, span)
    if is_breached:
        finding = Finding.BREACHED
    elif test.passes(evidence):
        finding = Finding.PASSED
    else:
        finding = Finding.UNDECIDED
    return Verdict(
        gate,
        Reason(
            gate=gate.id,
            cited=gate.cited,
            finding=finding,
            text=f"{bad / requests:.3%} of {requests:,.0f} {gate.what}, "
            f"baseline {against.baseline:.3%}, limit {against.limit:.3%}; log-likelihood ratio "
            f"{evidence.since_start:+.1f}, breached at {test.bound:+.1f}",
            value=bad / requests,
            baseline=against.baseline,
            limit=against.limit,
            samples=requests,
        ),
    )


def _lasts(series: Counts, window: float, limit: float, span: Span) -> bool:
    """Whether the share of the last `window` seconds, all within the step, is above `limit`."""
    start = span.now - window
    if start < span.since:
        return False
    recent = series.between(start, span.now)
    return sum(recent.bad) > limit * sum(recent.total)


def _level(gate: Level, series: Levels, span: Span) -> Verdict:
    if not series.value:
        return _unknown(gate, "no data since the step began", span.since)
    points = (fmean(series.value),) if gate.is_mean else series.value
    worst = min(points) if gate.is_minimum else max(points)
    beyond = lt if gate.is_minimum else ge if gate.reaches else gt
    count = sum(map(beyond, points, repeat(gate.limit)))
    if count >= TWICE or (count and gate.is_mean):
        finding = Finding.BREACHED
    else:
        finding = Finding.UNDECIDED if count else Finding.PASSED
    mean = "mean " if gate.is_mean else ""
    side = "at least" if gate.is_minimum else "under" if gate.reaches else "at most"
    return Verdict(
        gate,
        Reason(
            gate=gate.id,
            cited=gate.cited,
            finding=finding,
            text=f"{mean}{gate.what} {worst:.6g}{gate.unit}, allowed {side} "
            f"{gate.limit:.6g}{gate.unit}; {count} of {len(points)} points beyond",
            value=worst,
            limit=gate.limit,
            samples=len(series.value),
        ),
    )


def _event(gate: Event, series: Levels, span: Span) -> Verdict:
    if not series.value:
        return _unknown(gate, "no data since the step began", span.since)
    count = sum(map(abs, series.value))  # none takes another one back
    began = _began(series)
    if not gate.window:
        finding = Finding.BREACHED if count else Finding.PASSED
    elif began is None:
        finding = Finding.PASSED
    else:
        lasted = span.now - max(began, span.since) > gate.window
        finding = Finding.BREACHED if lasted else Finding.UNDECIDED
    lasting = f" for over {gate.window:.0f} s" if gate.window else ""
    return Verdict(
        gate,
        Reason(
            gate=gate.id,
            cited=gate.cited,
            finding=finding,
            text=f"{count:g} {gate.what}, none allowed{lasting}",
            value=count,
            limit=0,
            samples=len(series.value),
        ),
    )


def _began(series: Levels) -> float | None:
    """When what still happens at the end of `series` began; None where the last point has none."""
    began = None
    for at, value in zip(reversed(series.at), reversed(series.value), strict=True):
        if not value:
            break
        began = at
    return began


def _unknown(gate: Gate, why: str, since: float) -> Verdict:
    reason = Reason(
        gate=gate.id,
        cited=gate.cited,
        finding=Finding.UNKNOWN,
        text=f"{gate.what} from {gate.source}: {why}",
    )
    return Verdict(gate, reason, since)


def _blind_since(series: Series | None, span: Span) -> float:
    """Since when `series` says nothing: its last point that counts, or the start."""
    last = series.at[-1] if series and series.at else span.since
    return last if span.since < last < span.now else span.since
