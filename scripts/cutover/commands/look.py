"""`slipway cutover history` and `explain`: what was done, and why."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scripts.cutover.commands.trouble import code_of, warn
from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.gates import Action, Gate, Share
from scripts.cutover.planning.request import RequestError
from scripts.cutover.report.drawing import STYLES, gates, write
from scripts.cutover.report.findings import (
    end_of,
    ends_of,
    gates_of,
    measured,
    names,
    open_of,
    whole,
)
from scripts.cutover.report.headline import headline
from scripts.cutover.report.story import Story, is_known, told
from scripts.cutover.report.words import cited, moment
from scripts.cutover.running.record import Noted, NotedReason, decides
from scripts.cutover.running.standing import readable
from scripts.cutover.session import Options, Session, opened
from scripts.runs.journal import Entry
from scripts.runs.steps import duration
from standards import requirement


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """A decision, with its number among all of its cutover."""

    number: int
    run: str
    noted: Noted
    """With every gate of its step."""


def history_command(options: Options, *, as_json: bool) -> int:
    """List the cutovers in the journal, each with its runs."""
    with opened(options) as session:
        problems = warn(session)
        cutovers = cutovers_of(readable(session.store, session.target))
        if as_json:
            runs = [each for own in cutovers for each in _runs(session, own)]
            sys.stdout.write(json.dumps(runs, indent=2) + "\n")
        elif not cutovers:
            sys.stdout.write(f"{session.target}: no cutover yet\n")
        else:
            for own in cutovers:
                write(*_listed(session, own))
        return code_of(problems)


def explain_command(options: Options, *, run: str | None, number: int | None, as_json: bool) -> int:
    """Show decisions with what they rest on: those of the last cutover, unless a run is named."""
    with opened(options) as session:
        problems = warn(session)
        cutovers = cutovers_of(readable(session.store, session.target))
        if not cutovers and run is None:
            sys.stdout.write("[]\n" if as_json else f"{session.target}: no cutover yet\n")
            return code_of(problems)
        own = _asked(session, cutovers, run)
        found = [each for each in numbered(own) if run is None or each.run == run]
        if number is not None:
            found = [each for each in found if each.number == number] or _no(session, found)
        if as_json:
            said = [
                {"number": each.number, "run": each.run, **each.noted.model_dump(mode="json")}
                for each in found
            ]
            sys.stdout.write(json.dumps(said, indent=2) + "\n")
        else:
            write(*_explained(session, own, found, is_one=number is not None))
        return code_of(problems)


def cutovers_of(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries of each cutover: of its forward run, and of what was done about it later."""
    root: dict[str, str] = {}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "run.started":
            inputs = cast("Mapping[str, object]", entry.data["inputs"])
            root[entry.run] = str(inputs.get("of", entry.run))
        if entry.run in root:
            found.setdefault(root[entry.run], []).append(entry)
    return list(found.values())


def numbered(entries: Sequence[Entry]) -> list[Numbered]:
    """The decisions of a cutover, numbered through all of its runs."""
    runs = [entry.run for entry in entries if decides(entry)]
    noted = whole(Noted.model_validate(entry.data) for entry in entries if decides(entry))
    return [
        Numbered(number=number, run=run, noted=each)
        for number, (run, each) in enumerate(zip(runs, noted, strict=True), 1)
    ]


def _asked(session: Session, cutovers: Sequence[list[Entry]], run: str | None) -> list[Entry]:
    if run is None:
        return cutovers[-1]
    for own in cutovers:
        if any(entry.run == run for entry in own):
            return own
    raise RequestError(
        f"{session.target}: no run {run}: slipway cutover history {session.environment.name} "
        "lists them"
    )


def _no(session: Session, found: Sequence[Numbered]) -> list[Numbered]:
    there = f"there are {found[0].number} to {found[-1].number}" if found else "there are none"
    raise RequestError(f"{session.target}: no such decision: {there}")


def _explained(
    session: Session, own: Sequence[Entry], found: Sequence[Numbered], *, is_one: bool
) -> Iterator[RenderableType]:
    """What happened, then each decision under the run that made it."""
    story = told(own)
    known = gates_of(story.cutover)
    ends = ends_of(story.cutover, [each for each in own if each.run == story.runs[0]])
    yield Padding(f"{session.target}: {story.outcome}. {headline(story)}", 0)
    for run, decided in groupby(found, key=lambda each: each.run):
        start = next(each for each in own if each.run == run and each.kind == "run.started")
        yield Text(f"\n{start.data['command']} {run}, by {start.by}", style="bold")
        for alike in _alike(decided):
            yield from _told(alike, known, ends, is_one=is_one)
    if not is_one:
        name = session.environment.name
        yield Text(f"\nOne in full: slipway cutover explain {name} NUMBER", style="dim")


def _alike(found: Iterator[Numbered]) -> Iterator[list[Numbered]]:
    """Decisions to hold or to ask that came one after the other on the same findings, as one."""
    for _, own in groupby(found, key=_sameness):
        yield list(own)


def _sameness(each: Numbered) -> tuple[object, ...]:
    noted = each.noted
    if noted.kind not in {Kind.HOLD, Kind.ASK}:
        return (each.number,)
    findings = sorted((reason.gate, reason.finding) for reason in noted.reasons)
    return (noted.step, noted.kind, *findings)


