"""What `slipway cutover status` shows of a cutover: all of it, or as it fits a terminal."""

from bisect import bisect
from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from scripts.cutover.commands.look import Numbered, decided
from scripts.cutover.commands.seeing import Shares, Status
from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.gates import Action, Share
from scripts.cutover.planning.request import Cutover
from scripts.cutover.planning.steps import ALL
from scripts.cutover.report import drawing
from scripts.cutover.report.drawing import NEW_STYLE, OLD_STYLE, STYLES
from scripts.cutover.report.findings import Measured, gates_of, measured, names, open_of
from scripts.cutover.report.words import lasted, moment
from scripts.cutover.running.standing import State
from scripts.runs.steps import duration
from scripts.runs.times import stamp

_BESIDE_BAR: Final = 54
"""The columns that the table of sides takes beside its bars, services and releases."""
_EVENTS: Final = 6
"""The rows that are kept for what happened."""
_CARRIED: Final = frozenset({State.OPEN, State.GOING_BACK, State.LEAVING})
_EVENT_STYLES: Final = {"good": "green", "bad": "bold red", "warn": "yellow"}


def whole(status: Status) -> Iterator[RenderableType]:
    """Both sides, what waits for somebody, and how every gate stands."""
    yield from _above(status, drawing.columns())
    yield from _decided(status, None)


def screen(status: Status, width: int, height: int) -> RenderableType:
    """It, as it fits a terminal of that size: gates that have not passed first, then events."""
    above = Group(*_above(status, width))
    rows = height - 1 - drawing.height(above, width)

    def gates(count: int) -> Group:
        return Group(*_decided(status, count))

    def takes(count: int) -> int:
        return drawing.height(gates(count), width)

    counts = range(max(rows - _EVENTS, 0) + 1)
    shown = max(bisect(counts, rows - _EVENTS, key=takes) - 1, 0)
    events = [
        (moment(each.at), Text(each.text, style=_EVENT_STYLES.get(each.kind, "")))
        for each in status.events
    ]
    return Group(above, gates(shown), *drawing.happened(events, width, rows - takes(shown)))


def _above(status: Status, width: int) -> Iterator[RenderableType]:
    """What is so, and what waits for somebody."""
    there = status.there
    run = f", run {there.run}" if there.run else ""
    yield Text(f"{status.target}: {there.state}{run}", style="bold")
    if status.problems:
        yield Text(f"The journal does not verify: {'; '.join(status.problems)}", style="bold red")
    if status.lease:
        yield Text(f"carried out by {status.lease.owner} since {stamp(status.lease.acquired)}")
    elif there.state in _CARRIED:
        yield Text(f"nobody carries it out now. To go on: {status.resume}", style="yellow")
    if there.unwell:
        first = there.unwell.partition("; ")[0]
        yield Padding(Text(f"Somebody has to look: {first}", style="bold red"), 0)
    yield from (Text(each, style="yellow") for each in status.owed)
    if there.cutover:
        yield _sides(status, there.cutover, width)
    yield from _waiting(status)
    yield from _back(status)


def _sides(status: Status, cutover: Cutover, width: int) -> RenderableType:
    """Traffic, health, errors and latency of both sides of each service, and the limits."""
    over: list[str] = []
    table = drawing.sides(("healthy", "requests", "errors", "slow"))
    called = (f"{service} {_short(each.new)}" for service, each in cutover.releases.items())
    bar = drawing.long(width, _BESIDE_BAR + max(map(len, called)))
    for service in cutover.order:
        shares, release = status.shares.get(service, Shares()), cutover.releases[service]
        errors, slow = (_share(status, f"{service}/{what}") for what in ("errors", "slower than"))
        old = None if shares.weight is None else ALL - shares.weight
        table.add_row(
            *drawing.side(f"{service} old {_short(release.old)}", OLD_STYLE, old, bar),
            drawing.healthy(shares.old, status.meant(service, is_new=False)),
            "",
            errors.baseline if errors else "",
            slow.baseline if slow else "",
        )
        table.add_row(
            *drawing.side(f"{service} new {_short(release.new)}", NEW_STYLE, shares.weight, bar),
            drawing.healthy(shares.new, status.meant(service, is_new=True)),
            errors.samples.partition(" ")[0] if errors else "",
            _value(errors),
            _value(slow),
        )
        if errors and slow:
            limits = (Text(_bare(each.limit), style="dim") for each in (errors, slow))
            table.add_row(Text(f"{service} limit", style="dim"), "", "", "", "", *limits)
            over.append(f"{service} over {slow.what.partition(' than ')[2]}")
    told = [Text(f"slow is {', '.join(over)}", style="dim")] if over else []
    return Group(table, *told)


