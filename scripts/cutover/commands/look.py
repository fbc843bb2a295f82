"""`slipway cutover status`, `history` and `explain`: what is so, and why."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import sleep
from typing import Any, Final

from scripts.cutover.commands.people import open_question
from scripts.cutover.planning.request import RequestError
from scripts.cutover.running.record import BACK, FORWARD, WATCH, Noted
from scripts.cutover.running.standing import Standing, State, readable
from scripts.cutover.session import Options, Session, opened
from scripts.exits import CommandError, ExitCode
from scripts.runs.journal import Entry
from scripts.runs.steps import duration
from scripts.runs.times import stamp, utc_now

_REFRESH: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[J"
_SHOWN: Final = 8
"""How many reasons the status shows."""
_OVER: Final = {State.NONE, State.REFUSED, State.DONE, State.TAKEN_BACK}


def status_command(options: Options, *, follow: bool, as_json: bool) -> int:
    """Show where the last cutover stands; with `follow` until it has ended."""
    with opened(options) as session:
        while True:
            there = session.standing()
            said = _status(session, there)
            if as_json:
                sys.stdout.write(json.dumps(said, indent=None if follow else 2) + "\n")
            else:
                clear = _CLEAR if follow and sys.stdout.isatty() else ""
                sys.stdout.write(clear + "\n".join(_lines(session, there, said)) + "\n")
            sys.stdout.flush()
            if not follow or there.state in _OVER:
                return ExitCode.DONE if there.state in _OVER else ExitCode.PENDING
            sleep(_REFRESH)


def history_command(options: Options, *, as_json: bool) -> int:
    """List the runs in the journal."""
    with opened(options) as session:
        runs = list(_runs(readable(session.store, session.target)))
        if as_json:
            sys.stdout.write(json.dumps(runs, indent=2) + "\n")
        elif not runs:
            sys.stdout.write(f"{session.target}: no cutover yet\n")
        else:
            lines = [
                f"{each['started']}  {each['run']}  {each['command']:<16}  {each['by']:<12}  "
                f"{each['ended']}"
                for each in runs
            ]
            sys.stdout.write("\n".join(lines) + "\n")
        return ExitCode.DONE


def explain_command(options: Options, *, run: str | None, number: int | None, as_json: bool) -> int:
    """Show decisions with their values, baselines and what they cite."""
    with opened(options) as session:
        entries = readable(session.store, session.target)
        asked = run or next(
            (each.run for each in reversed(entries) if _decides(each)), session.standing().run
        )
        found = [
            (entry, Noted.model_validate(entry.data))
            for entry in entries
            if entry.run == asked and _decides(entry)
        ]
        if number is not None:
            found = [each for each in found if each[1].sequence == number]
        if not found:
            raise RequestError(f"{session.target}: no such decision; `history` lists the runs")
        if as_json:
            said = [{"run": asked, "at": entry.at, **entry.data} for entry, _ in found]
            sys.stdout.write(json.dumps(said, indent=2) + "\n")
        else:
            lines = [line for entry, each in found for line in _explained(entry, each)]
            sys.stdout.write("\n".join(lines) + "\n")
        return ExitCode.DONE


def _decides(entry: Entry) -> bool:
    return entry.kind == "step.note" and "sequence" in entry.data


def _explained(entry: Entry, decision: Noted) -> Iterator[str]:
    yield f"{decision.sequence}. {entry.at}  {decision.kind}  ({decision.stage})"
    for reason in decision.reasons:
        values = [
            f"{name} {value:.6g}"
            for name, value in (
                ("value", reason.value),
                ("baseline", reason.baseline),
                ("limit", reason.limit),
            )
            if value is not None
        ]
        samples = f" of {reason.samples:,.0f}" if reason.samples else ""
        yield f"   {reason.finding:<9} {reason.gate} [{reason.cited}] {', '.join(values)}{samples}"
        if reason.text:
            yield f"             {reason.text}"
    for stage, question in decision.questions.items():
        said = f"{question.answer} by {question.by}" if question.answer else "open"
        yield f"   question {question.number} about {stage}: {', '.join(question.gates)}: {said}"


def _runs(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    for start in entries:
        if start.kind != "run.started" or start.data["command"] not in {FORWARD, BACK, WATCH}:
            continue
        own = [entry for entry in entries if entry.run == start.run]
        last = next(entry for entry in reversed(own) if entry.kind.startswith("run."))
        decided = [Noted.model_validate(entry.data) for entry in own if _decides(entry)]
        yield {
            "run": start.run,
            "command": start.data["command"],
            "started": start.at,
            "by": start.by,
            "ended": last.kind.removeprefix("run.") if last is not start else "under way",
            "decisions": len(decided),
            "last_decision": decided[-1].kind.value if decided else None,
        }


def _status(session: Session, there: Standing) -> dict[str, Any]:
    decided, question = there.decisions, open_question(there)
    last = decided[-1] if decided else None
    lease = session.store.lease(session.target)
    is_held = lease and not lease.released and lease.expires > utc_now()
    return {
        "target": session.target,
        "state": there.state.value,
        "run": there.run,
        "releases": {
            name: {"old": each.old, "new": each.new}
            for name, each in (there.cutover.releases.items() if there.cutover else ())
        },
        "weights": _weights(session, there),
        "step": next(
            (str(each.data["step"]) for each in reversed(there.entries) if "step" in each.data),
            None,
        ),
        "carried_out_by": str(lease.owner) if lease and is_held else None,
        "since": stamp(lease.acquired) if lease and is_held else None,
        "decision": last.model_dump(mode="json") if last else None,
        "question": question.model_dump(mode="json") if question else None,
        "because": there.because.why if there.because else None,
        "decision_to_verified_seconds": there.seconds_back,
    }


def _weights(session: Session, there: Standing) -> Mapping[str, int | None]:
    """What the load balancers say now; nothing of it where they cannot be asked."""
    if there.cutover is None:
        return {}
    try:
        with session.world_of(there.cutover) as world:
            return {name: world.sides[name].weight() for name in there.cutover.order}
    except (CommandError, TimeoutError):
        return dict.fromkeys(there.cutover.order)


def _lines(session: Session, there: Standing, said: Mapping[str, Any]) -> Iterator[str]:
    yield f"{session.target}: {there.state}" + (f" (run {there.run})" if there.run else "")
    for name, weight in said["weights"].items():
        each = said["releases"][name]
        share = "? " if weight is None else f"{weight:>3}"
        filled = "#" * ((weight or 0) // 5)
        yield f"  {name:<12} {share} % [{filled:<20}] {each['old'][:19]} -> {each['new'][:19]}"
    if said["carried_out_by"]:
        yield f"  carried out by {said['carried_out_by']} since {said['since']}"
    elif there.state in {State.OPEN, State.GOING_BACK, State.LEAVING}:
        yield f"  nobody carries it out now. To go on: {session.options.resume}"
    if said["because"]:
        yield f"  because: {said['because']}"
    if there.seconds_back is not None:
        yield f"  back and verified {duration(there.seconds_back)} after the decision"
    decided = there.decisions
    if decided:
        last = decided[-1]
        at = datetime.fromtimestamp(last.at, UTC)
        yield f"  decision {last.sequence} at {stamp(at)}: {last.kind} ({last.stage})"
        for reason in last.reasons[:_SHOWN]:
            yield f"    {reason.finding:<9} {reason.gate}" + (
                f": {reason.text}" if reason.text else ""
            )
    if question := said["question"]:
        environment = session.environment.name
        yield f"  question {question['number']}: {', '.join(question['gates'])}"
        yield f"    to answer: slipway cutover answer {environment} go-on|roll-back"
