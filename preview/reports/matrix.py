"""The compliance matrix: each control of each standard, and what its rules came to on what.

Controls are the ids that the rules name, and every section of the documents that the standards were
written from: one that no rule serves is listed, too, since another part of the system has to.
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from policies.registry import AnyRule
from preview.cases import Case, State, cases
from preview.reports.wording import shown
from preview.verdict import Verdict
from standards import requirement, requirements

FORMATS: Final = (".csv", ".json")

_KUBERNETES: Final = "K8s "
_FSBP: Final = "AWS Foundational Security Best Practices"
_CIS: Final = "CIS AWS Foundations Benchmark v5"
_CIS_KUBERNETES: Final = "CIS Kubernetes Benchmark"
_POD_SECURITY: Final = "Pod Security Standards"
_DOCUMENTS: Final = {
    "000": "000 Zero-defect releases",
    "001": "001 ZK payment system",
    "002": "002 Deployment phase",
    "003": "003 Prediction market",
    "004": "004 POD protocol platform",
}
"""The five documents by number, in the words of `standards/README.md`."""

_FAMILIES: Final = {_FSBP: "fsbp", _CIS: "cis", _CIS_KUBERNETES: "cis", _POD_SECURITY: "pss"}

_STATES: Final = (
    State.FAILED,
    State.NOT_EVALUATED,
    State.WAIVED,
    State.PASSED,
    State.NOT_APPLICABLE,
)
"""From what weighs most: a control is as good as the worst of its cases."""

NAMES_OF_STATES: Final[Mapping[State, str]] = {
    state: state.value.replace("_", " ") for state in _STATES
}
"""What people call the states, from what weighs most."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control: the rules that check it, and the cases of those by their state."""

    standard: str
    id: str
    rules: tuple[str, ...]
    cases: Mapping[State, tuple[Case, ...]]

    @property
    def family(self) -> str:
        """What a filter by standard calls it: a key of a rule's controls, or `requirement`."""
        return _FAMILIES.get(self.standard, "requirement")

    @property
    def state(self) -> str:
        """The state of the control as a whole; `no_rule` where no rule checks it."""
        if not self.rules:
            return "no_rule"
        found = (state for state in _STATES if self.cases.get(state))
        return next(found, State.NOT_APPLICABLE).value

    @property
    def count_most(self) -> int:
        """How many cases came to the state that most of them did."""
        return max(map(self.count, State))

    def count(self, state: State) -> int:
        """How many cases came to `state`."""
        return len(self.cases.get(state, ()))


def controls(verdict: Verdict) -> list[Control]:
    """Every control, by standard; within one in the order of its numbers."""
    named = {rule.id: tuple(dict.fromkeys(_controls_of(rule))) for rule in verdict.judgement.rules}
    serving: defaultdict[Key, list[str]] = defaultdict(list)
    for identifier, keys in named.items():
        for key in keys:
            serving[key].append(identifier)
    found: dict[Key, dict[State, list[Case]]] = {key: defaultdict(list) for key in serving}
    for case in cases(verdict.judgement):
        for key in named[case.rule.id]:
            found[key][case.state].append(case)
    for key in _sections():
        found.setdefault(key, {})
    return [
        Control(
            standard=key[0],
            id=key[1],
            rules=tuple(serving.get(key, ())),
            cases={state: tuple(own) for state, own in found[key].items()},
        )
        for key in sorted(found, key=_place)
    ]


def render(verdicts: Sequence[Verdict], suffix: str) -> str:
    """The matrix of `verdicts` as a file with `suffix`, one of `FORMATS`."""
    return _csv(verdicts) if suffix == ".csv" else _json(verdicts)


def _json(verdicts: Sequence[Verdict]) -> str:
    content = {
        "environments": [
            {
                "environment": verdict.title,
                "controls": [_object(control, _ending(verdict)) for control in controls(verdict)],
                "waivers": [waiver.model_dump(mode="json") for waiver in verdict.waivers],
                "waiver_problems": [str(each) for each in verdict.judgement.waiver_problems],
            }
            for verdict in verdicts
        ]
    }
    return json.dumps(content) + "\n"


def _object(control: Control, ending: Collection[str]) -> dict[str, Any]:
    return {
        "standard": control.standard,
        "control": control.id,
        "state": control.state,
        "rules": control.rules,
        **{state.value: control.count(state) for state in State},
        "resources": {
            state.value: _urns(control.cases[state], ending)
            for state in State
            if state in control.cases
        },
    }


def _csv(verdicts: Sequence[Verdict]) -> str:
    """A line a control; in a cell that lists resources each stands on a line of its own."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    counts = [state.value for state in State]
    named = [f"{state.value}_resources" for state in State]
    table.writerow(["environment", "standard", "control", "state", "rules", *counts, *named])
    for verdict in verdicts:
        ending = _ending(verdict)
        for control in controls(verdict):
            cells = (_urns(control.cases.get(state, ()), ending) for state in State)
            table.writerow(
                [
                    _cell(verdict.title),
                    control.standard,
                    control.id,
                    control.state,
                    " ".join(control.rules),
                    *(control.count(state) for state in State),
                    *("\n".join(_cell(urn) for urn in urns) for urns in cells),
                ]
            )
    return file.getvalue()


def _cell(text: str) -> str:
    """`text` on one line, and no formula where a spreadsheet would take it for one."""
    line = shown(text)
    return f"'{line}" if line.startswith(_FORMULA) else line


def _ending(verdict: Verdict) -> set[str]:
    """Where the waivers stand of which the judgement says that their last day is near."""
    return {problem.where for problem in verdict.judgement.waiver_problems if not problem.stops}


def _urns(found: Iterable[Case], ending: Collection[str]) -> list[str]:
    """The resources of `found`, each once; those of a waiver with its last day."""
    return list(dict.fromkeys(_named(case, ending) for case in found))


def _named(case: Case, ending: Collection[str]) -> str:
    waiver = next((finding.waiver for finding in case.findings if finding.waiver), None)
    if waiver is None:
        return case.resource.urn
    soon = ", soon" if waiver.place in ending else ""
    return f"{case.resource.urn} (until {waiver.expires}{soon})"


def _controls_of(rule: AnyRule) -> Iterator[Key]:
    """The controls that `rule` checks."""
    for each in rule.controls.fsbp:
        yield _FSBP, each
    for each in rule.controls.cis:
        kubernetes = each.startswith(_KUBERNETES)
        yield (_CIS_KUBERNETES if kubernetes else _CIS), each.removeprefix(_KUBERNETES)
    for each in rule.controls.pss:
        yield _POD_SECURITY, f"{each}: {rule.title.rstrip('.')}"
    for identifier in rule.requirements:
        yield from map(_section, requirement(identifier).sources)


@cache
def _sections() -> tuple[Key, ...]:
    """Every section of the documents that a requirement comes from."""
    return tuple(_section(source) for each in requirements().values() for source in each.sources)


def _section(source: str) -> Key:
    number, _, heading = source.partition(" ")
    return _DOCUMENTS[number], heading


def _place(key: Key) -> tuple[int, str, list[tuple[int, str]]]:
    """Published standards first; the numbers in an id count as numbers."""
    standard, control = key
    parts = [(int(part or 0), "") if part.isdigit() else (0, part) for part in _split(control)]
    order = tuple(_FAMILIES)
    return order.index(standard) if standard in order else len(order), standard, parts


def _split(control: str) -> list[str]:
    return re.split(r"(\d+)", control)