def _share(status: Status, series: str) -> Measured | None:
    """How the share of `series` that rolls back by itself stood last."""
    known = gates_of(status.there.cutover)
    for each in reversed(status.decided):
        for reason in each.noted.reasons:
            gate = known.get(reason.gate)
            if not isinstance(gate, Share) or gate.action is not Action.ROLL_BACK:
                continue
            if gate.series.startswith(series) and reason.value is not None:
                return measured(reason, gate)
    return None


def _short(release: str) -> str:
    return release.removeprefix("sha256:")[:12]


def _bare(limit: str) -> str:
    """A limit without for how long."""
    return limit.partition(" for ")[0]


def _value(of: Measured | None) -> Text:
    if of is None:
        return Text("")
    return Text(of.value, style="bold red" if of.finding is Finding.BREACHED else "green")


def _waiting(status: Status) -> Iterator[Text]:
    """The time left of what is judged, or of a question."""
    if question := status.question:
        until = status.answer_until
        left = "" if until is None else f", {_left(until - status.now)}, then it rolls back"
        gates = names(question.gates, gates_of(status.there.cutover))
        yield Text(f"A person decides about {gates}{left}:", style="bold yellow")
        yield Text(f"  {status.answer}", style="yellow")
    elif status.last and (until := status.judged_until):
        left = until - status.now
        lasts = f"{_left(left)} at least" if left > 0 else "until every gate has passed"
        yield Text(f"{status.last.noted.stage} is judged: {lasts}", style="bold")


def _left(seconds: float) -> str:
    return f"{duration(max(seconds, 0))} left"


def _back(status: Status) -> Iterator[RenderableType]:
    """Why it goes back, and how much of its bound that has taken."""
    there = status.there
    if there.because is None:
        return
    allowed = "" if status.bound is None else f", allowed are {duration(status.bound)} (ROLL-01)"
    if there.seconds_back is not None:
        took = lasted(there.seconds_back)
        yield Text(f"back and verified {took} after the decision{allowed}", style="green")
    elif there.state is State.GOING_BACK:
        used = max(status.now - there.because.at, 0)
        is_late = status.bound is not None and used > status.bound
        rest = "" if status.bound is None or is_late else f"; {_left(status.bound - used)}"
        style = "bold red" if is_late else "yellow"
        yield Text(f"decided {lasted(used)} ago{allowed}{rest}", style=style)
    told = _told(status)
    if told is None or told.noted.kind is not Kind.ROLL_BACK:
        yield Padding(f"because: {there.because.why}", 0)


def _told(status: Status) -> Numbered | None:
    """The decision that matters: the one to go back, where there was one; else the last."""
    if status.there.because is None or status.there.unwell:
        return status.last
    back = (each for each in status.decided if each.noted.kind is Kind.ROLL_BACK)
    return next(back, status.last)


def _decided(status: Status, count: int | None) -> Iterator[RenderableType]:
    """The decision that matters, with so many of its gates; what has not passed in any case."""
    told = _told(status)
    if told is None:
        return
    noted, known = told.noted, gates_of(status.there.cutover)
    said = decided(noted, known, status.ends)
    at = f"decision {told.number} at {moment(noted.at)}"
    yield Padding(Text(f"{at}: {noted.stage}: {said}", style=STYLES[noted.kind]), 0)
    shown = noted.reasons if count is None else noted.reasons[: max(count, len(open_of(noted)))]
    if shown:
        table = drawing.gates(measured(each, known.get(each.gate)) for each in shown)
        yield Padding(table, (0, 0, 0, 2))
    if rest := len(noted.reasons) - len(shown):
        yield Text(f"  {rest} more passed", style="dim")
