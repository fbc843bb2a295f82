"""Tests of `slipway plan`, on a small project."""

import json
from pathlib import Path

import pytest

from plan.file import read_plan
from tests.preview.commands.run import slipway


@pytest.mark.usefixtures("project")
def test_a_plan_is_printed_as_json() -> None:
    """Nothing else is on stdout."""
    run = slipway("plan", "production")
    content = json.loads(run.stdout)
    assert run.exit_code == 0
    assert (content["version"], content["project"], content["stack"]) == (
        1,
        "slipway",
        "production",
    )
    assert "aws:ec2/vpc:Vpc" in {each["type"] for each in content["resources"]}


@pytest.mark.usefixtures("project")
def test_a_plan_is_written_whole(tmp_path: Path) -> None:
    """The file is what stdout would have held, and can be read again."""
    path = tmp_path / "plans" / "production.json"
    run = slipway("plan", "production", "--output", str(path))
    assert (run.exit_code, run.stdout) == (0, "")
    assert path.read_text(encoding="utf-8") == slipway("plan", "production").stdout
    assert read_plan(path).stack == "production"


def test_what_a_program_prints_does_not_spoil_the_plan(project: Path) -> None:
    """It goes to stderr."""
    with (project / "__main__.py").open("a", encoding="utf-8") as program:
        program.write("print('hello')\n")
    run = slipway("plan", "production")
    assert json.loads(run.stdout)
    assert "hello" in run.stderr


@pytest.mark.usefixtures("project")
def test_an_environment_has_to_be_named() -> None:
    """Which one is no guess."""
    assert slipway("plan").exit_code == 2
    run = slipway("plan", "nowhere")
    assert run.exit_code == 2
    assert run.stdout == ""


@pytest.mark.usefixtures("project")
def test_a_full_disk_is_told() -> None:
    """The exit code says that the plan is not there."""
    run = slipway("plan", "production", "--output", "/dev/full")
    assert run.exit_code == 1
    assert "No space left on device" in run.stderr
