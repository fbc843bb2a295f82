"""`slipway cutover rollback`, `abort` and `answer`: what people decide, done at once."""

import sys
from time import monotonic, sleep
from typing import Final

from scripts.cutover.commands.ending import end
from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.observations import Answer
from scripts.cutover.planning.request import Cutover, RequestError
from scripts.cutover.running.answers import give_answer, give_order
from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import take_back
from scripts.cutover.running.record import NotedQuestion
from scripts.cutover.running.standing import Standing, State, has_left
from scripts.cutover.session import Options, Session, opened
from scripts.exits import ExitCode
from scripts.runs.lease import TAKEN_OVER, LeaseHeldError
from scripts.runs.times import utc_now
from scripts.telling import tell

_PATIENCE: Final = TAKEN_OVER.total_seconds()
"""How long a lease is waited for: longer than one of somebody who is gone can last."""
_BETWEEN: Final = 3.0
_ASKING: Final = {State.OPEN, State.DONE, State.UNWELL, State.TAKEN_BACK}


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
            services = ", ".join(reversed(cutover.order))
            sys.stdout.write(
                f"Would send all traffic back to the old sides, one change of weight each: "
                f"{services}.\nNothing was changed; --execute does it, and asks nothing.\n"
            )
            return ExitCode.DONE
        at = there.because or Because(of=there.run, why=why, at=utc_now().timestamp())
        return _taken_back(session, cutover, at, as_json=as_json)


def _refused(session: Session, there: Standing, *, only_open: bool) -> Cutover:
    """The cutover that can be taken back.

    Raises:
        RequestError: there is none, or no weight leads back any more.
    """
    if there.cutover is None or there.state in {State.NONE, State.REFUSED}:
        raise RequestError(f"{session.target}: there is nothing to take back: {there.state}")
    if only_open and there.state is State.DONE:
        raise RequestError(
            f"{session.target}: the cutover is done. To take it back: slipway cutover rollback "
            f"{session.environment.name} --execute"
        )
    if has_left(there.entries):
        old = " ".join(
            f"--image {name}={each.old}" for name, each in there.cutover.releases.items()
        )
        raise RequestError(
            f"{session.target}: the old sides are gone, so that no weight leads back. Its releases "
            f"are kept: slipway cutover run {session.environment.name} {old} --emergency --execute"
        )
    return there.cutover


def _taken_back(session: Session, cutover: Cutover, because: Because, *, as_json: bool) -> int:
    """Take it back here, or have it taken back by whoever carries it out now."""
    hooks, ends = session.hooks(cutover), monotonic() + _PATIENCE
    is_told = False
    with session.world_of(cutover) as world:
        while True:
            try:
                ended = take_back(cutover, because, world, session.setting, hooks)
                return end(session, cutover, ended, as_json=as_json)
            except LeaseHeldError as held:
                if not is_told:
                    _order(session, because)
                    tell(f"{held}\n  It was told to go back; waiting until it has.")
                    is_told = True
                if session.standing().state is State.TAKEN_BACK:
                    sys.stdout.write(f"{session.target}: taken back by whoever carried it out\n")
                    return ExitCode.DONE
                if monotonic() > ends and session.standing().state is not State.GOING_BACK:
                    raise
                sleep(_BETWEEN)


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
