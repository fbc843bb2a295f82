"""How a stack changes, as Markdown: what a comment on a pull request says."""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final

from plan import Resource, Value
from plan.difference import Change, Changed, Difference
from plan.model import PROVIDER_PREFIX
from policies.judgement import Finding

_ROWS: Final = 60
"""How many resources a table names before it only counts the others."""
_CHANGES: Final = 6
"""How many changes of one resource are told."""
_LENGTH: Final = 60
"""How many characters of a value are told."""
_CONTEXT: Final = 12
"""How many characters are told that two long texts have in common."""
_UNTOLD: Final = re.compile(r"[`|\s]+")


def markdown(
    name: str, difference: Difference, findings: Sequence[Finding], before: Sequence[Finding]
) -> str:
    """What becomes of the stack `name`: resources, `findings`, and which were there `before`."""
    known = {_key(finding) for finding in before}
    lines = [f"### {name}: {_counts(difference)}", ""]
    rows = list(_rows(difference))
    if rows:
        lines += ["| | Resource | What |", "|---|---|---|", *rows[:_ROWS]]
        if len(rows) > _ROWS:
            lines.append(f"| | and {len(rows) - _ROWS} more | |")
        lines.append("")
    stopping = sum(finding.stops for finding in findings)
    new = sum(_key(finding) not in known for finding in findings)
    lines.append(f"Findings: {len(findings)}, {stopping} of them mandatory, {new} new.")
    shown = [each for each in findings if each.stops or _key(each) not in known]
    lines += [_finding(each, is_new=_key(each) not in known) for each in shown[:_ROWS]]
    if len(shown) > _ROWS:
        lines.append(f"- and {len(shown) - _ROWS} more")
    return "\n".join([*lines, ""])


def _counts(difference: Difference) -> str:
    counted = {
        "added": difference.added,
        "changed": difference.changed,
        "removed": difference.removed,
    }
    told = [f"{len(each)} {what}" for what, each in counted.items() if each]
    return ", ".join(told) or "the same resources"


def _rows(difference: Difference) -> Iterator[str]:
    """A row a resource: what goes first, since that is what cannot be taken back."""
    for resource in difference.removed:
        kept = "stays in the cloud" if resource.options.retain_on_delete else ""
        yield f"| - | {_named(resource)} | {kept or _guarded(resource)} |"
    for changed in difference.changed:
        yield f"| ~ | {_named(changed.after)} | {_changes(changed)} |"
    for resource in difference.added:
        yield f"| + | {_named(resource)} | |"


def _guarded(resource: Resource) -> str:
    return "protected: the update will fail" if resource.options.protect else ""


def _changes(changed: Changed) -> str:
    told = [_change(each) for each in changed.changes[:_CHANGES]]
    more = len(changed.changes) - _CHANGES
    return "<br>".join([*told, *([f"and {more} more"] if more > 0 else [])])


def _change(change: Change) -> str:
    """What becomes of an input; of two long texts only what follows their common beginning."""
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str):
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
        same = sum(1 for _ in alike) - _CONTEXT
        if same > _CONTEXT:
            before, after = f"…{before[same:]}", f"…{after[same:]}"
    return f"{_code(change.path)}: {_shown(before)} → {_shown(after)}"


def _finding(finding: Finding, *, is_new: bool) -> str:
    marks = [
        finding.level.value,
        *(["new"] if is_new else []),
        *(["waived"] if finding.waiver else []),
    ]
    return (
        f"- {', '.join(marks)}: {_code(finding.rule.id)} on {_named(finding.resource)}:"
        f" {_UNTOLD.sub(' ', finding.violation.message)}"
    )


def _named(resource: Resource) -> str:
    kind = resource.type.removeprefix(PROVIDER_PREFIX)
    return f"{_code(kind)} **{_UNTOLD.sub(' ', resource.name)}**"


def _shown(value: Value) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else repr(value)
    return _code(text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…")


def _code(text: str) -> str:
    """`text` as code in a cell of a table: on one line, without what ends either."""
    return f"`{_UNTOLD.sub(' ', text) or ' '}`"


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule.id, finding.resource.urn, finding.violation.message
