"""The report as one HTML page that needs nothing else: for reviewers and security teams."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final, cast

from markupsafe import Markup, escape
from pydantic_core import to_json

from plan import Graph, Resource
from policies.judgement import Finding
from policies.settings import Severity
from preview.cases import Case
from preview.cost.estimate import Estimate, estimate
from preview.cost.prices import prices
from preview.picture import picture
from preview.reports.matrix import NAMES_OF_STATES, Control, controls
from preview.reports.picture import render as svg
from preview.reports.templates import templates
from preview.reports.wording import NAMES_OF_STANDARDS, dollars, figures, plural, shown
from preview.tree import Branch, branches
from preview.verdict import Use, Verdict
from standards import Requirement, requirement

_FOLDER: Final = Path(__file__).parent
_NAMED: Final = 50
"""How many resources of a control are named; the matrix in a file names all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figured:
    """One figure of a requirement, and the values that were built from it."""

    key: str
    amount: float
    uses: tuple[Use, ...]

    @property
    def settings(self) -> list[str]:
        """The names of the inputs that the values stand in, each once."""
        return sorted({use.cited.path.rpartition(".")[2] for use in self.uses})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A requirement with its figures that stand in the plan."""

    requirement: Requirement
    text: Markup
    figures: tuple[Figured, ...]


def render(verdicts: Sequence[Verdict], now: datetime | None = None) -> str:
    """The page on `verdicts`, made at `now`."""
    environment = templates(_FOLDER)
    own: dict[str, Callable[..., object]] = {
        "shown": shown,
        "plural": plural,
        "inputs": _inputs,
        "figures": figures,
    }
    cast("dict[str, Callable[..., object]]", environment.filters).update(own)
    return environment.get_template("page.html.j2").render(
        verdicts=verdicts,
        now=now or datetime.now(UTC),
        severities=list(Severity),
        standards=NAMES_OF_STANDARDS,
        requirement=requirement,
        sentences=sentences,
        matrix=_matrix,
        states=NAMES_OF_STATES,
        names=_names,
        types=_types,
        most_named=_NAMED,
        tree=_tree,
        marks=_marks,
        picture=_picture,
        estimate=_estimate,
        dollars=dollars,
    )


def sentences(verdict: Verdict) -> Iterator[Sentence]:
    """The sentences of the standards that the plan's values were built from."""
    for identifier, uses in verdict.uses.items():
        cited = requirement(identifier)
        by_key: defaultdict[str, list[Use]] = defaultdict(list)
        for use in uses:
            by_key[use.cited.key].append(use)
        figures = tuple(
            Figured(key=key, amount=cited.values[key], uses=tuple(own))
            for key, own in by_key.items()
        )
        yield Sentence(requirement=cited, text=_marked(cited.text, figures), figures=figures)


def _marked(text: str, figures: Sequence[Figured]) -> Markup:
    """`text` with the numbers of `figures` marked in it."""
    numbers = sorted({f"{figure.amount:g}" for figure in figures}, key=len, reverse=True)
    found = re.split(rf"(?<![\d.])({'|'.join(map(re.escape, numbers))})(?![\d]|\.\d)", text)
    # What the pattern's group matched stands at every second place.
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(found)
    )


def _tree(verdict: Verdict) -> Iterator[tuple[Branch, int]]:
    """Every resource with its place, and how many levels of the tree end behind it."""
    before: Branch | None = None
    for branch in branches(Graph(verdict.plan)):
        if before:
            yield before, before.depth - branch.depth
        before = branch
    if before:
        yield before, before.depth


def _marks(verdict: Verdict) -> dict[str, list[Finding]]:
    """The findings by the URN of their resource."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for group in verdict.groups:
        for finding in group.findings:
            found[finding.resource.urn].append(finding)
    return found


def _picture(verdict: Verdict) -> Markup:
    return svg(picture(verdict.plan))


def _estimate(verdict: Verdict) -> Estimate:
    return estimate(verdict.plan, prices())


def _matrix(verdict: Verdict) -> list[tuple[str, list[Control]]]:
    """The controls by standard."""
    by_standard = groupby(controls(verdict), key=lambda control: control.standard)
    return [(standard, list(own)) for standard, own in by_standard]


def _types(control: Control) -> list[str]:
    """The types of the resources that the control concerns."""
    return sorted({case.resource.type for own in control.cases.values() for case in own})


def _names(found: Sequence[Case]) -> str:
    """The resources of `found` by name, each once, and how many more there are."""
    names = list(dict.fromkeys(shown(case.resource.name) for case in found))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _inputs(resource: Resource) -> str:
    """The inputs as JSON, with words where a value is secret or not known."""
    return to_json(resource.inputs, fallback=shown, indent=2).decode()
