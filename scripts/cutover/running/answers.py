"""What people say to a cutover that another process carries out: answers to its questions, orders.

They stand in a journal of their own beside the cutover's, since that one is written by whoever
holds its lease. Each entry says who spoke; the cutover's own decisions say what followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts.cutover.judgement.observations import Answer
from scripts.runs.canonical import Json
from scripts.runs.journal import EMPTY, Entry, Head, Store, current
from scripts.runs.lease import Owner, held
from scripts.runs.times import Clock, utc_now

_ANSWER: Final = "answer"
_ORDER: Final = "order"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said."""

    by: str
    answer: Answer
    why: str = ""


def _name(target: str) -> str:
    return f"{target}/answers"


def give_answer(  # noqa: PLR0913 - each is a part of what is said
    store: Store,
    target: str,
    owner: Owner,
    *,
    run: str,
    number: int,
    answer: Answer,
    why: str = "",
    clock: Clock = utc_now,
) -> Entry:
    """Answer the question that the decision `number` of `run` asked."""
    data: Mapping[str, Json] = {"number": number, "answer": answer.value, "why": why}
    return _write(store, target, owner, _ANSWER, data, run=run, clock=clock)


def give_order(  # noqa: PLR0913
    store: Store, target: str, owner: Owner, *, run: str, why: str, clock: Clock = utc_now
) -> Entry:
    """Tell `run` to go back, whatever it sees."""
    return _write(store, target, owner, _ORDER, {"why": why}, run=run, clock=clock)


def _write(  # noqa: PLR0913
    store: Store,
    target: str,
    owner: Owner,
    kind: str,
    data: Mapping[str, Json],
    *,
    run: str,
    clock: Clock,
) -> Entry:
    journal = current(_name(target), store, clock=clock)
    with held(store, journal.name, owner, clock=clock, background=False) as keeper:
        return journal.append(kind, data, run=run, lease=keeper.lease)


@dataclass(kw_only=True)
class Answers:
    """What was said to `run`; read again only where something was added."""

    store: Store
    target: str
    _read: Head = EMPTY
    _entries: list[Entry] = field(default_factory=list[Entry])

    def to(self, run: str, number: int) -> Said | None:
        """The first answer to the question that the decision `number` of `run` asked."""
        for entry in self._all(run, _ANSWER):
            if entry.data.get("number") == number:
                answer = Answer(str(entry.data["answer"]))
                return Said(entry.by, answer, str(entry.data.get("why", "")))
        return None

    def order(self, run: str) -> Said | None:
        """The first order to go back that `run` was given."""
        for entry in self._all(run, _ORDER):
            return Said(entry.by, Answer.ROLL_BACK, str(entry.data.get("why", "")))
        return None

    def _all(self, run: str, kind: str) -> list[Entry]:
        head = self.store.head(_name(self.target))
        if head != self._read:
            self._entries = current(_name(self.target), self.store).entries()
            self._read = head
        return [entry for entry in self._entries if entry.run == run and entry.kind == kind]