def _told(
    alike: Sequence[Numbered],
    known: Mapping[str, Gate],
    ends: Mapping[str, float],
    *,
    is_one: bool,
) -> Iterator[RenderableType]:
    """The last of decisions that are alike, in one sentence, and the gates that count."""
    first, last = alike[0], alike[-1]
    noted = last.noted
    one = first is last
    number = f"{last.number}" if one else f"{first.number}-{last.number}"
    at = moment(noted.at) if one else f"{moment(first.noted.at)} to {moment(noted.at)}"
    line = Table.grid(padding=(0, 2, 0, 0))
    said = Text(f"{noted.stage}: {decided(noted, known, ends)}", style=STYLES[noted.kind])
    line.add_row(f"{number:>5}", at, said)
    yield line
    shown = noted.reasons if is_one else _counting(noted, known)
    if shown:
        yield _indented(gates(measured(each, known.get(each.gate)) for each in shown))
        if others := len(noted.reasons) - len(shown):
            yield _indented(Text(f"{others} more passed", style="dim"))
    if noted.kind is Kind.ASK or is_one:
        yield from map(_indented, _questions(noted, known))
    if is_one:
        yield from _sentences(shown)


def _indented(what: RenderableType) -> RenderableType:
    return Padding(what, (0, 0, 0, 7))


def decided(noted: Noted, known: Mapping[str, Gate], ends: Mapping[str, float]) -> str:
    """What was decided, and for what; `ends` say when stages have lasted as they have to."""
    left, count = open_of(noted), len(noted.reasons)
    first = measured(left[0], known.get(left[0].gate)).sentence if left else ""
    if len(left) > 1:
        first += f"; and {len(left) - 1} more"
    match noted.kind:
        case Kind.CONTINUE:
            went = sum(each.finding is Finding.ACCEPTED for each in noted.reasons)
            accepted = f", a person went on with {went}" if went else ""
            return f"go on. {count - went} of {count} passed{accepted}"
        case Kind.HOLD:
            rest = (end_of(noted, ends) or noted.at) - noted.at
            lasts = f", {duration(rest)} left at least" if rest > 0 else ""
            return f"hold{lasts}. {count - len(left)} of {count} have passed so far"
        case _:
            return f"{noted.kind}. {first}"


def _counting(noted: Noted, known: Mapping[str, Gate]) -> list[NotedReason]:
    """What counts at a glance: what has not passed, and what rolls back by itself."""
    left = open_of(noted)
    return [
        each
        for each in noted.reasons
        if each in left
        or each.finding is Finding.ACCEPTED
        or (isinstance(gate := known.get(each.gate), Share) and gate.action is Action.ROLL_BACK)
    ]


def _questions(noted: Noted, known: Mapping[str, Gate]) -> Iterator[str]:
    for stage, question in noted.questions.items():
        who = f"by {question.by}" if question.by else "by default"
        said = f"{question.answer} {who}" if question.answer else "not answered then"
        about = names(question.gates, known)
        yield f"asked at {moment(question.at)} about {about} ({stage}): {said}"


def _sentences(shown: Sequence[NotedReason]) -> Iterator[RenderableType]:
    """The sentences that the gates come from, each once."""
    yield Text("")
    sentences = Table.grid(padding=(0, 2, 0, 0))
    for identifier in filter(is_known, dict.fromkeys(cited(each.cited) for each in shown)):
        sentences.add_row(f"{identifier}:", Text(requirement(identifier).text, style="dim"))
    yield _indented(sentences)


def _listed(session: Session, own: Sequence[Entry]) -> Iterator[RenderableType]:
    """One cutover: what was released, how it ended and why, and where more of it lies."""
    story = told(own)
    yield Text(f"{story.runs[0]}  {story.outcome}", style="bold")
    for name, each in story.releases.items():
        yield Text(f"  {name}: {each.old[:19]} -> {each.new[:19]}")
    yield Padding(headline(story), (0, 0, 0, 2))
    for each in _runs(session, own, story):
        evidence = each["evidence"] or "its evidence is not on this machine"
        yield Text(f"  {each['command']}, by {each['by']}, {each['ended']}: {evidence}")
    if page := _there(session.state / "reports" / f"{story.runs[0]}.html"):
        yield Text(f"  page: {page}")


def _runs(
    session: Session, own: Sequence[Entry], story: Story | None = None
) -> Iterator[dict[str, Any]]:
    story = story or told(own)
    for start in own:
        if start.kind != "run.started":
            continue
        entries = [entry for entry in own if entry.run == start.run]
        last = next(entry for entry in reversed(entries) if entry.kind.startswith("run."))
        decisions = [entry for entry in entries if decides(entry)]
        yield {
            "run": start.run,
            "command": start.data["command"],
            "started": start.at,
            "by": start.by,
            "ended": last.kind.removeprefix("run.") if last is not start else "under way",
            "decisions": len(decisions),
            "last_decision": decisions[-1].data["kind"] if decisions else None,
            "cutover": story.runs[0],
            "outcome": story.outcome,
            "why": story.why or None,
            "releases": {name: vars(each) for name, each in story.releases.items()},
            "evidence": _there(session.state / "evidence" / f"{start.run}.json"),
            "report": _there(session.state / "reports" / f"{story.runs[0]}.html"),
        }


def _there(path: Path) -> str | None:
    return str(path) if path.exists() else None
