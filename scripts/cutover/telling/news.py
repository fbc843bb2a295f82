"""News: what people are told of a cutover, made of its journal and nothing else.

An entry of the journal makes the same news whoever reads it, and when: each has an id, by which it
is told once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.running import record
from scripts.cutover.running.back import VERIFIED
from scripts.cutover.running.record import NAMED, Noted, NotedQuestion, decides
from scripts.runs.journal import Entry
from scripts.runs.steps import duration
from standards import figure

_BOUND: Final = ("seconds", "bound_seconds")
_GOING_BACK: Final = "going back: "


class Severity(StrEnum):
    """Who has to hear of it: the values are the names of the topics (NOTE-07)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing to be told."""

    id: str
    severity: Severity
    title: str
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, for people."""
        return "\n".join((self.title, *self.lines))


def news(entries: Sequence[Entry], environment: str) -> list[News]:
    """What there is to tell of `entries`, the journal of `environment`'s cutovers."""
    reader = _Reader(environment)
    found = [each for entry in entries for each in reader.read(entry)]
    return list({each.id: each for each in reversed(found)}.values())[::-1]


@dataclass
class _Reader:
    """Reads a journal in its order."""

    environment: str
    _starts: dict[str, Entry] = field(default_factory=dict[str, Entry])
    _errors: dict[str, str] = field(default_factory=dict[str, str])
    """By run: what failed in it last."""
    _verified: set[str] = field(default_factory=set[str])
    """The ways back whose old side was seen to be well."""
    _is_back: bool = False

    def read(self, entry: Entry) -> Iterator[News]:
        """What `entry` has to tell."""
        if entry.kind == "run.started":
            self._starts[entry.run] = entry
        if entry.kind == "step.failed":
            self._errors[entry.run] = str(entry.data["error"])
        if (start := self._starts.get(entry.run)) is None:
            return
        match start.data["command"]:
            case record.FORWARD:
                yield from self._forward(entry, start)
            case record.BACK | record.RESTORE:
                yield from self._back(entry, start)
            case record.WATCH:
                yield from self._watch(entry)
            case _:
                return
        if decides(entry):
            yield from self._asked(entry)

    def _news(self, entry: Entry, what: str, severity: Severity, title: str, *lines: str) -> News:
        return News(
            id=f"{entry.run} {what}",
            severity=severity,
            title=f"{self.environment}: {title}",
            lines=lines,
        )

    def _command(self, command: str) -> str:
        return f"slipway cutover {command.format(self.environment)}"

    def _forward(self, entry: Entry, start: Entry) -> Iterator[News]:
        if entry.kind == "run.started":
            self._is_back = False
        elif entry.kind == "step.done" and entry.data["step"] == record.CHECK:
            change = cast("Mapping[str, object]", start.data["inputs"]).get("change", "normal")
            title = f"a release begins ({change} change), by {start.by}"
            yield self._news(entry, "begins", Severity.INFO, title, *_releases(start))
        elif entry.kind == "run.done":
            look = self._command("watch {} --execute")
            yield self._news(
                entry,
                "done",
                Severity.INFO,
                "all traffic is on the new release",
                f"It is watched for its first week: {look}",
            )
        elif entry.kind == "run.interrupted":
            go_on = self._command("resume {} --execute")
            title = "a release was interrupted, and stands where it was"
            yield self._news(entry, "interrupted", Severity.WARNING, title, f"To go on: {go_on}")

    def _back(self, entry: Entry, start: Entry) -> Iterator[News]:
        inputs = cast("Mapping[str, object]", start.data["inputs"])
        if entry.kind == "run.started":
            self._is_back = True
            why = str(inputs.get("why", ""))
            title = f"rolling back: {why.partition('; ')[0]}"
            if start.data["command"] == record.RESTORE:
                title = "the release of before is started again, to roll back"
            see = f"To see it: {self._command('status {}')}"
            yield self._news(entry, "begins", Severity.CRITICAL, title, *filter(None, [why]), see)
        elif entry.kind == "step.done" and entry.data["step"] == VERIFIED:
            self._verified.add(entry.run)
            seconds, bound = (float(cast("float", entry.data[each])) for each in _BOUND)
            late = f", beyond its bound of {duration(bound)} (ROLL-01)" if seconds > bound else ""
            title = (
                f"rolled back; the old release was verified {duration(seconds)} after the decision"
                f"{late}"
            )
            look = self._command("watch {} --execute")
            minutes = figure("ROLL-11", "watch_minutes").minutes
            lines = [
                f"Why: {inputs.get('why')}",
                f"It is watched for {minutes} minutes more: {look}",
            ]
            owed = cast("Sequence[Mapping[str, str]]", entry.data.get("owed", ()))
            lines += [f"Its {each['what']} is due by {each.get('due')}" for each in owed]
            yield self._news(entry, "verified", Severity.CRITICAL, title, *lines)
        elif entry.kind == "run.failed":
            is_verified = entry.run in self._verified
            title = "the rollback is stuck: somebody has to look now"
            if is_verified:
                title = "users are on the old release, and the new one does not go"
            verb = "rollback" if start.data["command"] == record.RESTORE else "resume"
            again = f"To try again: {self._command(verb + ' {} --execute')}"
            error = self._errors.get(entry.run, "")
            severity = Severity.WARNING if is_verified else Severity.CRITICAL
            yield self._news(entry, "stuck", severity, title, error, again)

    def _watch(self, entry: Entry) -> Iterator[News]:
        error = self._errors.get(entry.run, "")
        if entry.kind == "run.done":
            what = "rollback" if self._is_back else "release"
            title = f"the watch after the {what} ended well"
            yield self._news(entry, "ended", Severity.INFO, title)
        elif entry.kind == "run.failed" and not error.startswith(_GOING_BACK):
            if self._is_back:
                title, line = (
                    "the old release is not well, either",
                    "There is nothing to go back to",
                )
            else:
                title = "the release is not well, and its old side is gone"
                line = f"To bring the old release back: {self._command('rollback {} --execute')}"
            yield self._news(entry, "not well", Severity.CRITICAL, title, error, line)

    def _asked(self, entry: Entry) -> Iterator[News]:
        noted = Noted.model_validate(entry.data)
        if noted.kind is not Kind.ASK:
            return
        reasons = {each.gate: each.text for each in noted.reasons}
        for stage, question in noted.questions.items():
            if question.answer is None:
                yield self._question(entry, stage, question, reasons)

    def _question(
        self, entry: Entry, stage: str, question: NotedQuestion, reasons: Mapping[str, str]
    ) -> News:
        said = [f"{gate}: {reasons.get(gate, '')}" for gate in question.gates[:NAMED]]
        more = len(question.gates) - NAMED
        return self._news(
            entry,
            f"question {question.number}",
            Severity.CRITICAL,
            f"{stage}: a decision is asked of you (ROLL-10); no answer means roll back",
            *said,
            *([f"and {more} more"] if more > 0 else []),
            f"To answer: {self._command('answer {} go-on|roll-back')}",
        )


def _releases(start: Entry) -> Iterator[str]:
    """What each service runs, and is to run."""
    inputs = cast("Mapping[str, Mapping[str, Mapping[str, str]]]", start.data["inputs"])
    for service, each in inputs["releases"].items():
        yield f"{service}: {each['old']} -> {each['new']}"
