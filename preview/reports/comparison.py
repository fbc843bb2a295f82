"""How two environments differ, as text, as JSON and as a page."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from plan import Value
from preview.comparison import WHOLE, Comparison, Declared
from preview.reports.terminal import Paper
from preview.reports.wording import plural

_FOLDER: Final = Path(__file__).parent
_LENGTH: Final = 48
"""How many characters of a value a line shows."""
_GREEN, _RED = "32", "31"


def terminal(found: Comparison, paper: Paper) -> str:
    """Every setting and every resource that differs, each with why it may."""
    ours, theirs = found.ours.name, found.theirs.name
    lines = [
        paper.title(f"{ours} against {theirs}", "what differs, and whether it may (ENV-07)"),
        "",
    ]
    lines.append(paper.title(f"Settings: {len(found.settings)}", f"{ours} → {theirs}"))
    for each in found.settings:
        mark = _mark(paper, allowed=bool(each.allowed))
        why = each.allowed or "may not differ"
        lines.append(
            f"  {mark} {each.key}: {short(each.staging)} → {short(each.production)}  ({why})"
        )
    lines += ["", paper.title(f"Declared: {len(found.declared)}", _names(found))]
    lines += [f"  {line}" for line in _resources(found, paper)]
    lines.append("")
    lines += [f"{_mark(paper, allowed=False)} {problem}" for problem in found.problems]
    lines.append(f"{_mark(paper, allowed=not found.failed)} {verdict(found)}")
    return "\n".join([*lines, ""])


def json_text(found: Comparison) -> str:
    """All of it as one object, documented in docs/reports.md."""
    content = {
        "environments": [found.ours.name, found.theirs.name],
        "failed": found.failed,
        "problems": found.problems,
        "settings": [
            {
                "key": each.key,
                "values": [each.staging, each.production],
                "allowed": bool(each.allowed),
                "reason": each.allowed or None,
            }
            for each in found.settings
        ],
        "declared": [
            {
                "type": each.type,
                "name": each.name,
                "path": each.path,
                "values": [_plain(each.ours), _plain(each.theirs)],
                "allowed": bool(each.allowed),
                "reason": each.allowed or None,
            }
            for each in found.declared
        ],
        "names": found.names,
    }
    return json.dumps(content, indent=2) + "\n"


def html(found: Comparison) -> str:
    """The same as one page that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = short
    template = environment.get_template("comparison.html.j2")
    return template.render(found=found, verdict=verdict(found), whole=WHOLE, names=_names(found))


def verdict(found: Comparison) -> str:
    """Whether the environment can stand in for the other, in a sentence."""
    ours, theirs = found.ours.name, found.theirs.name
    if not found.failed:
        return f"{ours} differs from {theirs} only where it may"
    wrong = [each for each in found.declared if not each.allowed]
    parts = [
        *([plural(len(found.problems), "setting")] if found.problems else []),
        *([f"{len(wrong)} of what is declared"] if wrong else []),
    ]
    return f"{ours} differs from {theirs} where it may not: {', '.join(parts)}"


def short(value: object) -> str:
    """`value` on one line, cut where it is long."""
    if value is None:
        return "not set"
    if isinstance(value, list):
        return short(", ".join(str(item) for item in value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] any
    text = " ".join(str(value).split())
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"


def _resources(found: Comparison, paper: Paper) -> Iterator[str]:
    """A line a resource: what may not differ first."""
    by_resource: defaultdict[tuple[bool, str, str], list[Declared]] = defaultdict(list)
    for each in found.declared:
        by_resource[bool(each.allowed), each.type, each.name].append(each)
    for (allowed, kind, name), own in sorted(by_resource.items(), key=lambda item: item[0]):
        first = own[0]
        if first.path == WHOLE:
            where = found.ours.name if first.ours else found.theirs.name
            what = f"only in {where}"
        else:
            what = f"{first.path} {short(first.ours)} → {short(first.theirs)}"
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        why = first.allowed or "may not differ: nothing in the settings explains it"
        yield f"{_mark(paper, allowed=allowed)} {kind}  {name}  {what}{more}  ({why})"


def _names(found: Comparison) -> str:
    return f"besides {found.names} that differ in names alone"


def _mark(paper: Paper, *, allowed: bool) -> str:
    return paper.paint("✓", _GREEN) if allowed else paper.paint("✗", _RED)


def _plain(value: Value) -> object:
    """`value` as JSON has it; what it has no form for by its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return repr(value)
