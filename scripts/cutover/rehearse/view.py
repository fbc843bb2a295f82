"""What a rehearsal looks like: drawn anew on a terminal, lines as they come everywhere else."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import Final, TextIO, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.cutover.judgement.gates import Gate, Share
from scripts.cutover.judgement.limits import Period
from scripts.cutover.rehearse.faults import Fault
from scripts.cutover.rehearse.rehearsal import Seen
from scripts.cutover.rehearse.runtime import NEW, OLD, TOTAL
from scripts.cutover.report import drawing
from scripts.runs.journal import Entry

LATELY: Final = 5.0
"""The seconds that rates are of."""
_BESIDE_BAR: Final = 76
"""The columns that the table takes beside its bars."""


def happened(seen: Seen) -> list[tuple[float, str]]:
    """What has happened so far, and when: from the journal, and beside it."""
    told = ((_time(entry), line) for entry in seen.entries for line in _lines(entry))
    return sorted([*told, *seen.notes])


def _time(entry: Entry) -> float:
    return datetime.fromisoformat(entry.at).timestamp()


def _lines(entry: Entry) -> Iterator[str]:
    """`entry` for people, where it says something to them."""
    data = cast("Mapping[str, object]", entry.data)
    step = str(data.get("step", ""))
    match entry.kind:
        case "run.started":
            yield f"{data['command']} begins"
        case "run.resumed":
            yield "the run goes on"
        case "step.note" if "sequence" in data and (said := _decision(data)):
            yield said
        case "step.done" if "bound_seconds" in data:
            took, bound = (
                float(cast("float", data[name])) for name in ("seconds", "bound_seconds")
            )
            yield f"{step}: {took:.2f} s after the decision, allowed are {bound:.0f} s (ROLL-01)"
        case "step.done" if "judge" not in step:
            yield f"{step}: done"
        case "step.failed" if not str(data["error"]).startswith("going back"):
            yield f"{step}: failed: {data['error']}"
        case "run.done":
            yield "the run is done"
        case _:
            pass


def _decision(data: Mapping[str, object]) -> str | None:
    """A decision with what it rests on: value, limit, and the sentence that has the limit.

    One to hold says what changed since the one before; nothing is to be said where all is well.
    """
    reasons = cast("list[Mapping[str, object]]", data["reasons"])
    by_finding = {
        finding: [each for each in reasons if each["finding"] == finding]
        for finding in ("breached", "passed")
    }
    passed, breached = len(by_finding["passed"]), by_finding["breached"]
    match str(data["kind"]):
        case "continue":
            said = f"each of its {passed} gates has passed"
        case "hold" if passed == len(reasons):
            return None
        case "hold":
            left = len(reasons) - passed
            said = f"{left} gate{'s have' if left > 1 else ' has'} not passed yet"
        case _:
            said = "; ".join(f"{each['gate']}: {each.get('text', '')}" for each in breached)
    return f"{data['stage']}: {str(data['kind']).upper()}, decision {data['sequence']}: {said}"


class Lines:
    """Each thing that happens as one line, once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream
        self._told: Final = set[tuple[float, str]]()
        self._before = ""

    def show(self, seen: Seen) -> None:
        """Write what is new in `seen`."""
        now = _numbers(seen)
        for at, line in happened(seen):
            if (at, line) not in self._told:
                self._told.add((at, line))
                self._stream.write(f"{at - seen.began:6.1f} s  {line}\n")
        if now != self._before:
            self._before = now
            self._stream.write(f"{time.time() - seen.began:6.1f} s  {now}\n")
        self._stream.flush()


def _numbers(seen: Seen) -> str:
    """The phase, or what each side gets; no more than has to be said anew."""
    if seen.cutover is None:
        return seen.phase.partition(":")[0]
    return f"weights: {TOTAL - seen.metrics.weight} % old, {seen.metrics.weight} % new"


