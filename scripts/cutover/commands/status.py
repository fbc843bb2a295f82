"""`slipway cutover status`: where the last cutover stands, once or until it has ended."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from time import sleep
from typing import Any, Final

from rich.console import Console

from scripts.cutover.commands import view
from scripts.cutover.commands.seeing import Eyes, Status
from scripts.cutover.report.drawing import Screen, write
from scripts.cutover.running.standing import State
from scripts.cutover.session import Options, opened
from scripts.exits import ExitCode
from scripts.runs.times import stamp

_OVER: Final = frozenset({State.NONE, State.REFUSED, State.DONE, State.UNWELL, State.TAKEN_BACK})
_REFRESH: Final = 1.0
"""Seconds between two looks."""


def status_command(options: Options, *, follow: bool | None, as_json: bool) -> int:
    """Show where the last cutover stands; on a terminal until it has ended, unless told once."""
    console = Console()
    is_drawn = console.is_terminal and not console.is_dumb_terminal and not as_json
    with opened(options) as session, ExitStack() as stack:
        eyes = Eyes(session=session, stack=stack)
        status = eyes.status()
        if is_drawn and follow is not False and status.there.state not in _OVER:
            screen = stack.enter_context(Screen(console))
            status = _follow(eyes, lambda now: screen.draw(view.screen(now, *console.size)))
        elif follow:
            status = _follow(eyes, _Lines(as_json=as_json).show)
        else:
            _Lines(as_json=as_json, indent=2).show(status)
        if status.problems or status.there.unwell:
            return ExitCode.FAILED
        return ExitCode.DONE if status.there.state in _OVER else ExitCode.PENDING


def _follow(eyes: Eyes, show: Callable[[Status], None]) -> Status:
    """Show it again and again until it has ended."""
    while True:
        status = eyes.status()
        show(status)
        if status.there.state in _OVER:
            return status
        sleep(_REFRESH)


class _Lines:
    """It as text, each time that more than the time is another."""

    def __init__(self, *, as_json: bool, indent: int | None = None) -> None:
        self._as_json: Final = as_json
        self._indent: Final = indent
        self._before: Status | None = None

    def show(self, status: Status) -> None:
        """Write `status`, where it is new."""
        before, self._before = self._before, replace(status, now=0.0)
        if self._before == before:
            return
        if self._as_json:
            sys.stdout.write(json.dumps(_as_json(status), indent=self._indent) + "\n")
        else:
            write(*view.whole(status))
        sys.stdout.flush()


def _as_json(status: Status) -> dict[str, Any]:
    there, lease, last = status.there, status.lease, status.last
    question = status.question
    return {
        "target": status.target,
        "state": there.state.value,
        "run": there.run,
        "releases": {
            name: asdict(each)
            for name, each in (there.cutover.releases.items() if there.cutover else ())
        },
        "weights": {name: each.weight for name, each in status.shares.items()},
        "healthy": {
            name: {"old": each.old, "new": each.new} for name, each in status.shares.items()
        },
        "step": next(
            (str(each.data["step"]) for each in reversed(there.entries) if "step" in each.data),
            None,
        ),
        "carried_out_by": str(lease.owner) if lease else None,
        "since": stamp(lease.acquired) if lease else None,
        "decision": last and {"number": last.number, **last.noted.model_dump(mode="json")},
        "judged_until": status.judged_until,
        "question": question.model_dump(mode="json") if question else None,
        "answer_until": status.answer_until,
        "answer": status.answer if question else None,
        "unwell": there.unwell or None,
        "because": there.because.why if there.because else None,
        "decided_back_at": there.because.at if there.because else None,
        "decision_to_verified_seconds": there.seconds_back,
        "rollback_bound_seconds": status.bound,
        "journal_problems": list(status.problems),
        "owed": list(status.owed),
        "at": status.now,
    }
