"""The story of a cutover, from the entries of its journal alone: what its page is drawn from.

A journal may be broken, cut short, or of a run that still goes on. What cannot be read is said, and
the rest is told all the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import inf
from typing import Final, TypeAlias, cast

from pydantic import ValidationError

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.report.words import OUTCOMES, cited
from scripts.cutover.running.record import BACK, FORWARD, Noted
from scripts.cutover.running.standing import Standing, State, standing
from scripts.exits import CommandError
from scripts.runs.canonical import NotCanonicalError, digest
from scripts.runs.journal import Entry
from standards import UnknownRequirementError, requirement

Point: TypeAlias = tuple[float, float]
"""A time and what was then."""

_ENDS: Final = {
    "run.done": "All its steps are done",
    "run.failed": "It stopped",
    "run.pending": "It waits",
    "run.interrupted": "It was interrupted",
}
_UNREADABLE: Final = (CommandError, LookupError, TypeError, ValueError, ArithmeticError)
"""What a journal that says something else than it should can lead to."""


@dataclass(kw_only=True)
class Curve:
    """One series of one service: the new side by step, what it is compared with, its limits."""

    service: str
    series: str
    new: list[list[Point]] = field(default_factory=list[list[Point]])
    """One list for each step: a share is counted from the step's start on."""
    old: list[Point] = field(default_factory=list[Point])
    limits: dict[str, float] = field(default_factory=dict[str, float])
    """By citation."""

    @property
    def is_automatic(self) -> bool:
        """Whether a limit of it rolls back without anybody deciding."""
        return any(each.startswith("ROLL-") for each in self.limits)


@dataclass(frozen=True, kw_only=True)
class Did:
    """One step of a run: when it began and ended, and what it wrote down."""

    run: str
    step: str
    began: float | None
    ended: float | None
    state: str
    facts: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something for the timeline."""

    at: float
    text: str
    kind: str = ""
    """`good`, `bad` or `warn`, where it is that."""
    anchor: str = ""
    """The place on the page that has more of it."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that the journal says of a cutover."""

    target: str
    outcome: str
    state: State | None
    """None where it cannot be told."""
    why: str
    who: tuple[str, ...]
    hosts: tuple[str, ...]
    runs: tuple[str, ...]
    began: float
    ended: float
    is_over: bool
    cutover: Cutover | None
    decisions: tuple[Noted, ...]
    steps: tuple[Did, ...]
    weights: Mapping[str, Sequence[Point]]
    curves: tuple[Curve, ...]
    events: tuple[Event, ...]
    decided_back: float | None
    seconds_back: float | None
    bound_seconds: float | None
    bound: tuple[str, ...]
    """The named timeouts that its bound is the sum of."""
    problems: tuple[str, ...]
    head: str
    entries: int

    @property
    def is_late(self) -> bool:
        """Whether the way back took longer than its bound."""
        return (self.seconds_back or 0.0) > (self.bound_seconds or inf)

    @property
    def releases(self) -> Mapping[str, Releases]:
        """What each service ran before, and after."""
        return self.cutover.releases if self.cutover else {}

    @property
    def cited(self) -> list[str]:
        """Every requirement that a decision rests on, each once."""
        named = {cited(reason.cited) for noted in self.decisions for reason in noted.reasons}
        return sorted(one for one in named if is_known(one))


def told(entries: Sequence[Entry]) -> Story:
    """The story in `entries`: those of a cutover's forward run, of its way back, of its watches."""
    problems = list(_broken(entries))
    there = _standing(entries, problems)
    decisions = tuple(_decisions(entries, problems))
    steps = tuple(_steps(entries))
    starts = [entry for entry in entries if entry.kind == "run.started"]
    back = next((entry for entry in reversed(starts) if entry.data.get("command") == BACK), None)
    state = there.state if there else None
    times = [at for entry in entries if (at := _seconds(entry.at)) is not None]
    verified = next((did for did in reversed(steps) if "bound_seconds" in did.facts), None)
    return Story(
        target=entries[0].journal.partition("~")[0] if entries else "",
        outcome=OUTCOMES[state] if state else "Cannot be told",
        state=state,
        why=there.because.why if there and there.because else "",
        who=tuple(dict.fromkeys(entry.by for entry in entries)),
        hosts=tuple(dict.fromkeys(str(it.data["host"]) for it in entries if "host" in it.data)),
        runs=tuple(dict.fromkeys(entry.run for entry in entries)),
        began=min(times, default=0.0),
        ended=max(times, default=0.0),
        is_over=state in {State.DONE, State.UNWELL, State.TAKEN_BACK, State.REFUSED},
        cutover=there.cutover if there else None,
        decisions=decisions,
        steps=steps,
        weights=_weights(entries),
        curves=tuple(_curves(decisions)),
        events=tuple(sorted(_events(entries), key=lambda event: event.at)),
        decided_back=_input(back, "decided_at"),
        seconds_back=there.seconds_back if there else None,
        bound_seconds=_number(verified.facts.get("bound_seconds")) if verified else None,
        bound=_bound(verified, there.cutover if there else None),
        problems=tuple(problems),
        head=entries[-1].hash if entries else "",
        entries=len(entries),
    )


