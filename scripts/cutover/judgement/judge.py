"""The judgement: a pure function of what was observed, the time, and the stage of the plan.

It is asked again at each poll, and every answer holds for itself: nothing is kept from one to the
next. What is unknown never passes; it holds, and after a while a person is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason, Verdict
from scripts.cutover.judgement.gates import Action, Gate
from scripts.cutover.judgement.observations import Answer, Observations, Question
from scripts.cutover.judgement.verdicts import Span, alarm, emergency, verdict

_OPEN: Final = (Finding.UNDECIDED, Finding.UNKNOWN)
"""What more data may still decide."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a cutover: some weights, held against some gates for some time."""

    name: str
    gates: Sequence[Gate]
    since: float
    """When its weights had been read back; what was before says nothing of them."""
    bake_seconds: float
    """How long it lasts at least."""
    hold_seconds: float
    """How much longer it may take to decide before a person is asked."""
    oldest_seconds: float
    """The age of data beyond which it says nothing of now."""
    blind_seconds: float
    """How long a gate may say nothing before a person is asked."""
    ask_seconds: float
    """How long a person has to answer."""
    default: Answer = Answer.ROLL_BACK
    """What is done when nobody answers."""
    alarms: frozenset[str] = field(default_factory=frozenset[str])
    """The alarms that guard it, by name."""


def judge(stage: Stage, seen: Observations, now: float) -> Decision:
    """What is to be done at `now` in `stage`.

    It rolls back where the standards want it without anyone deciding; asks where a person decides;
    continues once the stage has lasted and every gate has passed; and holds otherwise.
    """
    span = Span(since=stage.since, now=now, oldest=stage.oldest_seconds)
    verdicts = [verdict(gate, seen, span) for gate in stage.gates]
    emergencies = [emergency(event) for event in seen.events]
    breached = [each for each in verdicts if each.reason.finding is Finding.BREACHED]
    automatic = [each.reason for each in breached if each.gate.action is Action.ROLL_BACK]
    others = [each.reason for each in verdicts]
    if emergencies or automatic:
        return _decision(Kind.ROLL_BACK, [*emergencies, *automatic], others)
    alarms = [alarm(name, seen.alarms.get(name)) for name in sorted(stage.alarms)]
    others += alarms
    asking = [
        *(each.reason for each in breached if each.gate.action is Action.ASK),
        *(each for each in alarms if each.finding is Finding.BREACHED),
        *_too_late(stage, verdicts, alarms, now),
    ]
    decided = _asked(stage, asking, others, seen.question, now)
    if decided.kind is not Kind.CONTINUE:
        return decided
    accepted = _accepted(stage, seen.question, now)
    open_ = [
        each
        for each in others
        if each.finding in _OPEN and (each.gate, each.finding) not in accepted
    ]
    left = stage.since + stage.bake_seconds - now
    if left > 0:
        open_.append(_baking(stage, left))
    return _decision(Kind.HOLD if open_ else Kind.CONTINUE, open_, decided.reasons)


def _too_late(
    stage: Stage, verdicts: Sequence[Verdict], alarms: Sequence[Reason], now: float
) -> list[Reason]:
    """What a person is asked for because it has said nothing, or not enough, for too long."""
    blind = [
        each.reason
        for each in verdicts
        if each.blind_since is not None and now - each.blind_since > stage.blind_seconds
    ]
    if now - stage.since > stage.blind_seconds:
        blind += [each for each in alarms if each.finding is Finding.UNKNOWN]
    if now - stage.since <= stage.bake_seconds + stage.hold_seconds:
        return blind
    undecided = [each.reason for each in verdicts if each.reason.finding is Finding.UNDECIDED]
    return [*blind, *undecided]


def _accepted(
    stage: Stage, question: Question | None, now: float
) -> frozenset[tuple[str, Finding]]:
    """The gates that a person, or the default, decided to go on with, each as it was found."""
    if question is None or _answer(stage, question, now) is not Answer.GO_ON:
        return frozenset()
    breached = ((gate, Finding.BREACHED) for gate in question.breached)
    return frozenset([*product(question.gates, _OPEN), *breached])


def _answer(stage: Stage, question: Question, now: float) -> Answer | None:
    if question.answer:
        return question.answer
    return stage.default if now >= question.at + stage.ask_seconds else None


def _asked(
    stage: Stage,
    asking: Sequence[Reason],
    others: Sequence[Reason],
    question: Question | None,
    now: float,
) -> Decision:
    """What follows from what a person is asked for; a question once asked wants its answer."""
    answer = _answer(stage, question, now) if question else None
    if question and answer is None:
        gates = question.gates | {each.gate for each in asking}
        reasons = asking or [_open(question)]
        return _ask(stage, gates, reasons, others, question.at)
    if question and answer is Answer.ROLL_BACK:
        return _decision(Kind.ROLL_BACK, [_told(question), *asking], others)
    accepted = _accepted(stage, question, now)
    new = [each for each in asking if (each.gate, each.finding) not in accepted]
    if new:
        return _ask(stage, frozenset(each.gate for each in new), new, others, now)
    known = [
        replace(each, finding=Finding.ACCEPTED) if (each.gate, each.finding) in accepted else each
        for each in others
    ]
    return Decision(kind=Kind.CONTINUE, reasons=tuple(known))


def _ask(
    stage: Stage,
    gates: frozenset[str],
    reasons: Sequence[Reason],
    others: Sequence[Reason],
    at: float,
) -> Decision:
    asked = _decision(Kind.ASK, reasons, others)
    return replace(asked, asked=gates, until=at + stage.ask_seconds, default=stage.default)


def _told(question: Question) -> Reason:
    who = question.by if question.answer else "nobody answered in time, so by default"
    return Reason(
        gate="the question",
        cited="ROLL-10",
        finding=Finding.BREACHED,
        text=f"{who}: {question.answer or Answer.ROLL_BACK}",
    )


def _open(question: Question) -> Reason:
    return Reason(
        gate="the question",
        cited="ROLL-10",
        finding=Finding.UNDECIDED,
        text=f"asked for {', '.join(sorted(question.gates))}, not answered yet",
    )


def _baking(stage: Stage, left: float) -> Reason:
    return Reason(
        gate=stage.name,
        cited="PIPE-03",
        finding=Finding.UNDECIDED,
        text=f"it lasts {left:.0f} s more",
    )


def _decision(kind: Kind, first: Sequence[Reason], others: Sequence[Reason]) -> Decision:
    rest = [each for each in others if each not in first]
    return Decision(kind=kind, reasons=(*first, *rest))
