"""`slipway cutover watch`: a look at what is over, by a schedule, until its time is over, too."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, cast

from scripts.cutover.commands.ending import end
from scripts.cutover.commands.trouble import refuse, unverified
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.back import VERIFIED
from scripts.cutover.running.conductor import Ended, Outcome, look_later
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.later import Since, later, until
from scripts.cutover.running.record import MINUTES
from scripts.cutover.running.standing import Standing, State
from scripts.cutover.session import Options, Session, opened
from scripts.exits import ExitCode
from scripts.runs.times import stamp

_IDLE: Final = {State.NONE, State.REFUSED}
_OVER: Final = {State.DONE, State.UNWELL, State.LEAVING, State.TAKEN_BACK}


def watch_command(options: Options, *, execute: bool, as_json: bool) -> int:
    """Look once at a release after its first minutes, or at the old side after a rollback."""
    with opened(options) as session:
        refuse(unverified(session))
        there = session.standing()
        since = _since(there)
        if there.cutover is None or since is None:
            is_idle = there.state in _IDLE
            said = (
                "nothing is to be watched" if is_idle else "it is watched by whoever carries it out"
            )
            outcome = Outcome.DONE if is_idle else Outcome.PENDING
            return _say(f"{session.target}: {there.state}: {said}", outcome, as_json=as_json)
        if there.is_watched:
            return _say(_ended(session, there.cutover, since), Outcome.DONE, as_json=as_json)
        if not execute:
            sys.stdout.write("\n".join(_shown(session, there.cutover, since)) + "\n")
            return ExitCode.DONE
        ended = _looked(session, there.cutover, since)
        if ended.outcome is Outcome.PENDING:  # the evidence of its run is written at its end
            return _say(ended.message, ended.outcome, as_json=as_json)
        return end(session, there.cutover, ended, as_json=as_json)


def _since(there: Standing) -> Since | None:
    """When what is watched was over: the first minutes of a release, or a rollback."""
    if there.state not in _OVER:
        return None
    is_back = there.state is State.TAKEN_BACK
    last = VERIFIED if is_back else MINUTES
    for entry in reversed(there.entries):
        if entry.kind == "step.done" and entry.data["step"] == last:
            at = float(cast("float", entry.data["at"]))
            return Since(run=there.run, at=at, is_back=is_back)
    return None


def _looked(session: Session, cutover: Cutover, since: Since) -> Ended:
    again = f"slipway cutover watch {session.environment.name} --execute"
    setting = replace(session.setting, resume=again)
    hooks = session.hooks(cutover)
    with session.told(), session.world_of(cutover) as world:
        return look_later(cutover, since, world, setting, hooks)


def _shown(session: Session, cutover: Cutover, since: Since) -> Iterator[str]:
    """What is watched, until when, and what a look does."""
    what = "the old side after its rollback" if since.is_back else "the release of"
    yield f"{session.target}: {what} run {since.run}, until {_at(until(cutover, since))}"
    for number, step in enumerate(later(cutover, since, Hooks()).steps, 1):
        yield f"  {number}. {step.title}: {step.does}"
    yield "Nothing was looked at; --execute looks once, and writes down what it finds."


def _ended(session: Session, cutover: Cutover, since: Since) -> str:
    """What is so once the watch has ended well."""
    over = f"{session.target}: the watch of run {since.run} has ended well"
    if since.is_back:
        return over
    alarms = ", ".join(sorted(cutover.alarms)) or "the stack's alarms"
    return f"{over}; in steady state alarms watch (MON-12, ROLL-08): {alarms}"


def _at(at: float) -> str:
    return stamp(datetime.fromtimestamp(at, UTC))


def _say(message: str, outcome: Outcome, *, as_json: bool) -> int:
    code = ExitCode.DONE if outcome is Outcome.DONE else ExitCode.PENDING
    if as_json:
        said = {"outcome": outcome.value, "code": code, "message": message}
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        sys.stdout.write(f"{message}\n")
    return code
