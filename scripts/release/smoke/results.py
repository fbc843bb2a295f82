"""What smoke tests found, and what follows from it: a pure function of the results (SMOKE-07)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.runs.canonical import Json
from standards import figure

_CRITICAL: Final = figure("SMOKE-07", "critical_failures_max_count")
_OTHERS: Final = figure("SMOKE-07", "non_critical_failures_investigate_min_percent")
_ALL: Final = figure("SMOKE-06", "pass_rate_target_percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one test went."""

    name: str
    requirements: tuple[str, ...]
    critical: bool
    passed: bool
    seconds: float
    asked: str
    came: str
    allowed: str = ""
    advice: str = ""
    """What to do next, where it failed."""

    def __str__(self) -> str:
        if self.passed:
            return f"{self.name}: {self.came}"
        said = f"{self.name}: asked {self.asked}; came {self.came}; allowed {self.allowed}"
        return f"{said} ({', '.join(self.requirements)}). {self.advice}"

    def facts(self) -> dict[str, Json]:
        """The result for a journal or for programs."""
        told: dict[str, Json] = {
            "name": self.name,
            "requirements": list(self.requirements),
            "critical": self.critical,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "asked": self.asked,
            "came": self.came,
        }
        if not self.passed:
            told |= {"allowed": self.allowed, "advice": self.advice}
        return told


def judged(results: Sequence[Result], *, is_live: bool) -> Decision:
    """What follows from `results`.

    One critical failure rolls back. In production once users are there (`is_live`), fewer than a
    tenth of the others may fail and are written down; more of them, and any elsewhere, where all
    have to pass, are a person's to decide: as the standards settle it (SMOKE-07), the tenth governs
    production after the switch, and staging's verification needs all. Tests that were not made are
    no pass.
    """
    reasons = [_reason(result) for result in results]
    failed = [reason for reason in reasons if reason.finding is Finding.BREACHED]
    passed = [reason for reason in reasons if reason.finding is Finding.PASSED]
    critical = [it for it in results if it.critical and not it.passed]
    if len(critical) > _CRITICAL.count:
        first = Reason(
            gate="smoke tests, critical",
            cited=str(_CRITICAL),
            finding=Finding.BREACHED,
            text=f"{len(critical)} critical failed, {_CRITICAL.count} may",
            value=len(critical),
            limit=_CRITICAL.count,
            samples=sum(it.critical for it in results),
        )
        return Decision(kind=Kind.ROLL_BACK, reasons=(first, *failed, *passed))
    others = [it for it in results if not it.critical]
    share = sum(not it.passed for it in others) / len(others) if others else 0.0
    if not any(it.critical for it in results):
        first = Reason(
            gate="smoke tests",
            cited=str(_ALL),
            finding=Finding.UNKNOWN,
            text="no critical test was made, so nothing shows that the release works",
        )
        return Decision(
            kind=Kind.ASK,
            reasons=(first, *failed, *passed),
            asked=frozenset({first.gate}),
        )
    limit = _OTHERS.fraction if is_live else 0.0
    is_too_many = share >= limit if is_live else share > limit
    first = Reason(
        gate="smoke tests, not critical",
        cited=str(_OTHERS if is_live else _ALL),
        finding=Finding.BREACHED if is_too_many else Finding.PASSED,
        text=f"{len(failed)} of {len(others)} that are not critical failed ({share:.0%}), "
        + (f"allowed below {limit:.0%}" if is_live else "all have to pass here"),
        value=share,
        limit=limit,
        samples=len(others),
    )
    if is_too_many:
        return Decision(
            kind=Kind.ASK,
            reasons=(first, *failed, *passed),
            asked=frozenset({first.gate, *(it.gate for it in failed)}),
        )
    return Decision(kind=Kind.CONTINUE, reasons=(first, *failed, *passed))


def flakiness(runs: Sequence[Sequence[Result]]) -> Reason:
    """How many results changed when the same tests were run again (SMOKE-06)."""
    most = figure("SMOKE-06", "flakiness_below_percent")
    changed = total = 0
    for first, again in pairwise(runs):
        before = {result.name: result.passed for result in first}
        both = [result for result in again if result.name in before]
        total += len(both)
        changed += sum(result.passed != before[result.name] for result in both)
    share = changed / total if total else 0.0
    is_flaky = share >= most.fraction
    return Reason(
        gate="smoke tests, run again",
        cited=str(most),
        finding=Finding.BREACHED if is_flaky else Finding.PASSED,
        text=f"{changed} of {total} results changed ({share:.1%}), allowed below "
        f"{most.fraction:.0%}",
        value=share,
        limit=most.fraction,
        samples=total,
    )


def _reason(result: Result) -> Reason:
    return Reason(
        gate=f"smoke: {result.name}",
        cited=result.requirements[0],
        finding=Finding.PASSED if result.passed else Finding.BREACHED,
        text=str(result).removeprefix(f"{result.name}: "),
        value=result.seconds,
        samples=1,
    )
