"""What a cutover is told in: the same words on its page and on the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.running.record import Noted, NotedReason
from scripts.cutover.running.standing import State
from scripts.runs.steps import duration

OUTCOMES: Final = {
    State.NONE: "Nothing was begun",
    State.REFUSED: "Refused before anything changed",
    State.OPEN: "Under way",
    State.GOING_BACK: "Going back",
    State.LEAVING: "All moved, the old side is going",
    State.DONE: "Done",
    State.UNWELL: "Done, and not well since",
    State.TAKEN_BACK: "Rolled back",
}
"""How a cutover ended, or where it stands."""
_NAMED: Final = 3
_EXACT: Final = 9.95
"""Seconds below which tenths are told."""
_PERCENT: Final = 100


def moment(at: float) -> str:
    """The time of day: `12:03:10`."""
    return _time(at).strftime("%H:%M:%S")


def day(at: float) -> str:
    """The day: `21 November 2026`."""
    return _time(at).strftime("%-d %B %Y")


def lasted(seconds: float) -> str:
    """How long something took; below ten seconds with a tenth."""
    return f"{seconds:.1f} s" if seconds < _EXACT else duration(seconds)


def share(value: float) -> str:
    """A share in percent, with as many digits as tell it from none: `0.13 %`."""
    percent = value * _PERCENT
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 3  # noqa: PLR2004 - as people round
    return f"{percent:.{digits}f}".rstrip("0").rstrip(".") + " %" if digits else f"{percent:.0f} %"


def number(reason: NotedReason, value: float | None) -> str:
    """`value` of `reason`: a share where it has a baseline, else as it is."""
    if value is None:
        return "-"
    return share(value) if reason.baseline is not None else f"{value:,.6g}"


def cited(reason: str) -> str:
    """The requirement in a citation that may name a figure, too."""
    return reason.replace(".", " ").partition(" ")[0]


def sentence(noted: Noted) -> str:
    """What was decided, and for what, in one sentence."""
    first = deciding(noted)
    named = "; ".join(_why(each) for each in first[:_NAMED])
    more = f"; and {len(first) - _NAMED} more" if len(first) > _NAMED else ""
    match noted.kind:
        case Kind.CONTINUE:
            return f"{noted.stage}: go on. {_passed(noted)}"
        case Kind.HOLD:
            return f"{noted.stage}: wait. {named or 'Nothing changed'}{more}."
        case Kind.ASK:
            return f"{noted.stage}: ask a person. {named}{more}."
        case Kind.ROLL_BACK:
            return f"{noted.stage}: roll back. {named}{more}."
        case Kind.REFUSE:
            return f"{noted.stage}: refuse. {named}{more}."


def deciding(noted: Noted) -> Sequence[NotedReason]:
    """The reasons that it was decided for: those breached, else those that say nothing yet."""
    for findings in ({Finding.BREACHED}, {Finding.UNKNOWN, Finding.UNDECIDED}):
        found = [each for each in noted.reasons if each.finding in findings]
        if found:
            return found
    return ()


def _why(reason: NotedReason) -> str:
    text = f": {reason.text}" if reason.text else ""
    named = reason.gate.partition(" (")[0]
    return f"{named}{text} ({cited(reason.cited)})"


def _passed(noted: Noted) -> str:
    passed = sum(each.finding is Finding.PASSED for each in noted.reasons)
    accepted = sum(each.finding is Finding.ACCEPTED for each in noted.reasons)
    said = f"{passed} gate{'s' * (passed != 1)} passed"
    return f"{said}, {accepted} accepted by a person." if accepted else f"{said}."


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
