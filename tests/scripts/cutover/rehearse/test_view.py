"""What people see of a rehearsal, drawn and in lines."""

from io import StringIO
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from scripts.cutover.rehearse.faults import Fault
from scripts.cutover.rehearse.options import planned
from scripts.cutover.rehearse.rehearsal import Seen
from scripts.cutover.rehearse.runtime import NEW, OLD
from scripts.cutover.rehearse.view import Lines, Screen, happened
from scripts.runs.journal import Entry
from tests.scripts.cutover.rehearse.options import BASELINE, made
from tests.scripts.cutover.rehearse.test_metrics import buckets, interval

BREACHED: dict[str, JsonValue] = {
    "gate": "web/errors (ROLL-07 error_rate_above_percent)",
    "cited": "ROLL-07 error_rate_above_percent",
    "finding": "breached",
    "text": "9.000% of 100 requests that fail, limit 1.000%",
}
PASSED: dict[str, JsonValue] = {
    "gate": "web/health (ROLL-07)",
    "cited": "ROLL-07",
    "finding": "passed",
}


def entry(second: int, entry_kind: str, **data: JsonValue) -> Entry:
    """An entry of the journal, so many seconds after the start."""
    return Entry(
        journal="rehearsal/cutover",
        sequence=second,
        previous="",
        at=f"2026-11-21T12:00:{second:02}.000Z",
        by="rehearsal",
        run="1",
        kind=entry_kind,
        data=data,
        hash="",
    )


def decision(second: int, kind: str, *reasons: JsonValue) -> Entry:
    """A decision."""
    return entry(
        second, "step.note", sequence=second, kind=kind, stage="web 10 %", reasons=list(reasons)
    )


def seen() -> Seen:
    """A rehearsal whose release fails, taken back after seven seconds."""
    options = made(Path("nowhere"), Fault.ERRORS)
    found = Seen(options=options, began=1795262400.0, place="HAProxy on 127.0.0.1:4711")
    found.cutover = planned(options, BASELINE, 1500)
    found.entries = [
        entry(1, "run.started", command="cutover run", plan="0"),
        entry(2, "step.done", step="web weight 10", at=1795262402.0),
        decision(3, "hold", PASSED),
        decision(4, "hold", PASSED, {**PASSED, "finding": "undecided"}),
        decision(5, "roll back", BREACHED, PASSED),
        entry(5, "step.failed", step="web judge 10", error="going back: as decided"),
        entry(7, "step.done", step="verified", seconds=0.25, bound_seconds=320.0),
        entry(8, "run.done"),
    ]
    found.notes.append((1795262404.5, "somebody looked"))
    now = 4102444800.0  # far ahead: what is lately is what there is
    found.metrics.weight = 10
    found.metrics.sides[OLD].append(interval(now, buckets(ms90=90)))
    found.metrics.sides[NEW].append(interval(now, buckets(ms90=10)))
    return found


def test_says_each_thing_that_happens_in_its_order() -> None:
    """Decisions with what they rest on; what only holds and is well says nothing."""
    assert [line for _, line in happened(seen())] == [
        "cutover run begins",
        "web weight 10: done",
        "web 10 %: HOLD, decision 4: 1 gate has not passed yet",
        "somebody looked",
        f"web 10 %: ROLL BACK, decision 5: {BREACHED['gate']}: {BREACHED['text']}",
        "verified: 0.25 s after the decision, allowed are 320 s (ROLL-01)",
        "the run is done",
    ]


def test_says_it_once() -> None:
    """Where it is no terminal: a line for each, and one for each weight."""
    stream = StringIO()
    lines, there = Lines(stream), seen()
    lines.show(there)
    first = stream.getvalue()
    lines.show(there)
    assert stream.getvalue() == first
    assert "   2.0 s  web weight 10: done\n" in first
    assert "weights: 90 % old, 10 % new" in first


def test_draws_both_sides_and_fits_the_newest_into_a_small_terminal() -> None:
    """Weights as bars, rates against their limits, and the last lines whatever the height."""
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=100, height=14, color_system=None)
    with Screen(console) as screen:
        screen.show(seen())
    drawn = stream.getvalue()
    assert "old web-1  █████████████████████" in drawn
    assert "90 %" in drawn
    assert "P99 600 ms" in drawn
    assert "errors 1.0% (ROLL-07 error_rate_above_percent)" in drawn
    assert "the run is done" in drawn
    assert "cutover run begins" not in drawn