class Screen(drawing.Screen):
    """All of it on a terminal, drawn anew whenever there is something new."""

    def show(self, seen: Seen) -> None:
        """Draw `seen`."""
        self.draw(screen(seen, *self.console.size))


def screen(seen: Seen, width: int, height: int) -> RenderableType:
    """`seen` as it fits a terminal of that size."""
    above = Group(_sides(seen, width), _facts(seen))
    told = [(f"{at - seen.began:5.1f} s", _colored(line)) for at, line in happened(seen)]
    rows = height - 1 - drawing.height(above, width)
    return Group(above, *drawing.happened(told, width, rows))


def _sides(seen: Seen, width: int) -> Table:
    table = drawing.sides(("healthy", "requests", "errors", "P50", "P99"))
    metrics, scale = seen.metrics, seen.options.scale
    bar = drawing.long(width, _BESIDE_BAR)
    for side, weight in ((OLD, TOTAL - metrics.weight), (NEW, metrics.weight)):
        style = drawing.OLD_STYLE if side == OLD else drawing.NEW_STYLE
        last = metrics.sides[side][-1] if metrics.sides[side] else None
        meant = last.healthy + last.failing if last else 0
        table.add_row(
            *drawing.side(f"{side} {scale.release(side)}", style, weight, bar),
            drawing.healthy(last.healthy if last else 0, meant),
            f"{metrics.rate(side, LATELY):,.0f}/s",
            _share(metrics.errors(side, LATELY), _limit(seen, "/errors")),
            _ms(metrics.percentile(side, 0.5, LATELY), None),
            _ms(metrics.percentile(side, 0.99, LATELY), _slowest(seen)),
        )
    return table


def _share(value: float, limit: Share | None) -> Text:
    if not isfinite(value):
        return Text("none", style="dim")
    is_bad = limit is not None and value > limit.limit
    return Text(f"{value:.2%}", style="bold red" if is_bad else "green")


def _ms(value: float, limit: float | None) -> Text:
    if not isfinite(value):
        return Text("none", style="dim")
    is_bad = limit is not None and value > limit
    return Text(f"{value:.0f} ms", style="bold red" if is_bad else "green")


def _facts(seen: Seen) -> Text:
    """Where it stands, in words."""
    users = seen.users
    said = Text(
        f"{seen.place}; {seen.phase}; users sent {users.get('sent', 0):,} requests, "
        f"{users.get('failed', 0):,} failed; {time.time() - seen.began:.0f} s",
        style="dim",
    )
    errors, slowest = _limit(seen, "/errors"), _slowest(seen)
    if errors and slowest:
        said.append(
            f"\nlimits of the deployment window: errors {errors.limit:.1%} ({errors.cited}), "
            f"P99 {slowest:.0f} ms"
        )
    if seen.faulty_since:
        past = time.time() - seen.faulty_since
        said.append(f"\n{seen.options.faulty}, for {past:.0f} s", style="yellow")
    elif seen.options.faulty.fault is not Fault.NONE:
        said.append(f"\n{seen.options.faulty}, from {seen.options.faulty.at} % on")
    return said


def _limit(seen: Seen, series: str) -> Share | None:
    """The first gate on a series that ends with `series`: it rolls back by itself."""
    return next(
        (each for each in _window(seen) if isinstance(each, Share) and series in each.series),
        None,
    )


def _slowest(seen: Seen) -> float | None:
    """The milliseconds beyond which the P99 rolls back."""
    gate = _limit(seen, "slower than")
    return float(gate.series.rpartition(" ")[2]) if gate else None


def _window(seen: Seen) -> tuple[Gate, ...]:
    if seen.cutover is None:
        return ()
    steps = seen.cutover.plan.steps
    return next((each.gates for each in steps if each.period is Period.WINDOW), ())


def _colored(line: str) -> Text:
    said = ((style, f": {kind.upper()}") for kind, style in drawing.STYLES.items())
    style = next((style for style, word in said if word in line), "")
    return Text(line, style=style, overflow="fold")
