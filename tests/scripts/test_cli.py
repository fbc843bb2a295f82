"""Tests of the console command: what it reads, loads and says before a room takes over."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from scripts.cli import app

LOADED = """
import sys
from typer.testing import CliRunner
from scripts.cli import app
result = CliRunner().invoke(app, sys.argv[1:])
print(result.exit_code, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    "command",
    [[], ["preview"], ["plan"], ["check"], ["trace"], ["localnet"], ["evidence", "verify"]],
)
def test_every_command_says_what_it_does(command: list[str]) -> None:
    """With -h and with --help."""
    for option in ("-h", "--help"):
        result = CliRunner().invoke(app, [*command, option])
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")


def test_without_a_command_it_shows_its_commands() -> None:
    """As a wrong usage, so that a script does not take it for success."""
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "preview" in result.output


def test_it_says_which_version_it_is() -> None:
    """As people are asked for it when something goes wrong."""
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.strip() == f"slipway {version('slipway')}"


@pytest.mark.parametrize(
    "arguments", [["previw"], ["preview", "--no-such-option"], ["plan"], ["check"]]
)
def test_wrong_usage_is_told_on_stderr(arguments: list[str]) -> None:
    """With exit code 2, and where help is."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Try '" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["preview", "--help"], ["plan"], ["--nothing"]])
def test_help_and_wrong_usage_wait_for_nothing(arguments: list[str]) -> None:
    """Neither Pulumi's SDK nor any room is loaded."""
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    _, *loaded = run.stdout.split()
    assert "scripts" in loaded
    assert not {"pulumi", "pulumi_aws", "policies", "yaml", "jinja2", "rich"} & set(loaded)
