"""Tests of steps as data: what a plan says before anything runs."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

from scripts.runs.steps import Timeout, alarm, as_json, describe, duration
from standards import figure
from tests.scripts.runs.ledger import Ledger, plan, step


def test_a_plan_is_printed_with_all_that_it_would_do(tmp_path: Path) -> None:
    """Each step in words, how long it may take, what to do if it fails; and nothing is done."""
    world = Ledger(tmp_path / "ledger")
    world.act("save")
    printed = describe(plan(), world)
    assert "program upgrade on staging/program" in printed
    assert "version: 1.0.0" in printed
    assert "1. Save the program  [done already]" in printed
    assert "2. Write the program\n   Adds write to the ledger." in printed
    assert "At most 1 min (write deadline)." in printed
    assert "If it fails: Look at the ledger." in printed
    assert "At most 4 min in all. Nothing was changed; --execute runs it." in printed
    assert world.lines() == ["save"]


def test_inputs_are_printed_as_people_say_them(tmp_path: Path) -> None:
    """No brackets, no quotes, no words of Python."""
    inputs = {"buffers": ["one", "two"], "authority": None, "limit": {"size": 3}, "left": []}
    printed = describe(replace(plan(), inputs=inputs), Ledger(tmp_path / "ledger"))
    for line in ("buffers: one, two", "authority: none", "limit: size 3", "left: none"):
        assert f"  {line}\n" in printed


def test_a_plan_is_printed_for_programs(tmp_path: Path) -> None:
    """The same as plain data."""
    data = json.loads(json.dumps(as_json(plan(), Ledger(tmp_path / "ledger"))))
    assert data["bound_seconds"] == 240
    assert data["plan"] == plan().hash
    assert [one["state"] for one in data["steps"]] == ["to do"] * 4
    assert data["steps"][1]["timeout"] == {"name": "write deadline", "seconds": 60}


def test_other_inputs_or_steps_are_another_plan() -> None:
    """Approvals are given to one plan; the same inputs give the same one."""
    known = plan()
    assert plan().hash == known.hash
    others = [
        plan("1.0.1"),
        replace(known, target="production/program"),
        replace(known, command="program rollback"),
        replace(known, steps=known.steps[::-1]),
        replace(known, steps=[*known.steps, step("more")]),
    ]
    assert len({known.hash, *(other.hash for other in others)}) == 6


def test_a_timeout_from_a_standard_cites_it() -> None:
    """So that a bound can be traced to its sentence."""
    hours = figure("GATE-06", "evidence_age_max_hours")
    assert "GATE-06 evidence_age_max_hours" in str(Timeout("evidence", hours.seconds))
    assert str(Timeout("upload", 90)) == "1 min 30 s (upload)"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "60 min"),
        (86_400, "1 day"),
        (613_500, "7 days 2 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """Rounded to the second, and from a day on to the hour."""
    assert duration(seconds) == said


def test_the_alarm_stops_what_waits() -> None:
    """Also what swallows every error; what ends in time is left alone."""
    with alarm(60):
        pass

    def stubborn() -> None:
        with alarm(0.05):
            while True:
                try:
                    sleep(60)
                except Exception:  # noqa: BLE001, S112 - that is what is tested
                    continue

    with pytest.raises(TimeoutError, match="not done within 0 s"):
        stubborn()


def test_a_thread_has_no_alarm() -> None:
    """Signals are the main thread's; there a step runs on."""
    done: list[bool] = []

    def work() -> None:
        with alarm(0.001):
            sleep(0.01)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