def _bound(verified: Did | None, cutover: Cutover | None) -> tuple[str, ...]:
    """As it was written down; for what is not over, and older journals, as it was planned."""
    if verified and isinstance(named := verified.facts.get("bound"), list):
        return tuple(map(str, cast("list[object]", named)))
    return tuple(map(str, cutover.plan.rollback)) if cutover else ()


def _standing(entries: Sequence[Entry], problems: list[str]) -> Standing | None:
    try:
        return standing(entries)
    except (*_UNREADABLE, StopIteration) as error:
        problems.append(f"the journal does not say where the cutover stands: {_short(error)}")
        return None


def _broken(entries: Sequence[Entry]) -> Iterator[str]:
    """What is wrong with the entries themselves."""
    if not entries:
        yield "the journal holds no entry of it"
    for entry in entries:
        if not _is_intact(entry):
            yield f"entry {entry.sequence} was changed: its hash is another one"
        if "after_break" in entry.data:
            yield "the journal before this one was broken; this one was begun for the way back"
    own: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        own[entry.journal, entry.run].append(entry)
    for run in own.values():
        for earlier, later in pairwise(run):
            if later.sequence != earlier.sequence + 1 or later.previous != earlier.hash:
                yield (
                    f"entry {later.sequence} does not follow entry {earlier.sequence}: one is "
                    "missing, moved or repeated"
                )


def _is_intact(entry: Entry) -> bool:
    try:
        return digest(entry.model_dump(exclude={"hash"})) == entry.hash
    except NotCanonicalError:
        return False


def _decisions(entries: Sequence[Entry], problems: list[str]) -> Iterator[Noted]:
    for entry in entries:
        if (noted := _decision(entry)) is not None:
            yield noted
        elif entry.kind == "step.note" and "sequence" in entry.data:
            problems.append(f"entry {entry.sequence}: a decision that cannot be read")


def _decision(entry: Entry) -> Noted | None:
    if entry.kind != "step.note" or "sequence" not in entry.data:
        return None
    try:
        return Noted.model_validate(entry.data)
    except ValidationError:
        return None


def _steps(entries: Sequence[Entry]) -> Iterator[Did]:
    """Each step as it went last, in the order in which they began."""
    found: dict[tuple[str, str], Did] = {}
    for entry in entries:
        if not entry.kind.startswith("step.") or entry.kind == "step.note":
            continue
        at, key = _seconds(entry.at), (entry.run, str(entry.data.get("step", "?")))
        before = found.get(key)
        if entry.kind == "step.found-done" and before and before.state == "done":
            continue  # seen again after a stop: what it wrote down stays
        is_start = entry.kind == "step.started"
        found[key] = Did(
            run=entry.run,
            step=key[1],
            began=at if is_start or before is None else before.began,
            ended=None if is_start else at,
            state={"started": "not ended", "found-done": "was done already"}.get(
                kind := entry.kind.removeprefix("step."), kind
            ),
            facts={name: value for name, value in entry.data.items() if name != "step"},
        )
    yield from found.values()


def _weights(entries: Sequence[Entry]) -> Mapping[str, Sequence[Point]]:
    """How much of each service's traffic its new side got, from when."""
    found: defaultdict[str, list[Point]] = defaultdict(list)
    for entry in entries:
        step, at = str(entry.data.get("step", "")), _number(entry.data.get("at"))
        service, _, weight = step.partition(" weight ")
        if entry.kind != "step.done" or at is None:
            continue
        if weight.isdigit():
            found[service].append((at, float(weight)))
        elif step == "weights":
            for own in found.values():
                own.append((at, 0.0))
    return found


