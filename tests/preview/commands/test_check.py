"""Tests of `slipway check`, on plans in files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plan.file import dumps
from tests.environments.records import changed, content_of, write
from tests.preview.commands.run import slipway
from tests.preview.plans import VPC, alarm, plan, resource, verdict

EMPTY = replace(plan(), resources=())
PLAN = dumps(plan(resource(VPC, "vpc"), alarm()))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan's file in a folder that is no project, the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plan.json"
    path.write_text(PLAN, encoding="utf-8")
    return path


def test_a_plan_is_judged_by_the_same_rules(file: Path) -> None:
    """Its findings are those of the preview."""
    run = slipway("check", str(file), "--json")
    assert run.exit_code == 1
    found = {(each["rule"], each["urn"]) for each in json.loads(run.stdout)["findings"]}
    judged = verdict(resource(VPC, "vpc"), alarm()).judgement.findings
    assert found >= {(each.rule.id, each.resource.urn) for each in judged}


def test_the_findings_are_told_as_text(file: Path) -> None:
    """Without the tree: who has the file has its resources."""
    run = slipway("check", str(file))
    assert run.exit_code == 1
    assert "✗ alarm-actions  high, mandatory" in run.stdout
    assert "├─" not in run.stdout


def test_a_plan_without_finding_is_clean(file: Path) -> None:
    """Exit code 0."""
    file.write_text(dumps(EMPTY), encoding="utf-8")
    assert slipway("check", str(file)).exit_code == 0


def test_several_files_are_told_by_name(file: Path, tmp_path: Path) -> None:
    """One that fails fails the run."""
    clean = tmp_path / "clean.json"
    clean.write_text(dumps(EMPTY), encoding="utf-8")
    run = slipway("check", "--json", str(clean), str(file))
    content = json.loads(run.stdout)
    assert run.exit_code == 1
    assert [each["file"] for each in content["files"]] == [str(clean), str(file)]
    assert content["files"][0]["findings"] == []


def test_a_stack_is_judged_as_production_unless_known(file: Path) -> None:
    """Silence is never lenient; an option says otherwise."""
    assert _tier(file) == "production"
    assert _tier(file, "--tier", "development") == "development"


def test_inside_a_project_its_environment_says_the_tier(project: Path) -> None:
    """The record of the stack's name is read; a broken one is told."""
    path = project / "plan.json"
    path.write_text(dumps(replace(plan(), stack="integration")), encoding="utf-8")
    assert _tier(path) == "integration"
    path.write_text(dumps(replace(plan(), stack="elsewhere")), encoding="utf-8")
    assert _tier(path) == "production"
    write(project, "integration", changed(content_of("integration"), "owner", ...))
    path.write_text(dumps(replace(plan(), stack="integration")), encoding="utf-8")
    run = slipway("check", str(path))
    assert run.exit_code == 2
    assert "slipway:owner is missing" in run.stderr


def test_a_plan_may_come_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`slipway plan production | slipway check -` judges what was printed."""
    (tmp_path / "stdin").write_text(PLAN, encoding="utf-8")
    monkeypatch.setattr("preview.commands.check._STDIN", tmp_path / "stdin")
    monkeypatch.chdir(tmp_path)
    run = slipway("check", "-")
    assert run.exit_code == 1
    assert "✗ -: " in run.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", ""),
        (PLAN[: len(PLAN) // 2], ""),
        (PLAN.replace('"version": 1', '"version": 99'), "version"),
        ("\ufeff\x00", ""),
        ("[]", ""),
    ],
)
def test_a_file_that_is_no_plan_is_bad_input(file: Path, content: str | None, said: str) -> None:
    """Absent, empty, cut off, of another version, no JSON: told by name, without traceback."""
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    run = slipway("check", str(file))
    assert run.exit_code == 2
    assert file.name in run.stderr
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


def test_an_unknown_tier_is_usage(file: Path) -> None:
    """The tiers that there are are named."""
    run = slipway("check", str(file), "--tier", "prod")
    assert run.exit_code == 2
    assert "production" in run.stderr


def _tier(path: Path, *options: str) -> Any:  # noqa: ANN401 - as JSON has it
    return json.loads(slipway("check", "--json", str(path), *options).stdout)["tier"]
