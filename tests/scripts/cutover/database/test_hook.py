"""Tests of what a cutover is given of a database change, and of the commands for people."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.testing import CliRunner

from environments import Environment, load
from scripts.cutover.database import hook
from scripts.cutover.database.cli import app
from scripts.cutover.database.example import example, rehearsed
from scripts.cutover.running.stand import Stand
from scripts.exits import ExitCode
from standards import Tier
from tests.environments.records import PROJECT
from tests.scripts.cutover.database.conftest import Database
from tests.scripts.cutover.database.product import Revision, declared, with_command
from tests.scripts.cutover.database.world import InProcess, at_base, stage
from tests.scripts.runs.people import write_approvers

COLUMN = Revision(
    "base1",
    "ALTER TABLE orders ADD COLUMN status text;\n",
    "ALTER TABLE orders DROP COLUMN status;\n",
)
STAND = cast("Stand", object())
"""Where steps stand that look at the database alone."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose developers have a PostgreSQL of their own."""
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    for name in ("development", "staging", "production"):
        shutil.copy(PROJECT / f"Pulumi.{name}.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLIPWAY_RUNS_TABLE", raising=False)
    monkeypatch.setattr(hook, "LocalProcess", InProcess)
    return tmp_path


def written(
    folder: Path, revision: Revision = COLUMN, more: Mapping[str, Any] | None = None
) -> Path:
    """The file of a change."""
    content = {
        "name": "orders",
        "class": "additive",
        "from": "base1",
        "to": "next1",
        "migrations": with_command(folder, {"next1": revision}),
        **(more or {}),
    }
    path = folder / "change.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def environment(project: Path, name: str = "development") -> Environment:
    """One of the project's."""
    return load(name, project)


def test_change(project: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cutover is given the steps, what the change allows, and nothing against it."""
    path = written(project)
    at_base(
        stage(declared("additive", with_command(project, {"next1": COLUMN})), project, database)
    )
    for name, value in database.server.variables(database.name).items():
        monkeypatch.setenv(name, value)
    found = hook.database(environment(project), None, path)
    assert list(found.refusals()) == []
    assert [step.id.rpartition("-")[0] for step in found.before] == [
        "database-check",
        "database-before",
    ]
    assert found.before[0].is_done(STAND)
    assert not found.before[1].is_done(STAND)
    assert found.says[-1] == (
        "An additive change: a rollback leaves it in place and loses nothing."
    )


def test_no_sql_on_the_way_back(project: Path) -> None:
    """Where the SQL cannot be printed any more nothing starts, and a way back is there at once."""
    path = written(project, more={"class": "data", "migrations": {"program": ["false"]}})
    found = hook.database(environment(project), None, path)
    assert [step.id.rpartition("-")[0] for step in found.back] == ["database-reverse"]
    (why,) = found.refusals()
    assert "`false sql base1 next1` ended with 1" in why


def test_no_file(project: Path) -> None:
    """Where the file is gone nothing starts; a rollback comes as far as traffic goes."""
    found = hook.database(environment(project), None, project / "none.yaml")
    (why,) = found.refusals()
    assert "none.yaml: cannot be read" in why
    (step,) = found.back
    assert not step.is_done(STAND)
    assert "All traffic is back." in step.on_failure


def test_production(project: Path) -> None:
    """Production asks for the rehearsal of every change (QA-16); approvals lie beside the file."""
    write_approvers(project / "approvers.yaml")
    path = written(project)
    found = hook.database(environment(project, "production"), None, path)
    assert "a change is tried on staging's data, with its way back (QA-16)" in found.refusals()[0]
    staging = hook.database(environment(project, "staging"), None, path)
    assert not any("QA-16" in why for why in staging.refusals())
    (project / "change.approval-ben.json").write_text("{}", encoding="utf-8")
    assert "change.approval-ben.json holds no approval" in str(staging.refusals())


def run(*words: str) -> Any:  # noqa: ANN401 - typer's result
    """What `slipway cutover database …` does."""
    return CliRunner().invoke(app, list(words), env={"SLIPWAY_OPERATOR": "Ana"})


def test_lint(project: Path) -> None:
    """The linter says what a change allows, and ends with 1 where it is refused."""
    path = written(project)
    assert run("lint", str(path)).exit_code == ExitCode.DONE
    bad = written(project, Revision("base1", "DROP TABLE orders;\n"))
    said = run("lint", str(bad))
    assert said.exit_code == ExitCode.FAILED
    assert "class-additive (orders): it takes something from the old release" in said.stdout
    told = json.loads(run("lint", str(bad), "--json").stdout)
    assert [each["rule"] for each in told["findings"]] == ["class-additive"]


def test_rehearse(project: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal runs the change and its way back on a real database, and writes evidence."""
    path = written(project, more={"class": "data"})
    change = declared("data", with_command(project, {"next1": COLUMN}))
    at_base(stage(change, project, database))
    for name, value in database.server.variables(database.name).items():
        monkeypatch.setenv(name, value)
    planned = run("rehearse", "development", str(path))
    assert "3. Undo orders" in planned.stdout
    assert not hook.evidence_of(path).exists()
    done = run("rehearse", "development", str(path), "--execute", "--json")
    assert done.exit_code == ExitCode.DONE, done.stderr
    assert json.loads(done.stdout)["evidence"] == str(hook.evidence_of(path))
    assert hook.evidence_of(path).exists()
    assert database.rows("SELECT revision FROM schema_version") == [("base1",)]


def test_no_rehearsal_in_production(project: Path) -> None:
    """Nobody rehearses on users."""
    said = run("rehearse", "production", str(written(project)), "--execute")
    assert said.exit_code == ExitCode.USAGE
    assert "production has users: a change is rehearsed in staging" in said.stderr


def test_example() -> None:
    """Backups come first in production; each class has its way back; rehearsals have QA-16's."""
    ids = [step.id for step in example(Tier.PRODUCTION).steps]
    assert ids == [
        "database-check",
        "database-backup-before",
        "database-before",
        "database-backup-contract",
        "database-contract",
        "database-contracted",
        "database-reverse",
        "database-restore",
        "database-verify",
        "database-switch",
    ]
    assert rehearsed(Tier.PRODUCTION) is None
    tried = rehearsed(Tier.STAGING)
    assert tried is not None
    assert all("QA-16" in step.requirements for step in tried.steps)
