"""Whole rehearsals: processes, sockets, requests, and what is left of them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.cutover.rehearse.controller import APPROVERS, JOURNAL
from scripts.cutover.rehearse.faults import Fault
from scripts.cutover.rehearse.options import Options, RehearsalError, write_baseline
from scripts.cutover.rehearse.rehearsal import Rehearsal, Seen, is_as_it_should
from scripts.cutover.rehearse.view import happened
from scripts.runs.approvers import read_approvers
from scripts.runs.evidence import verify
from scripts.runs.times import utc_now
from tests.scripts.cutover.rehearse.options import BASELINE, made

BOUND_SECONDS = 10.0
"""From the decision to the verified old side, at most."""


def rehearsed(options: Options) -> tuple[dict[str, Any], Seen]:
    """How it ended, and what was seen of it."""
    rehearsal = Rehearsal(options, lambda _: None)
    said = asyncio.run(rehearsal.run())
    return said, rehearsal.seen


def told(seen: Seen) -> str:
    """What happened, for who reads a failure."""
    return "\n".join(f"{at - seen.began:.1f} {line}" for at, line in happened(seen))


def descendants() -> set[int]:
    """The processes that are part of any rehearsal, as far as the system tells."""
    return {int(entry.name) for entry in Path("/proc").glob("[1-9]*") if _is_part(entry)}


def _is_part(entry: Path) -> bool:
    try:
        words = (entry / "cmdline").read_bytes()
    except OSError:
        return False
    return b"scripts.cutover.rehearse." in words or b"haproxy\0-db" in words


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every process of a rehearsal has ended with it."""
    before = descendants()
    yield
    end = time.monotonic() + 10
    while (left := descendants() - before) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def test_a_good_release_takes_over_though_its_controller_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one goes on; users notice nothing; the evidence verifies."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)  # what is traced is slow, and would be judged so
    said, seen = rehearsed(made(tmp_path, kill_controller=90))
    assert (said["outcome"], said["controllers_killed"]) == ("done", 1), told(seen)
    assert is_as_it_should(said)
    assert said["users"]["failed"] == 0
    assert any("the run goes on" in line for _, line in happened(seen))
    folder = tmp_path / "rehearsal"
    (file,) = map(Path, said["evidence"])
    approvers = read_approvers(folder / APPROVERS)
    assert "<html" in Path(said["report"]).read_text(encoding="utf-8")
    assert not verify(file.read_bytes(), approvers, at=utc_now()).problems
    with pytest.raises(RehearsalError, match="name another folder"):
        rehearsed(made(tmp_path))


def test_errors_are_taken_back(tmp_path: Path) -> None:
    """At once after the look that shows them, and within the bound that it was planned with."""
    said, seen = rehearsed(made(tmp_path, Fault.ERRORS, rate=400))
    assert said["outcome"] == "rolled back"
    assert is_as_it_should(said)
    assert "web/errors (ROLL-07" in said["why"]
    assert said["decision_to_verified_seconds"] <= min(BOUND_SECONDS, said["bound_seconds"])
    assert said["breach_to_weight_seconds"] <= said["poll_seconds"] + 1
    assert said["controller_mebibytes"] < 120
    assert seen.metrics.weight == 0
    assert len(said["evidence"]) == 2


def test_a_side_that_dies_is_taken_back(tmp_path: Path) -> None:
    """Health checks see it, or users do first; by HAProxy where that is installed."""
    said, _ = rehearsed(made(tmp_path, Fault.CRASH, embedded=False, rate=400))
    assert said["outcome"] == "rolled back"
    assert "ROLL-07" in said["why"]
    assert said["decision_to_verified_seconds"] <= BOUND_SECONDS


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_nothing_outlives_a_rehearsal_that_is_stopped(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """After Ctrl-C it says so; after `kill -9` its children notice by themselves."""
    write_baseline(BASELINE, tmp_path)
    words = (
        "--embedded",
        "--json",
        "--rate",
        "400",
        "--folder",
        "there",
        "--baseline",
        "baseline.json",
    )
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "scripts.cutover.rehearse", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "there" / JOURNAL).exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert ('"outcome": "interrupted"' in said) is (number is signal.SIGINT)
