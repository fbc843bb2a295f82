"""Deciding: what was judged is written down, with a number, before anything is done about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.judgement.observations import Answer, Question
from scripts.cutover.running.record import NAMED, Noted, NotedQuestion, noted
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json, NotCanonicalError
from scripts.runs.steps import Acting

NOTED_SECONDS: Final = 60.0
"""While nothing changes, a decision to hold or to ask is written down so often."""
_WORST: Final = (Kind.ROLL_BACK, Kind.REFUSE, Kind.ASK, Kind.HOLD, Kind.CONTINUE)


class GoingBackError(Exception):
    """It was decided, and written down, that the cutover goes back."""


@dataclass(kw_only=True)
class Ledger:
    """Writes the decisions of one step down, and knows what its run asked people."""

    stand: Stand
    acting: Acting
    _last: Decision | None = None
    _last_at: float = 0.0

    def asked(self, stage: str, since: float = 0.0) -> Question | None:
        """The question of `stage`, with its answer if it has one; what was before is over."""
        questions, run = self.stand.past.questions, self.stand.past.run
        question = questions.get(stage)
        if question is None or question.at < since:
            return None
        if question.answer is None and (said := self.stand.answers.to(run, question.number)):
            question = question.model_copy(update={"answer": said.answer, "by": said.by})
            questions[stage] = question
        return question.question()

    def ask(self, stage: str, decision: Decision, since: float = 0.0) -> None:
        """See that what `decision` asks for is what people are asked; it is written next."""
        past = self.stand.past
        old = past.questions.get(stage)
        old = old if old and old.at >= since else None
        is_open = old is not None and old.answer is None
        found = {each.gate for each in decision.reasons if each.finding is Finding.BREACHED}
        beyond = decision.asked & found
        if old and is_open and decision.asked <= {*old.gates} and beyond <= {*old.breached}:
            return
        kept = old if old and (is_open or old.answer is Answer.GO_ON) else None
        past.questions[stage] = NotedQuestion(
            number=past.sequence + 1,
            # More gates do not make more time: what is open was asked for back then.
            at=old.at if old and is_open else self.stand.now(),
            gates=tuple(sorted({*decision.asked, *(kept.gates if kept else ())})),
            breached=tuple(sorted({*beyond, *(kept.breached if kept else ())})),
        )

    def ordered(self) -> Decision | None:
        """What an operator elsewhere ordered."""
        order = self.stand.answers.order(self.stand.past.run)
        return going_back(f"{order.by}: {order.why}", "the operator") if order else None

    def write(self, decision: Decision, stage: str) -> None:
        """Write `decision` down, unless it holds or asks just as the last one did."""
        now, past = self.stand.now(), self.stand.past
        changed = _changed(self._last, decision)
        if self._is_same(decision, changed) and now - self._last_at < NOTED_SECONDS:
            return
        questions = {name: each.model_dump(mode="json") for name, each in past.questions.items()}
        about: dict[str, Json] = {
            "sequence": past.sequence + 1,
            "at": now,
            "stage": stage,
            **({"questions": questions} if questions else {}),
            **({"passed": sorted(past.passed)} if past.passed else {}),
        }
        self.acting.check()
        try:
            self.acting.note(about | noted(decision, changed))
        except NotCanonicalError:
            # Words that look like a secret are not kept; the decision is.
            wordless = tuple(replace(each, text="") for each in decision.reasons)
            self.acting.note(about | noted(replace(decision, reasons=wordless), ()))
        past.sequence += 1
        past.decided[self.acting.step] = Noted(
            step=self.acting.step,
            sequence=past.sequence,
            at=now,
            kind=decision.kind,
            stage=stage,
            reasons=(),
        )
        self._last, self._last_at = decision, now

    def _is_same(self, decision: Decision, changed: Sequence[Reason]) -> bool:
        """Whether `decision` says nothing that the last one that was written did not."""
        past = self.stand.past
        is_asked = all(each.number <= past.sequence for each in past.questions.values())
        is_waiting = decision.kind in {Kind.HOLD, Kind.ASK} and is_asked
        kind = self._last.kind if self._last else None
        return is_waiting and kind is decision.kind and not changed

    def go_back(self, decision: Decision, stage: str) -> NoReturn:
        """Write down that the cutover goes back, and leave the step.

        Raises:
            GoingBackError: always.
        """
        self.write(decision, stage)
        why = "; ".join(str(each) for each in breached(decision.reasons))
        raise GoingBackError(f"going back: {why}")


def worst(decisions: Mapping[str, Decision]) -> Decision:
    """The decisions of several stages as one: the worst, with all that they rest on."""
    kind = min((each.kind for each in decisions.values()), key=_WORST.index)
    first = [each for each in decisions.values() if each.kind is kind]
    others = [each for each in decisions.values() if each.kind is not kind]
    deadlines = [each.until for each in first if each.until is not None]
    return Decision(
        kind=kind,
        reasons=tuple(reason for each in (*first, *others) for reason in each.reasons),
        asked=frozenset[str]().union(*(each.asked for each in first)),
        until=min(deadlines, default=None),
        default=first[0].default,
    )


def going_back(why: str, gate: str, cited: str = "ROLL-10") -> Decision:
    """The decision to go back for something else than a gate."""
    reason = Reason(gate=gate, cited=cited, finding=Finding.BREACHED, text=why)
    return Decision(kind=Kind.ROLL_BACK, reasons=(reason,))


def _changed(last: Decision | None, decision: Decision) -> list[Reason]:
    """The reasons of `decision` that stand otherwise than in `last`."""
    before = {each.gate: each.finding for each in last.reasons} if last else {}
    return [each for each in decision.reasons if before.get(each.gate) is not each.finding]


def breached(reasons: Iterable[Reason]) -> Sequence[Reason]:
    """The first of `reasons` that are breached."""
    return [each for each in reasons if each.finding is Finding.BREACHED][:NAMED]
