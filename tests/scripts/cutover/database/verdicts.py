"""What the linter says of each statement in a corpus, as text for review.

`python -m tests.scripts.cutover.database.verdicts` writes verdicts.txt anew.
"""

import json
from pathlib import Path
from typing import Any, Final, cast

from scripts.cutover.database.change import Change
from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.lint import Phase, lint

_HERE: Final = Path(__file__).parent
FILE: Final = _HERE / "verdicts.txt"
SQUAWK: Final = cast(
    "dict[str, list[str]]", json.loads((_HERE / "squawk.json").read_text(encoding="utf-8"))
)
"""What squawk 2.70 says of each statement, without its rules of style and on timeouts."""


def change(kind: str = "additive", **more: Any) -> Change:  # noqa: ANN401 - any key of a change
    """A change of a class."""
    own: dict[str, Any] = (
        {"contract": "after"} if kind == "breaking" and "loses" not in more else {}
    )
    return Change.model_validate(
        {
            "name": "orders",
            "class": kind,
            "from": "base1",
            "to": "next1",
            "migrations": {"config": "alembic.ini"},
            **own,
            **more,
        }
    )


def rules(of: Change, sql: str, phase: Phase = Phase.BEFORE) -> list[str]:
    """The rules that `sql` breaks in a phase of a change."""
    return sorted({finding.rule for finding in lint(of, phase, Sql("change.sql", sql))})


def every_verdict() -> str:
    """Each statement, with what keeps it out of each class."""
    lines: list[str] = []
    for sql in SQUAWK:
        said = {
            "additive": rules(change(), sql),
            "data": rules(change("data"), sql),
            "expand": rules(change("breaking"), sql),
            "contract": rules(change("breaking"), sql, Phase.CONTRACT),
        }
        lines.append(sql)
        lines += [f"    {name}: {', '.join(found) or 'allowed'}" for name, found in said.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(every_verdict(), encoding="utf-8")
