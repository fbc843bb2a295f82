"""A product's own command for its schema: `status`, `sql FROM TO`, `to REVISION`, `back REVISION`.

Its only argument before those is the file with its revisions.
"""

import json
import sys
from pathlib import Path
from typing import Any

import psycopg


def main(file: str, action: str, *revisions: str) -> None:
    """Do one thing."""
    every: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    if action == "sql":
        _print(every, *revisions)
        return
    with psycopg.connect(autocommit=True) as session:  # libpq's variables say where
        session.execute("CREATE TABLE IF NOT EXISTS schema_version (revision text NOT NULL)")
        row = session.execute("SELECT revision FROM schema_version").fetchone()
        there = str(row[0]) if row else "base"
        if action == "status":
            sys.stdout.write(json.dumps({"revision": there}) + "\n")
            return
        _move(session, every, there, revisions[0], is_back=action == "back")


def _move(
    session: psycopg.Connection, every: dict[str, Any], there: str, to: str, *, is_back: bool
) -> None:
    way = _path(every, to, there)[::-1] if is_back else _path(every, there, to)
    for name in way:
        after, up, down = every[name]
        inside, alone = down if is_back else up
        for sql in alone:  # may be run again, as after a kill
            session.execute(sql)
        with session.transaction():
            for sql in inside:
                session.execute(sql)
            session.execute("DELETE FROM schema_version")
            told = after if is_back else name
            session.execute("INSERT INTO schema_version VALUES (%s)", (told,))


def _print(every: dict[str, Any], first: str, last: str) -> None:
    forward = _path(every, first, last)
    for name in forward or _path(every, last, first)[::-1]:
        inside, alone = every[name][1 if forward else 2]
        lines = [*alone, *(["BEGIN", *inside, "COMMIT"] if inside else [])]
        sys.stdout.write("".join(f"{sql};\n" for sql in lines))


def _path(every: dict[str, Any], first: str, last: str) -> list[str]:
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
    main(*sys.argv[1:])
