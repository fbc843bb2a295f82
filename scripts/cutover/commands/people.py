"""`slipway cutover rollback`, `abort` and `answer`: what people decide, done at once."""

import sys
from dataclasses import replace
from time import monotonic, sleep
from typing import Final

from scripts.cutover.commands.ending import end
from scripts.cutover.commands.trouble import troubles
from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.observations import Answer
from scripts.cutover.planning.request import Cutover, RequestError
from scripts.cutover.running.answers import give_answer, give_order
from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import stand_of, take_back
from scripts.cutover.running.record import NotedQuestion
from scripts.cutover.running.restoring import restore, reversed_releases
from scripts.cutover.running.standing import Standing, State, has_left
from scripts.cutover.session import Options, Session, opened
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import read_approvers
from scripts.runs.lease import TAKEN_OVER, LeaseHeldError
from scripts.runs.runner import Outcome as Ran
from scripts.runs.runner import execute
from scripts.runs.times import utc_now
from scripts.telling import tell

_PATIENCE: Final = TAKEN_OVER.total_seconds()
"""How long a lease is waited for: longer than one of somebody who is gone can last."""
_BETWEEN: Final = 3.0
_ASKING: Final = {State.OPEN, State.DONE, State.UNWELL, State.TAKEN_BACK}


class RestoreError(CommandError):
    """The releases of before do not come up again."""


def rollback_command(
    options: Options, *, because: str, only_open: bool, execute: bool, as_json: bool
) -> int:
    """Put all traffic back on the old sides, or say how; with `only_open` of a run under way."""
    with opened(options) as session:
        there = session.standing()
        if there.state is State.TAKEN_BACK:
            sys.stdout.write(f"{session.target}: it is back already (run {there.run})\n")
            return ExitCode.DONE
        cutover = _refused(session, there, only_open=only_open)
        why = f"{options.operator}: {because or 'decided so'}"
        if not execute:
            sys.stdout.write(_would(cutover, are_gone=has_left(there.entries)))
            for line in troubles(session):
                tell(f"This keeps nothing from going back: {line}")
            return ExitCode.DONE
        at = there.because or Because(of=there.run, why=why, at=utc_now().timestamp())
        return _taken_back(replace(session, back=there), there, cutover, at, as_json=as_json)


def _would(cutover: Cutover, *, are_gone: bool) -> str:
    """What a rollback would do, for people."""
    services = ", ".join(reversed(cutover.order))
    old = ", ".join(f"{name} {each.old}" for name, each in cutover.releases.items())
    first = (
        f"The old sides are gone: would start {old} again, in full, first.\n" if are_gone else ""
    )
    return (
        f"{first}Would send all traffic back to the old sides, one change of weight each: "
        f"{services}.\nNothing was changed; --execute does it, and asks nothing.\n"
    )


def _refused(session: Session, there: Standing, *, only_open: bool) -> Cutover:
    """The cutover that can be taken back.

    Raises:
        RequestError: there is none.
    """
    if there.cutover is None or there.state in {State.NONE, State.REFUSED}:
        raise RequestError(f"{session.target}: there is nothing to take back: {there.state}")
    if only_open and there.state in {State.DONE, State.UNWELL}:
        raise RequestError(
            f"{session.target}: the cutover is done. To take it back: slipway cutover rollback "
            f"{session.environment.name} --execute"
        )
    return there.cutover


def _taken_back(
    session: Session, there: Standing, cutover: Cutover, because: Because, *, as_json: bool
) -> int:
    """Take it back here, or have it taken back by whoever carries it out now."""
    hooks, ends = session.hooks(cutover), monotonic() + _PATIENCE
    are_gone, is_told, restored = has_left(there.entries), False, None
    if are_gone and hooks.database.after:
        raise RequestError(
            f"{session.target}: its change of the database ({cutover.database}) was finished, and "
            "the old release does not run on what that left. Release one that does"
        )
    if are_gone:
        first = tuple(step.timeout for step in restore(cutover, because.of).steps)
        hooks = replace(hooks, before_back=first)
    with session.told(), session.world_of(cutover) as world:
        while True:
            now = session.standing()
            if is_told and now.state is State.TAKEN_BACK:
                sys.stdout.write(f"{session.target}: taken back by whoever carried it out\n")
                return ExitCode.DONE
            try:
                if are_gone and not restored:
                    restored = _restored(session, cutover, because)
                # What they decided already is gone on with: it is what the bound counts from.
                why = now.because or because
                ended = take_back(cutover, why, world, session.setting, hooks, restored)
                return end(session, cutover, ended, as_json=as_json)
            except LeaseHeldError as held:
                if not is_told:
                    _order(session, because)
                    tell(f"{held}\n  It was told to go back; waiting until it has.")
                    is_told = True
                if monotonic() > ends and session.standing().state is not State.GOING_BACK:
                    raise
                sleep(_BETWEEN)


def _restored(session: Session, cutover: Cutover, because: Because) -> Ran:
    """The run that brought the releases of before up again (ROLL-11).

    Raises:
        CommandError: they do not come up; traffic is where it was.
    """
    again = f"slipway cutover rollback {session.environment.name} --execute"
    setting = replace(session.setting, resume=again)
    with session.world(reversed_releases(cutover), {}) as world:
        ran = execute(restore(cutover, because.of), stand_of(cutover, world, setting), setting)
    if ran.code is not ExitCode.DONE:
        raise RestoreError(ran.message)
    return ran


def _order(session: Session, because: Because) -> None:
    setting = session.setting
    give_order(session.store, session.target, setting.owner, run=because.of, why=because.why)


def answer_command(options: Options, answer: Answer, *, because: str) -> int:
    """Answer the question that is open (ROLL-10)."""
    with opened(options) as session:
        there = session.standing()
        question = open_question(there)
        if question is None:
            raise RequestError(f"{session.target}: no question is open: {there.state}")
        if answer is Answer.GO_ON:
            _require_named(options, session)
        give_answer(
            session.store,
            session.target,
            session.setting.owner,
            run=there.entries[-1].run,
            number=question.number,
            answer=answer,
            why=because,
        )
        gates = ", ".join(question.gates)
        sys.stdout.write(f"Question {question.number} ({gates}): {answer}, by {options.operator}\n")
        return ExitCode.DONE


def _require_named(options: Options, session: Session) -> None:
    """Whoever lets users stay on what is in doubt is named beforehand; back it goes for anybody.

    Raises:
        RequestError: the file of approvers does not know them.
    """
    if not session.environment.must("ROLL-10"):
        return
    operator, file, now = options.operator, options.approvers, utc_now()
    known = read_approvers(file).named(operator) if file.exists() else []
    if not any(key.is_valid(now) for key in known):
        raise RequestError(
            f"{operator} is not named in {file}, whose people decide that it goes on (ROLL-10): "
            "--operator NAME, --approvers FILE. Anybody may answer roll-back"
        )


def open_question(there: Standing) -> NotedQuestion | None:
    """What waits for an answer, the first of it."""
    decided = there.decisions
    if there.state not in _ASKING or not decided:
        return None
    # What went by its default afterwards, and led nowhere, may be answered still.
    if decided[-1].kind is not Kind.ASK and not there.unwell:
        return None
    waiting = [each for each in decided[-1].questions.values() if each.answer is None]
    return min(waiting, key=lambda each: each.number, default=None)
