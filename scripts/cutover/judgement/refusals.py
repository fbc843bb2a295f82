"""What a cutover is refused for before anything changes: gates that could not do their work."""

from collections.abc import Sequence
from dataclasses import replace

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.observations import Counts, Levels, Observations, Series, problem
from scripts.cutover.judgement.verdicts import Span, alarm, compared, emergency, verdict


def refusals(
    gates: Sequence[Gate],
    seen: Observations,
    alarms: frozenset[str],
    *,
    now: float,
    oldest_seconds: float,
) -> Decision:
    """Whether a cutover may start, judged by the side that serves now (`seen.old`).

    A gate whose metric nobody writes, that is silent, or that is breached already could neither
    pass nor fail later for what the release does. The same goes for an alarm that fires already.
    """
    span = Span(since=-float("inf"), now=now, oldest=oldest_seconds)
    unfit = [(gate, why) for gate in gates if (why := _unfit(gate, seen, span))]
    states = [alarm(name, seen.alarms.get(name)) for name in sorted(alarms)]
    found = [
        *(
            Reason(gate=gate.id, cited=gate.cited, finding=Finding.BREACHED, text=why)
            for gate, why in unfit
        ),
        *(state for state in states if state.finding is not Finding.PASSED),
        *map(emergency, seen.events),
    ]
    return Decision(kind=Kind.REFUSE if found else Kind.CONTINUE, reasons=tuple(found))


def _unfit(gate: Gate, seen: Observations, span: Span) -> str | None:
    """Why `gate` could not do its work, where it could not."""
    series = seen.old.get(gate.series)
    if trouble := problem(series, span.now, max(span.oldest, gate.oldest)):
        return f"{gate.what} from {gate.source}: {trouble}"
    match gate, series:
        case Share(), Counts():
            return _unfit_share(gate, series)
        case Level(), Levels():
            before = verdict(gate, replace(seen, new=seen.old), span).reason
            return None if before.finding is Finding.PASSED else f"{before.text}, already"
        case Event(), Levels():
            count = sum(map(abs, series.value))
            return f"{count:g} {gate.what}, already" if count else None
        case _:
            return "another kind of data than the gate judges"


def _unfit_share(gate: Share, series: Series) -> str | None:
    if not isinstance(series, Counts) or not sum(series.total):
        return f"{gate.what} from {gate.source}: nothing is counted, so nothing would be"
    recorded, now = compared(gate, None), compared(gate, series)
    if recorded is None or now is None:
        return f"{gate.what}: the baseline is too short, or too bad, to compare with"
    share = sum(series.bad) / sum(series.total)
    is_beyond = max(now.baseline, recorded.baseline) >= now.limit
    if is_beyond or recorded.test.alarms(recorded.test.evidence(series.looks)):
        return f"{share:.3%} {gate.what} already, limit {recorded.limit:.3%}"
    return None
