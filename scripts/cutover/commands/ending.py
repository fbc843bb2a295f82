"""What is left of a cutover: evidence of each run, the page of all, and a word to people."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.conductor import Ended, Outcome
from scripts.cutover.running.standing import State, readable, standing
from scripts.cutover.session import Session
from scripts.exits import ExitCode
from scripts.runs.canonical import Json
from scripts.runs.evidence import About, Change, Signature, collect, seal
from scripts.runs.journal import Journal, Store
from scripts.runs.runner import Outcome as Ran
from scripts.runs.steps import duration
from scripts.runs.times import utc_now
from scripts.telling import tell

_SHA256 = "sha256:"


def end(
    session: Session,
    cutover: Cutover,
    ended: Ended,
    facts: Mapping[str, Json] | None = None,
    *,
    as_json: bool,
) -> int:
    """Write evidence and report, and say how it ended; `facts` say who let it in."""
    files = [
        _evidence(
            session,
            ended.store or session.store,
            cutover,
            ran,
            {} if _is_back(ended, ran) else facts or {},
        )
        for ran in ended.runs
    ]
    report = _report(session, ended, files)
    if as_json:
        said = {
            "outcome": ended.outcome.value,
            "code": ended.code,
            "why": ended.why,
            "decision_to_verified_seconds": ended.seconds,
            "bound_seconds": ended.bound,
            "is_within_bound": ended.is_within_bound,
            "runs": [ran.run for ran in ended.runs],
            "evidence": [str(file) for file in files],
            "report": str(report),
            "message": ended.message,
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
        return ended.code
    if ended.code is not ExitCode.DONE:
        tell(f"slipway: {_said(ended)}")
    files_ = [*(f"  Evidence: {file}" for file in files), f"  Report: {report}"]
    sys.stdout.write("\n".join([_headline(session, ended), *files_]) + "\n")
    if next_ := _next(session):
        tell(next_)
    operator = session.options.operator
    for file in files:
        tell(f"  To sign it: slipway evidence sign {file} --by {operator!r} --role lead --key FILE")
    return ended.code


def _next(session: Session) -> str | None:
    """What is done about it next, by a schedule or by hand."""
    there = session.standing()
    if there.is_watched or there.state not in {State.DONE, State.TAKEN_BACK}:
        return None
    what = "its first week" if there.state is State.DONE else "the old side"
    return f"  To watch {what}: slipway cutover watch {session.environment.name} --execute"


def _said(ended: Ended) -> str:
    """Why the exit code is not 0."""
    match ended.outcome:
        case Outcome.ROLLED_BACK | Outcome.LATE:
            taken, bound = duration(ended.seconds or 0), duration(ended.bound or 0)
            missed = "" if ended.is_within_bound else f", BEYOND its bound of {bound} (ROLL-01)"
            return f"rolled back, verified {taken} after the decision{missed}"
        case Outcome.INTERRUPTED | Outcome.PENDING:
            return ended.message
        case _:
            return f"{ended.outcome}: {ended.message}"


def _headline(session: Session, ended: Ended) -> str:
    """What happened, as the page has it."""
    from scripts.cutover.report.headline import headline  # noqa: PLC0415 - as the page is
    from scripts.cutover.report.story import told  # noqa: PLC0415

    there = standing(readable(ended.store or session.store, session.target))
    story = told(there.entries)
    return f"{story.outcome}. {headline(story)}"


def _is_back(ended: Ended, ran: Ran) -> bool:
    return bool(ended.why) and ran is ended.runs[-1]


def _evidence(
    session: Session, store: Store, cutover: Cutover, ran: Ran, facts: Mapping[str, Json]
) -> Path:
    """The evidence of one run; a way back is let in by what made it needed."""
    entries = Journal(ran.journal, store).entries()
    given = cast("Sequence[Mapping[str, Json]]", facts.get("approvals", ()))
    about = About(
        tier=cutover.tier,
        change=Change(str(facts.get("change", cutover.change))) if facts else Change.EMERGENCY,
        repeatable=False,
        hashes={**_hashes(cutover), **cast("Mapping[str, str]", facts.get("hashes", {}))},
        costs={},
        approvals=[Signature.model_validate(each) for each in given],
    )
    folder = session.state / "evidence"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{ran.run}.json"
    seal(collect(entries, ran.run, about), []).write(path)
    return path


def _hashes(cutover: Cutover) -> dict[str, str]:
    """What was released, by its digest."""
    return {
        service: each.new.removeprefix(_SHA256)
        for service, each in cutover.releases.items()
        if each.new.startswith(_SHA256)
    }


def _report(session: Session, ended: Ended, evidence: Sequence[Path]) -> Path:
    # Loaded at the end: as long as traffic moves, nothing is kept for drawing.
    from scripts.cutover.report.page import write_report  # noqa: PLC0415

    there = standing(readable(ended.store or session.store, session.target))
    folder = session.state / "reports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    run = there.run or (ended.runs[-1].run if ended.runs else f"{utc_now():%Y%m%dT%H%M%SZ}")
    path = folder / f"{run}.html"
    write_report(path, there.entries, evidence)
    return path