def _curves(decisions: Sequence[Noted]) -> Iterator[Curve]:
    """What was decided on, by series: the shares, what they were compared with, the limits."""
    found: dict[str, Curve] = {}
    drawn: dict[tuple[str, str], list[Point]] = {}
    for noted in decisions:
        shares = [each for each in noted.reasons if each.baseline is not None]
        new = {each.gate: each.value for each in shares} | dict(noted.values)
        old = {each.gate: each.baseline for each in shares} | dict(noted.baselines)
        limits = {each.gate: (each.cited, each.limit) for each in shares}
        seen: set[str] = set()
        for gate, value in new.items():
            series = gate.partition(" (")[0]
            service, _, what = series.partition("/")
            curve = found.setdefault(series, Curve(service=service, series=what))
            named, limit = limits.get(gate, ("", None))
            if limit is not None:
                curve.limits[named] = limit
            if series in seen or value is None:
                continue
            seen.add(series)
            key = (series, noted.step)
            if key not in drawn:
                drawn[key] = []
                curve.new.append(drawn[key])
            drawn[key].append((noted.at, value))
            if (compared := old.get(gate)) is not None:
                curve.old.append((noted.at, compared))
    yield from sorted(found.values(), key=lambda it: (it.service, not it.is_automatic))


def _events(entries: Sequence[Entry]) -> Iterator[Event]:
    """What happened, in the order of the journal."""
    seen: set[tuple[str, int, bool]] = set()
    number = 0
    for entry in entries:
        if entry.kind.startswith("run."):
            yield from _of_run(entry)
        elif entry.kind in {"step.done", "step.failed"}:
            yield from _of_step(entry)
        elif (noted := _decision(entry)) is not None:
            yield from _of_decision(noted, f"d{number}", seen)
            number += 1


def _of_decision(noted: Noted, place: str, seen: set[tuple[str, int, bool]]) -> Iterator[Event]:
    """What was decided; each question once when it was asked, and once when it was answered."""
    for question in noted.questions.values():
        for is_answer in (False, True):
            key = (noted.step, question.number, is_answer)
            if key in seen or (is_answer and question.answer is None):
                continue
            seen.add(key)
            said = question.answer.value if question.answer else ""
            gates = ", ".join(question.gates)
            text = f"{question.by or 'By default'}: {said}" if is_answer else f"Asked about {gates}"
            at = noted.at if is_answer else question.at
            yield Event(at=at, text=text, kind="warn", anchor=place)
    if noted.kind is Kind.ROLL_BACK:
        text = f"Decided to roll back ({noted.stage})"
        yield Event(at=noted.at, text=text, kind="bad", anchor=place)
    elif noted.kind is Kind.CONTINUE:
        yield Event(at=noted.at, text=f"{noted.stage}: passed", kind="good", anchor=place)


def _of_run(entry: Entry) -> Iterator[Event]:
    at = _seconds(entry.at) or 0.0
    command = {FORWARD: "The cutover", BACK: "The rollback"}
    match entry.kind:
        case "run.started":
            named = str(entry.data.get("command", "A run"))
            text = f"{command.get(named, named)} was started by {entry.by}"
            yield Event(at=at, text=text)
        case "run.resumed":
            host = entry.data.get("host", "")
            yield Event(at=at, text=f"Went on after a stop, on {host}, by {entry.by}", kind="warn")
        case "run.done" | "run.failed" | "run.pending" | "run.interrupted":
            kind = "good" if entry.kind == "run.done" else "warn"
            yield Event(at=at, text=_ENDS[entry.kind], kind=kind)
        case _:
            pass


def _of_step(entry: Entry) -> Iterator[Event]:
    at, step = _seconds(entry.at), str(entry.data.get("step", "?"))
    error = str(entry.data.get("error", ""))
    if at is None or error.startswith("going back"):
        return  # the decision before says it
    if entry.kind == "step.failed":
        yield Event(at=at, text=f"{step}: failed. {error}", kind="bad", anchor="steps")
    elif " weight " in step:
        service, _, weight = step.partition(" weight ")
        text = f"{service}: {weight} % to the new side, read back"
        yield Event(at=at, text=text, anchor="weights")
    elif step == "weights":
        yield Event(at=at, text="All traffic back on the old side, read back", anchor="rollback")
    elif step == "verified":
        yield Event(at=at, text="The old side verified", kind="good", anchor="rollback")
    elif step.startswith("database"):
        yield Event(at=at, text=f"{step}: done", anchor="database")
    elif step.endswith(" retire"):
        service = step.removesuffix(" retire")
        yield Event(at=at, text=f"{service}: the old side went", anchor="steps")


def _input(entry: Entry | None, name: str) -> float | None:
    inputs = entry.data.get("inputs") if entry else None
    return _number(inputs.get(name)) if isinstance(inputs, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except _UNREADABLE:
        return None


def is_known(identifier: str) -> bool:
    """Whether it is a requirement; a journal may say anything."""
    try:
        requirement(identifier)
    except UnknownRequirementError:
        return False
    return True


def _short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
