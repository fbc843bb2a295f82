"""A product's own command for its schema: `status`, `sql FROM TO`, `to REVISION`, `back REVISION`.

Before those come the file with its revisions and PostgreSQL's psql, which libpq's variables tell
where the database is.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_STATUS = (
    "CREATE TABLE IF NOT EXISTS schema_version (revision text NOT NULL);"
    " SELECT revision FROM schema_version"
)


def main(file: str, psql: str, action: str, *revisions: str) -> int:
    """Do one thing; the exit code."""
    every: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    if action == "sql":
        sys.stdout.write(_script(every, *revisions, is_noted=False))
        return 0
    asked = [psql, "-XqAt", "-v", "ON_ERROR_STOP=1"]
    told = subprocess.run([*asked, "-c", _STATUS], capture_output=True, text=True, check=True)  # noqa: S603 - psql
    there = told.stdout.strip() or "base"
    if action == "status":
        sys.stdout.write(json.dumps({"revision": there}) + "\n")
        return 0
    script = _script(every, there, revisions[0], is_noted=True)
    return subprocess.run([*asked, "-f", "-"], input=script, text=True, check=False).returncode  # noqa: S603 - psql


def _script(every: dict[str, Any], first: str, last: str, *, is_noted: bool) -> str:
    forward = _path(every, first, last)
    lines: list[str] = []
    for name in forward or _path(every, last, first)[::-1]:
        inside, alone = every[name][1 if forward else 2]
        told = name if forward else every[name][0]
        noted = ["DELETE FROM schema_version", f"INSERT INTO schema_version VALUES ('{told}')"]  # noqa: S608 - a name of ours
        lines += alone  # may be run again, as after a kill
        if inside or is_noted:
            lines += ["BEGIN", *inside, *(noted if is_noted else []), "COMMIT"]
    return "".join(f"{line};\n" for line in lines)


def _path(every: dict[str, Any], first: str, last: str) -> Sequence[str]:
    """The revisions after `first` up to `last`; none where that is no way forward."""
    found: list[str] = []
    at = last
    while at != first:
        if at not in every:
            return []
        found.append(at)
        at = every[at][0]
    return found[::-1]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
