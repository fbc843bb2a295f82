"""Words that every report uses."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from plan import Resource, Secret, Unknown, Value
from preview.cost.estimate import Monthly
from preview.verdict import uses_of

NAMES_OF_STANDARDS: Final[Mapping[str, str]] = {
    "fsbp": "FSBP",
    "cis": "CIS",
    "checkov": "Checkov",
    "pss": "Pod Security Standards",
}
"""What people call the standards that a rule's controls belong to."""

_LONGEST: Final = 100
"""Characters of a value that stand in a line."""


def plural(count: int, one: str, many: str = "") -> str:
    """`count` of `one`: `1 resource`, `2 resources`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def dollars(cost: Monthly) -> str:
    """What something costs: `1,946` where that is sure, else `1,946 to 4,634`."""
    least, most = f"{cost.least:,.0f}", f"{cost.most:,.0f}"
    return least if least == most else f"{least} to {most}"


def figures(resource: Resource) -> Iterator[str]:
    """Which inputs of `resource` hold a standard's figure: `threshold 70 ← SCALE-01`.

    A text of many lines is named, and not shown: `data ← PM-06`.
    """
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for use in uses_of(resource):
        key = use.cited.path.rpartition(".")[2]
        is_text = isinstance(use.value, str) and len(use.value) > _LONGEST
        value = "" if is_text else f"{shown(use.value)} "
        keys[f"{value}← {use.cited.requirement}"].append(shown(key))
    for origin, named in keys.items():
        yield f"{', '.join(dict.fromkeys(named))} {origin}"


def shown(value: Value) -> str:
    """`value` for a person, on one line: no secret, and no character that steers a terminal."""
    match value:
        case Secret():
            return "[secret]"
        case Unknown():
            return "[secret], known after apply" if value.secret else "known after apply"
        case str():
            text = value
        case _:
            text = json.dumps(value, default=shown, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
