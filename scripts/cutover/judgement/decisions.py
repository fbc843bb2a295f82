"""Decisions: what is to be done now, and each finding that it rests on, with its values."""

from dataclasses import dataclass
from enum import StrEnum

from scripts.cutover.judgement.gates import Gate
from scripts.cutover.judgement.observations import Answer


class Kind(StrEnum):
    """What is to be done."""

    CONTINUE = "continue"
    HOLD = "hold"
    ROLL_BACK = "roll back"
    ASK = "ask"
    REFUSE = "refuse"


class Finding(StrEnum):
    """How one gate stands. Only the first and the last let a release go on."""

    PASSED = "passed"
    UNDECIDED = "undecided"
    UNKNOWN = "unknown"
    BREACHED = "breached"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """How one gate stands, and why."""

    gate: str
    cited: str
    """The requirement, with the figure where there is one."""
    finding: Finding
    text: str
    value: float | None = None
    baseline: float | None = None
    limit: float | None = None
    samples: float = 0
    """How many requests or points the value was taken from."""

    def __str__(self) -> str:
        return f"{self.gate} {self.finding}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done now."""

    kind: Kind
    reasons: tuple[Reason, ...]
    """Those that decided first, then the others."""
    asked: frozenset[str] = frozenset()
    """The gates that a person is asked for."""
    until: float | None = None
    """When a question is answered by its default."""
    default: Answer | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a gate was found, before it is known what follows."""

    gate: Gate
    reason: Reason
    blind_since: float | None = None
    """Since when its series says nothing, where it does."""
