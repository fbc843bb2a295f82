"""The command: options, what it says at the end, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from scripts.cutover.rehearse import command
from scripts.cutover.rehearse.cli import rehearse
from scripts.cutover.rehearse.command import rehearse_command
from scripts.cutover.rehearse.faults import Fault, Faulty
from scripts.cutover.rehearse.options import (
    Options,
    RehearsalError,
    read_baseline,
    write_baseline,
)
from tests.scripts.cutover.rehearse.options import BASELINE, made

ENDED: dict[str, Any] = {
    "outcome": "rolled back",
    "why": "web/errors: 9 %",
    "decision_to_verified_seconds": 0.25,
    "bound_seconds": 320.0,
    "evidence": ["there/evidence/1.json"],
    "breach_to_weight_seconds": 0.5,
    "poll_seconds": 1.0,
    "seconds": 20.0,
    "fault": "errors",
    "users": {"sent": 1000, "failed": 9},
    "folder": "there",
}


class Played:
    """A rehearsal that is not carried out."""

    said: dict[str, Any] = ENDED

    def __init__(self, options: Options, _show: object) -> None:
        self.options = options

    async def run(self) -> dict[str, Any]:
        """How it is said to have ended."""
        return self.said


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    """Nothing is started."""

    class Once(Played):
        """Of this test alone."""

    monkeypatch.setattr(command, "Rehearsal", Once)
    return Once


def test_says_how_it_ended(
    played: type[Played], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With both measures, the users that noticed, and how the evidence is verified."""
    del played
    assert rehearse_command(made(tmp_path), as_json=False) == 0
    said = capsys.readouterr().out
    assert "Outcome: rolled back" in said
    assert "verified old side: 0.25 s (its timeouts allow 320 s)" in said
    assert "weight sent: 0.50 s (polled every 1 s)" in said
    assert "1,000 requests; 9 failed" in said
    assert "slipway evidence verify there/evidence/1.json --approvers there/approvers.yaml" in said


def test_json_is_the_last_and_only_line(
    played: type[Played], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Progress goes elsewhere."""
    del played
    assert rehearse_command(made(tmp_path), as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == ENDED


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        ("none", "done", 0),
        ("none", "rolled back", 1),
        ("hang", "done", 1),
        ("none", "refused", 1),
        ("none", "interrupted", 130),
    ],
)
def test_the_exit_code_says_whether_it_ended_as_it_should(
    played: type[Played], tmp_path: Path, fault: str, outcome: str, code: int
) -> None:
    """Done without a fault, rolled back with one; Ctrl-C is neither."""
    played.said = {**ENDED, "fault": fault, "outcome": outcome, "message": "as it is"}
    assert rehearse_command(made(tmp_path), as_json=False) == code


def test_takes_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each of them means what its help says."""
    taken: list[Options] = []

    def take(options: Options, *, as_json: bool) -> int:
        taken.append(options)
        return int(as_json)

    monkeypatch.setattr(command, "rehearse_command", take)
    write_baseline(BASELINE, tmp_path)
    app = typer.Typer()
    app.command()(rehearse)
    words = f"--fault latency --at 50 --share 0.2 --rate 900 --instances 4 --kill-controller 10 \
        --embedded --folder there --baseline {tmp_path}/baseline.json"
    assert CliRunner().invoke(app, words.split()).exit_code == 0
    (options,) = taken
    assert options.faulty == Faulty(fault=Fault.LATENCY, at=50, share=0.2)
    assert (options.scale.instances, options.scale.rate, options.scale.embedded) == (4, 900, True)
    assert (options.kill_controller, options.folder) == (10, Path("there"))
    assert options.baseline == BASELINE


def test_a_file_that_holds_no_baseline_is_refused(tmp_path: Path) -> None:
    """By its name."""
    (tmp_path / "baseline.json").write_text('{"requests": 1}', encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"baseline\.json holds no baseline"):
        read_baseline(tmp_path / "baseline.json")
