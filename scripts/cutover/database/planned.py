"""The SQL of a change, as whatever migrates prints it without a database."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.cutover.database.change import Alembic, Change, ChangeError, Class
from scripts.cutover.database.ddl import Sql, statements
from scripts.cutover.database.lint import Finding, Phase, lint, what_it_makes
from scripts.runs.canonical import digest

_SECONDS: Final = 60
_REVISION: Final = re.compile(r"""^revision(?:\s*:[^=\n]*)?\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Planned:
    """A change with the SQL of its phases."""

    change: Change
    before: Sql
    contract: Sql | None
    reverse: Sql | None

    @property
    def hash(self) -> str:
        """What tells it from every other: the declaration, and all of its SQL."""
        return digest(
            {
                "change": self.change.hash,
                **{name: sql.text if sql else None for name, sql in self._phases.items()},
            }
        )

    @property
    def _phases(self) -> dict[str, Sql | None]:
        return {"before": self.before, "contract": self.contract, "reverse": self.reverse}

    def findings(self) -> list[Finding]:
        """What keeps it from being run."""
        found = lint(self.change, Phase.BEFORE, self.before)
        if self.contract:
            # What was expanded before is in use when it is contracted.
            found += lint(self.change, Phase.CONTRACT, self.contract)
        if self.reverse:
            found += lint(self.change, Phase.REVERSE, self.reverse, made=what_it_makes(self.before))
        return found

    def refusals(self) -> list[str]:
        """Why it is not run at all, each with what to do."""
        refused = [str(each) for each in self.findings()]
        if self.reverse and not list(statements(self.reverse)):
            refused.append(
                f"{self.change.name}: its way back is empty, and nothing undoes the data migration "
                f"(ROLL-13). Write the downgrade of {self.change.to_revision}"
            )
        unused = [
            each
            for each in self.change.allow
            if not any((each.rule, each.on) == (hit.rule, hit.on) for hit in self._unwaived())
        ]
        refused += [
            f"{self.change.name}: allow: nothing breaks {each.rule} on {each.on} any more: take "
            "it out"
            for each in unused
        ]
        return refused

    def indexes(self, phase: Phase) -> list[str]:
        """The indexes that a phase builds concurrently, by name."""
        sql = self.contract if phase is Phase.CONTRACT else self.before
        made = what_it_makes(sql).objects if sql else set[str]()
        return sorted(each.removeprefix("index ") for each in made if each.startswith("index "))

    def _unwaived(self) -> list[Finding]:
        bare = self.change.model_copy(update={"allow": ()})
        return Planned(bare, self.before, self.contract, self.reverse).findings()


def plan_sql(change: Change, folder: Path) -> Planned:
    """`change`, whose file lies in `folder`, with its SQL.

    Raises:
        ChangeError: what migrates could not print it.
    """
    first, last = change.from_revision, change.to_revision
    return Planned(
        change,
        before=_file(folder, change.sql) or _printed(change, folder, "upgrade", first, last),
        contract=_printed(change, folder, "upgrade", last, change.contract)
        if change.contract
        else None,
        reverse=_file(folder, change.reverse_sql)
        or _printed(change, folder, "downgrade", last, first)
        if change.kind is Class.DATA
        else None,
    )


def command(change: Change, folder: Path) -> list[str]:
    """What migrates, as a command line."""
    if isinstance(change.migrations, Alembic):
        return [*change.migrations.command, "-c", str(folder / change.migrations.config)]
    return list(change.migrations.program)


def agent_variables(change: Change, folder: Path) -> dict[str, str]:
    """What tells an agent on this machine what migrates."""
    kind = "ALEMBIC" if isinstance(change.migrations, Alembic) else "PROGRAM"
    return {f"MIGRATE_{kind}": json.dumps(command(change, folder))}


def _file(folder: Path, name: str | None) -> Sql | None:
    if name is None:
        return None
    try:
        return Sql(str(folder / name), (folder / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ChangeError(f"{folder / name}: cannot be read: {error}") from None


def _printed(change: Change, folder: Path, way: str, first: str, last: str) -> Sql:
    words = (
        [way, f"{first}:{last}", "--sql"]
        if isinstance(change.migrations, Alembic)
        else ["sql", first, last]
    )
    line = [*command(change, folder), *words]
    said = " ".join(line)
    try:
        done = subprocess.run(  # noqa: S603 - the product's own, from a reviewed file
            line,
            cwd=folder,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ChangeError(f"{change.name}: `{said}` cannot be run: {error}") from None
    if done.returncode:
        why = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise ChangeError(
            f"{change.name}: `{said}` ended with {done.returncode}:\n{why}\n"
            "A migration that reads the database first cannot be printed: put its SQL into a file "
            "and name it here (`sql`, `reverseSql`)."
        )
    return Sql(said, done.stdout, dict(_revisions(change, folder)))


def _revisions(change: Change, folder: Path) -> Iterator[tuple[str, str]]:
    """The file of each revision of alembic's."""
    if not isinstance(change.migrations, Alembic):
        return
    for path in sorted((folder / change.migrations.config).parent.rglob("versions/**/*.py")):
        if found := _REVISION.search(path.read_text(encoding="utf-8", errors="replace")):
            yield found[1], str(path.relative_to(folder))
