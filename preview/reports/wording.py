"""Words that every report uses."""

import json
from collections.abc import Mapping
from typing import Final

from plan import Secret, Unknown, Value

NAMES_OF_STANDARDS: Final[Mapping[str, str]] = {
    "fsbp": "FSBP",
    "cis": "CIS",
    "checkov": "Checkov",
}
"""What people call the standards that a rule's controls belong to."""


def plural(count: int, one: str, many: str = "") -> str:
    """`count` of `one`: `1 resource`, `2 resources`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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
