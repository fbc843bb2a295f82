"""The report as text: for a terminal, a log, a pipe."""

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self, TextIO

from plan import Graph, Resource
from policies.judgement import Finding
from policies.registry import Controls
from policies.settings import Level, Severity
from policies.waivers import Waiver
from preview.cost.estimate import estimate
from preview.cost.prices import prices
from preview.reports.wording import NAMES_OF_STANDARDS, dollars, figures, plural, shown
from preview.tree import branches
from preview.verdict import Doubt, Group, Verdict
from standards import requirement

_WIDEST: Final = 100
_NARROWEST: Final = 40
_NAMED: Final = 3
"""How many resources a line names before it only counts the others."""

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_COLOURS: Final = {
    Severity.CRITICAL: "1;31",
    Severity.HIGH: _RED,
    Severity.MEDIUM: _YELLOW,
    Severity.LOW: _CYAN,
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What the text is written on: its width, none for no limit, and whether it takes colours."""

    width: int | None = None
    colours: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Self:
        """What `stream` is: only a terminal has a width, and colours unless NO_COLOR is set."""
        if not stream.isatty():
            return cls()
        colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(width=shutil.get_terminal_size().columns, colours=colours)

    def paint(self, text: str, colour: str) -> str:
        """`text` in `colour`, where there are colours."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours and text else text

    def title(self, text: str, aside: str = "") -> str:
        """The heading of a section."""
        return self.paint(text, _BOLD) + (self.paint(f"  {aside}", _DIM) if aside else "")

    def wrap(self, text: str, indent: str = "  ", hanging: str | None = None) -> list[str]:
        """`text` in lines that are easy to read, each after `indent`."""
        width = max(_NARROWEST, min(self.width or _WIDEST, _WIDEST))
        return textwrap.wrap(
            text,
            width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )


def render(verdict: Verdict, paper: Paper, *, tree: bool = True) -> str:
    """The whole report on one plan, what matters most at its end: a terminal shows that first."""
    sections = [
        _heading(verdict, paper),
        _tree(verdict, paper) if tree else (),
        _services(verdict, paper),
        _cost(verdict, paper) if tree else (),
        _not_visible(verdict, paper),
        _doubts(verdict.doubts, paper),
        _waivers(verdict, paper),
        _findings(verdict, paper),
        _errors(verdict, paper),
        [_conclusion(verdict, paper)],
    ]
    texts = ("\n".join(section) for section in sections)
    return "\n\n".join(text for text in texts if text) + "\n"


def _heading(verdict: Verdict, paper: Paper) -> Iterator[str]:
    plan = verdict.plan
    stack = f"{plan.project}/{plan.stack}"
    yield paper.title(shown(verdict.title), f"stack {shown(stack)}, judged as {verdict.tier}")


def _tree(verdict: Verdict, paper: Paper) -> Iterator[str]:
    marks: dict[str, list[str]] = {}
    for group in verdict.groups:
        for finding in group.findings:
            marks.setdefault(finding.resource.urn, []).append(_mark(finding, paper))
    for branch in branches(Graph(verdict.plan)):
        resource = branch.resource
        type_, name = shown(resource.type), shown(resource.name)
        length = len(branch.lines) + len(type_) + 2 + len(name)
        line = f"{paper.paint(branch.lines, _DIM)}{type_}  {paper.paint(name, _BOLD)}"
        for aside in _asides(resource):
            length += 2 + len(aside)
            if paper.width is None or length <= paper.width:
                line += "  " + paper.paint(aside, _DIM)
        yield "  ".join([line, *dict.fromkeys(marks.get(resource.urn, ()))])


def _asides(resource: Resource) -> Iterator[str]:
    """What the tree says behind a resource: the figures it was built from, and its protection."""
    yield from figures(resource)
    if resource.options.protect:
        yield "protected"


def _mark(finding: Finding, paper: Paper) -> str:
    if finding.waiver:
        return paper.paint(f"~ {finding.rule.id}", _DIM)
    colour = _COLOURS[finding.rule.severity] if finding.stops else _YELLOW
    return paper.paint(f"{_sign(stops=finding.stops)} {finding.rule.id}", colour)


def _sign(*, stops: bool) -> str:
    return "✗" if stops else "!"


def _services(verdict: Verdict, paper: Paper) -> Iterator[str]:
    parts = len(verdict.plan.resources) - len(verdict.managed)
    aside = f"and {plural(parts, 'component, provider or stack', 'components, providers, stack')}"
    yield paper.title(f"{plural(len(verdict.managed), 'resource')} by service", aside)
    yield from _columns([(shown(name), str(n)) for name, n in verdict.services.items()], paper)
    values = sum(len(uses) for uses in verdict.uses.values())
    if values:
        sentences = plural(len(verdict.uses), "sentence")
        yield f"  {plural(values, 'value')} built from the figures of {sentences} of the standards"


def _cost(verdict: Verdict, paper: Paper) -> Iterator[str]:
    told = estimate(verdict.plan, prices())
    aside = f"US dollars at list prices of {told.prices.date}; what is billed by use comes on top"
    yield paper.title(f"{dollars(told.total)} a month", aside)
    yield from _columns([(shown(name), dollars(cost)) for name, cost in told.parts.items()], paper)


def _columns(cells: Sequence[tuple[str, str]], paper: Paper) -> Iterator[str]:
    """Names and numbers, as many side by side as there is room for, read from top to bottom."""
    if not cells:
        return
    wide = max(len(name) for name, _ in cells)
    digits = max(len(number) for _, number in cells)
    room = max(_NARROWEST, min(paper.width or _WIDEST, _WIDEST))
    across = max(1, (room - 2) // (wide + digits + 5))
    down = -(-len(cells) // across)
    for row in range(down):
        line = cells[row::down]
        yield "  " + "   ".join(f"{name:<{wide}}  {number:>{digits}}" for name, number in line)


def _findings(verdict: Verdict, paper: Paper) -> Iterator[str]:
    if not verdict.groups:
        return
    counts = verdict.counts
    aside = ", ".join(f"{counts[kind]} {kind}" for kind in (*Level, "waived") if counts[kind])
    yield paper.title("Findings", aside)
    for group in verdict.groups:
        yield ""
        yield from _group(group, paper)


def _group(group: Group, paper: Paper) -> Iterator[str]:
    rule = group.rule
    severity = paper.paint(rule.severity, _COLOURS[rule.severity])
    level = group.findings[0].level
    sign = paper.paint(_sign(stops=group.stops), _RED if group.stops else _YELLOW)
    yield f"{sign} {paper.paint(rule.id, _BOLD)}  {severity}, {level}"
    yield from paper.wrap(rule.title)
    for identifier in rule.requirements:
        yield from paper.wrap(f"{identifier} “{requirement(identifier).text}”", hanging="    ")
    yield from (paper.paint(line, _DIM) for line in paper.wrap(_controls(rule.controls)))
    for resource, findings in group.by_resource:
        yield _resource(resource, paper)
        for finding in findings:
            yield from _violation(finding, paper)
    first, *others = rule.remediation.splitlines() or [""]
    if first:
        yield from paper.wrap(f"→ {first}", hanging="    ")
    yield from (f"    {line}" if line else "" for line in others)


def _resource(resource: Resource, paper: Paper) -> str:
    line = f"  • {shown(resource.type)}  {paper.paint(shown(resource.name), _BOLD)}"
    if resource.source:
        line += "  " + paper.paint(shown(str(resource.source)), _CYAN)
    return line


def _violation(finding: Finding, paper: Paper) -> Iterator[str]:
    violation, waiver = finding.violation, finding.waiver
    said = f"{violation.path}: {violation.message}" if violation.path else violation.message
    yield from paper.wrap(shown(said), indent="    ")
    if waiver:
        until = f"waived until {waiver.expires}: {waiver.reason}"
        yield from paper.wrap(shown(until), indent="    ")


def _controls(controls: Controls) -> str:
    named = (
        f"{name} {', '.join(getattr(controls, key))}"
        for key, name in NAMES_OF_STANDARDS.items()
        if getattr(controls, key)
    )
    return " · ".join(named)


def _waivers(verdict: Verdict, paper: Paper) -> Iterator[str]:
    in_force, problems = verdict.waivers, verdict.judgement.waiver_problems
    if in_force or problems:
        yield paper.title("Waivers in force", str(len(in_force)))
    for waiver in in_force:
        yield from _waiver(waiver, paper)
    for problem in problems:
        yield from paper.wrap(f"{_sign(stops=problem.stops)} {shown(str(problem))}", hanging="    ")


def _waiver(waiver: Waiver, paper: Paper) -> Iterator[str]:
    yield f"  • {waiver.rule} on {shown(waiver.resource)}"
    yield from paper.wrap(shown(waiver.reason), indent="    ")
    people = f"owner {waiver.owner}, approved by {waiver.approver}, until {waiver.expires}"
    yield from paper.wrap(shown(people), indent="    ")


def _doubts(doubts: Sequence[Doubt], paper: Paper) -> Iterator[str]:
    if not doubts:
        return
    times = sum(len(doubt.resources) for doubt in doubts)
    yield paper.title("Not evaluated", f"{plural(times, 'check')}, decided by the engine at apply")
    for doubt in doubts:
        names = _names(resource.name for resource in doubt.resources)
        yield from paper.wrap(
            f"• {doubt.rule.id}: {shown(doubt.reason)} ({names})", indent="  ", hanging="    "
        )


def _names(names: Iterable[str]) -> str:
    """The first few of `names`, and how many more there are."""
    found = [shown(name) for name in names]
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _not_visible(verdict: Verdict, paper: Paper) -> Iterator[str]:
    if not verdict.limits:
        return
    yield paper.title("Not visible here")
    for sentence in verdict.limits:
        yield from paper.wrap(f"• {shown(sentence)}", hanging="    ")


def _errors(verdict: Verdict, paper: Paper) -> Iterator[str]:
    errors = verdict.judgement.errors
    if not errors:
        return
    yield paper.title("Rules that failed to run", "a defect of the rule: nothing was decided")
    for error in errors:
        resource = error.resource
        yield f"  • {error.rule.id} on {shown(resource.type)}  {shown(resource.name)}"
        yield from paper.wrap(shown(error.message), indent="    ")


def _conclusion(verdict: Verdict, paper: Paper) -> str:
    counts = verdict.counts
    if verdict.failed:
        broken = sum(problem.stops for problem in verdict.judgement.waiver_problems)
        parts = [plural(counts[Level.MANDATORY], "mandatory finding")]
        if verdict.judgement.errors:
            parts.append(plural(len(verdict.judgement.errors), "rule error"))
        if broken:
            parts.append(plural(broken, "waiver to correct", "waivers to correct"))
        return paper.paint(f"✗ {shown(verdict.title)}: {', '.join(parts)}", "1;31")
    aside = f", {counts[Level.ADVISORY]} advisory" if counts[Level.ADVISORY] else ""
    done = f"no mandatory finding{aside} in {plural(verdict.checks, 'check')}"
    return paper.paint(f"✓ {shown(verdict.title)}: {done}", "1;32")
