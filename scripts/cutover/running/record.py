"""What the journal keeps of a cutover: each decision, each question, and how far its run is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, TypeAlias, cast

from pydantic import BaseModel, ConfigDict

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.judgement.observations import Answer, Question
from scripts.runs.canonical import Json
from scripts.runs.journal import Entry

FORWARD: Final = "cutover run"
BACK: Final = "cutover rollback"
WATCH: Final = "cutover watch"
RESTORE: Final = "cutover restore"
"""What brings old sides up again that were gone."""
CHECK: Final = "check"
"""The step that refuses."""
VERIFY: Final = "verify"
"""The step that ends the deployment window."""
MINUTES: Final = "watch the first minutes"
"""The step after it, for as long as the standards watch closely."""
WEEK: Final = "watch the first week"
NAMED: Final = 3
"""How many reasons a message names."""
_LARGEST: Final = 2**53 - 1


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class NotedReason(_Kept):
    """How one gate stood, as the journal keeps it."""

    gate: str
    cited: str
    finding: Finding
    text: str = ""
    """Left out where it passed: the values say it all."""
    value: float | None = None
    baseline: float | None = None
    limit: float | None = None
    samples: float = 0


class NotedQuestion(_Kept):
    """What a person was asked."""

    number: int
    """The decision that asked it."""
    at: float
    gates: tuple[str, ...]
    breached: tuple[str, ...] = ()
    """Those of them that were beyond their limits."""
    answer: Answer | None = None
    by: str = ""

    def question(self) -> Question:
        """It, as a judgement takes it."""
        return Question(
            at=self.at,
            gates=frozenset(self.gates),
            breached=frozenset(self.breached),
            answer=self.answer,
            by=self.by,
        )


class Noted(_Kept):
    """One decision, as the journal keeps it."""

    step: str
    sequence: int
    at: float
    kind: Kind
    stage: str
    reasons: tuple[NotedReason, ...]
    """All, or while it holds those that changed since the decision before."""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    """While it holds: what each share is, by gate."""
    until: float | None = None
    questions: Mapping[str, NotedQuestion] = field(default_factory=dict[str, NotedQuestion])
    """By stage, with what was answered."""
    baselines: Mapping[str, float] = field(default_factory=dict[str, float])
    """While it holds: what each share is compared with."""
    samples: Mapping[str, float] = field(default_factory=dict[str, float])
    """While it holds: how many requests each share was taken from."""
    passed: tuple[str, ...] = ()
    """The stages that have passed once."""

    @property
    def why(self) -> str:
        """What it was decided for, in short."""
        breached = [each for each in self.reasons if each.finding is Finding.BREACHED]
        return "; ".join(f"{each.gate}: {each.text}" for each in breached[:NAMED])


Values: TypeAlias = dict[str, Json]


def noted(decision: Decision, changed: Sequence[Reason]) -> Values:
    """`decision` as it is written down, with `changed` of its reasons while it holds."""
    kept = changed if decision.kind is Kind.HOLD else decision.reasons
    shares = [each for each in decision.reasons if each.baseline is not None]
    is_brief = decision.kind is Kind.HOLD and shares
    return {
        "kind": decision.kind.value,
        "reasons": [_reason(each) for each in kept],
        **(_brief(shares) if is_brief else {}),
        **({"asked": sorted(decision.asked)} if decision.asked else {}),
        **({"until": decision.until} if decision.until is not None else {}),
    }


def _brief(shares: Sequence[Reason]) -> Values:
    """What each share is, what it is compared with, and of how many requests."""
    return {
        "values": _numbers((each.gate, each.value) for each in shares),
        "baselines": _numbers((each.gate, each.baseline) for each in shares),
        "samples": _numbers((each.gate, each.samples) for each in shares),
    }


def _numbers(values: Iterable[tuple[str, float | None]]) -> Values:
    return {gate: found for gate, value in values if (found := _number(value)) is not None}


def _reason(reason: Reason) -> Values:
    values: Values = {
        name: number
        for name in ("value", "baseline", "limit")
        if (number := _number(cast("float | None", getattr(reason, name)))) is not None
    }
    said = reason.finding is not Finding.PASSED or not values
    return {
        "gate": reason.gate,
        "cited": reason.cited,
        "finding": reason.finding.value,
        **({"text": reason.text} if said else {}),
        **values,
        **({"samples": samples} if (samples := _number(reason.samples)) else {}),
    }


def _number(value: float | None) -> float | None:
    """`value`, where JSON has it."""
    return value if value is not None and isfinite(value) and abs(value) <= _LARGEST else None


@dataclass(kw_only=True)
class Past:
    """What the journal says that one run has done so far."""

    run: str
    sequence: int = 0
    """Of its last decision."""
    settled: dict[str, float] = field(default_factory=dict[str, float])
    """The steps that set something, read it back and have it written down, and when they did."""
    decided: dict[str, Noted] = field(default_factory=dict[str, Noted])
    """The last decision of each judged step."""
    started: set[str] = field(default_factory=set[str])
    full: dict[str, int] = field(default_factory=dict[str, int])
    """How many instances each old side had when its turn came, also in the run it takes back."""
    questions: dict[str, NotedQuestion] = field(default_factory=dict[str, NotedQuestion])
    """What people were asked, by stage."""
    passed: set[str] = field(default_factory=set[str])
    """The stages that have passed once."""

    def settle(self, step: str, at: float) -> None:
        """`step` set something and read it back; a higher weight of its service is over."""
        service, is_weight, weight = step.rpartition(" weight ")
        if is_weight:
            for other in list(self.settled):
                of, _, higher = other.rpartition(" weight ")
                if of == service and int(higher) > int(weight):
                    del self.settled[other]
            self.settled.pop(VERIFY, None)
        self.settled[step] = at

    def forget(self, service: str) -> None:
        """What was asked and passed of `service` was for other weights than it has now."""
        for stage in [name for name in self.questions if name.startswith(f"{service} ")]:
            del self.questions[stage]
        self.passed -= {name for name in self.passed if name.startswith(f"{service} ")}


def past(entries: Sequence[Entry]) -> Past:
    """What the journal says of the run that was started last."""
    starts = [place for place, entry in enumerate(entries) if entry.kind == "run.started"]
    forward = [place for place in starts if entries[place].data["command"] == FORWARD]
    first = starts[-1]
    found = Past(run=entries[first].run)
    for entry in entries[max(forward, default=first) :]:
        if entry.kind == "step.note" and isinstance(full := entry.data.get("full"), int):
            found.full[str(entry.data["service"])] = full
    for entry in entries[first:]:
        if entry.run == found.run and entry.kind.startswith("step."):
            _read(entry, found)
    return found


def _read(entry: Entry, found: Past) -> None:
    step, data = str(entry.data["step"]), entry.data
    match entry.kind:
        case "step.started":
            found.started.add(step)
            found.settled.pop(step, None)
            found.decided.pop(step, None)
        case "step.done" if isinstance(at := data.get("at"), int | float):
            found.settle(step, float(at))
        case "step.note" if "sequence" in data:
            decision = Noted.model_validate(data)
            found.decided[step] = decision
            found.sequence = decision.sequence
            found.questions = dict(decision.questions)
            found.passed = set(decision.passed)
        case _:
            pass


def decides(entry: Entry) -> bool:
    """Whether `entry` is a decision."""
    return entry.kind == "step.note" and "sequence" in entry.data


def decisions(entries: Sequence[Entry]) -> list[Noted]:
    """Every decision in `entries`, in order."""
    return [Noted.model_validate(entry.data) for entry in entries if decides(entry)]
