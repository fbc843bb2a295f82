"""How each gate stood at a decision, with all that it was decided on, in units that people use.

A decision to hold keeps in the journal what changed since the one before, and the shares. Here it
is whole again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.request import Cutover
from scripts.cutover.planning.steps import Step, weight_id
from scripts.cutover.report import words
from scripts.cutover.running.record import VERIFY, Noted, NotedReason, past
from scripts.runs.journal import Entry
from scripts.runs.steps import duration

_ORDER: Final = (
    Finding.BREACHED,
    Finding.UNKNOWN,
    Finding.UNDECIDED,
    Finding.ACCEPTED,
    Finding.PASSED,
)
_BEGINS: Final[Mapping[Period, Callable[[Step], str]]] = {
    Period.WINDOW: weight_id,
    Period.FIRST_MINUTES: lambda _: VERIFY,
}
"""The step of a run with which a stage begins."""
_GIGABYTE: Final = 1e9


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How one gate stood, in words."""

    finding: Finding
    what: str
    """What is measured of what, such as `api: requests that fail`."""
    value: str = ""
    limit: str = ""
    baseline: str = ""
    """What it is compared with: the old side, or what was recorded of it."""
    samples: str = ""
    then: str = ""
    """What follows where it is breached."""
    cited: str = ""
    text: str = ""
    """Why, where the values do not say it."""

    @property
    def sentence(self) -> str:
        """It, in a few words."""
        if not self.value:
            return f"{self.what}: {self.text}" if self.text else self.what
        numbers = [
            f"{self.value}{' of ' if self.baseline else ' at '}{self.samples}",
            f"limit {self.limit}" if self.limit else "",
            f"baseline {self.baseline}" if self.baseline else "",
        ]
        return f"{self.what}: {', '.join(filter(None, numbers))}"


def whole(decisions: Iterable[Noted]) -> Iterator[Noted]:
    """Each of `decisions` with how every gate of its step stood then, those that count first."""
    step, found = "", dict[str, NotedReason]()
    for noted in decisions:
        is_brief = noted.kind is Kind.HOLD and noted.step == step
        step, found = noted.step, found if is_brief else {}
        found |= {each.gate: each for each in noted.reasons if not _is_time(each, noted)}
        found |= {gate: _now(each, noted) for gate, each in found.items() if gate in noted.values}
        reasons = sorted(found.values(), key=lambda each: _ORDER.index(each.finding))
        yield noted.model_copy(update={"reasons": tuple(reasons)})


def _is_time(reason: NotedReason, noted: Noted) -> bool:
    """Whether it says no more than that the stage has to last longer."""
    return reason.cited == "PIPE-03" and reason.gate in noted.stage.split(", ")


def _now(reason: NotedReason, noted: Noted) -> NotedReason:
    """`reason` with the values of a decision that did not repeat it."""
    values = {
        "value": noted.values[reason.gate],
        "baseline": noted.baselines.get(reason.gate, reason.baseline),
        "samples": noted.samples.get(reason.gate, 0),
    }
    return reason.model_copy(update=values)


def open_of(noted: Noted) -> Sequence[NotedReason]:
    """The gates that have not passed."""
    good = {Finding.PASSED, Finding.ACCEPTED}
    return [each for each in noted.reasons if each.finding not in good]


def gates_of(cutover: Cutover | None) -> Mapping[str, Gate]:
    """Every gate that `cutover` is held against, by what decisions call it."""
    steps = cutover.plan.steps if cutover else ()
    return {gate.id: gate for step in steps for gate in step.gates}


def ends_of(cutover: Cutover | None, entries: Sequence[Entry]) -> Mapping[str, float]:
    """When each stage of a forward run, whose entries these are, has lasted as it has to."""
    if cutover is None or not entries:
        return {}
    settled = past(entries).settled
    return {
        f"{step.service} {step.name}": since + step.bake
        for step in cutover.plan.steps
        if step.period in _BEGINS and (since := settled.get(_BEGINS[step.period](step))) is not None
    }


def end_of(noted: Noted, ends: Mapping[str, float]) -> float | None:
    """When what `noted` was decided about has lasted as it has to."""
    return max((ends[stage] for stage in noted.stage.split(", ") if stage in ends), default=None)


def measured(reason: NotedReason, gate: Gate | None) -> Measured:
    """How `gate` stood; what is no gate of the plan (an alarm, a test) has words of its own."""
    if gate is None or reason.value is None:
        what = bare(reason.gate) if gate is None else _what(gate)
        return Measured(
            finding=reason.finding,
            what=what,
            then=str(gate.action) if gate else "",
            cited=reason.cited,
            text=reason.text,
        )
    allowed = reason.limit
    if isinstance(gate, Share) and gate.is_above_baseline and reason.baseline is not None:
        allowed = gate.limit + reason.baseline  # which changes from look to look
    return Measured(
        finding=reason.finding,
        what=_what(gate),
        value=in_units(gate, reason.value),
        limit="" if allowed is None else limit(gate, allowed),
        baseline="" if reason.baseline is None else in_units(gate, reason.baseline),
        samples=_samples(gate, reason.samples) if reason.samples else "",
        then=str(gate.action),
        cited=reason.cited,
    )


def names(gates: Iterable[str], known: Mapping[str, Gate]) -> str:
    """What people call `gates`, each once."""
    called = (_what(known[each]) if each in known else bare(each) for each in gates)
    return ", ".join(dict.fromkeys(called))


def bare(gate: str) -> str:
    """The name of a gate without what it comes from."""
    return gate.partition(" (")[0]


def _what(gate: Gate) -> str:
    service = gate.series.partition("/")[0]
    return f"{service}: {gate.what}"


def unit(gate: Gate) -> str:
    """What `gate` is decided by so many of."""
    if gate.series.endswith("/transactions"):
        return "transaction"
    return "request" if isinstance(gate, Share) else "point"


def _samples(gate: Gate, samples: float) -> str:
    return f"{samples:,.0f} {unit(gate)}{'s' * (samples != 1)}"


def in_units(gate: Gate, value: float) -> str:
    """`value` of what `gate` is about."""
    match gate:
        case Share():
            return words.share(value)
        case Level(unit=" bytes"):
            return f"{value / _GIGABYTE:,.4g} GB"
        case Level():
            return f"{value:,.4g}{gate.unit}"
        case _:
            return f"{value:,.4g}"


def limit(gate: Gate, value: float) -> str:
    """What `gate` allows, where its limit is `value`."""
    lasting = f" for over {duration(gate.window)}" if gate.window else ""
    match gate:
        case Event():
            return f"not{lasting}" if lasting else "none"
        case Level(is_minimum=True):
            return f"at least {in_units(gate, value)}{lasting}"
        case Level(reaches=True):
            return f"under {in_units(gate, value)}{lasting}"
        case _:
            return f"{in_units(gate, value)}{lasting}"
