"""What was done and decided, as whoever is on call reads it."""

import json
import re
import sqlite3

import pytest

from scripts.cutover import session
from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.running.hooks import Smoke
from scripts.exits import ExitCode
from tests.scripts.cutover.test_commands import IMAGE, NEW, Project


def _tested(*_: object) -> Decision:
    reason = Reason(gate="smoke: health", cited="SMOKE-01", finding=Finding.PASSED, text="200")
    return Decision(kind=Kind.CONTINUE, reasons=(reason,))


@pytest.fixture
def taken_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose release failed at all traffic, and was taken back, with smoke tests."""

    def smoke_of(*_: object) -> Smoke:
        return _tested

    monkeypatch.setattr(session, "smoke_of", smoke_of)
    project.world.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    project.run("run", "staging", "--image", IMAGE, "--execute")
    return project


def test_every_run_of_the_cutover_is_explained_under_one_numbering(taken_back: Project) -> None:
    """Also what decided that it goes back, and the tests after it."""
    said = taken_back.run("explain", "staging").stdout
    assert "staging/cutover: Rolled back. Ana started to move api in staging on " in said
    numbers = re.findall(r"^ +(\d+)(?:-(\d+))?  \d\d:\d\d", said, re.MULTILINE)
    assert numbers == [("1", ""), ("2", "6"), ("7", ""), ("8", ""), ("9", "")]
    assert re.search(r"\n    8  \S+  api 100 %: roll back\. api: requests that fail: 5 % of", said)
    assert re.search(r"\ncutover rollback \S+, by Ana\n    9  \S+  smoke tests, taken back", said)
    decisions = json.loads(taken_back.run("explain", "staging", "--json").stdout)
    assert [each["number"] for each in decisions] == [*range(1, 10)]
    assert decisions[7]["kind"] == "roll back"


def test_a_decision_to_hold_says_all_that_it_rests_on(taken_back: Project) -> None:
    """Though no finding changed: values, limits, baselines, samples, each cited once."""
    said = taken_back.run("explain", "staging", "4").stdout
    assert re.search(r"hold, 2 min 45 s left at least\. 17 of 17 have passed so far", said)
    assert re.search(
        r"passed  api: requests that fail +0.10\d % +1 % +0.1 % +16,875  ROLL-07", said
    )
    assert re.search(r"passed  api: CPU +40 % +80 % +1  MON-09\n", said)
    assert re.search(r"passed  api: health checks that fail +0 +none", said)
    assert re.search(r"\n +ROLL-07: +While a rollout runs, an error rate above 1%", said)
    assert said.count("error_rate_above_percent") == 0
    assert all(line == line.rstrip() for line in said.splitlines())


def test_a_run_can_be_named(taken_back: Project) -> None:
    """Its decisions keep their numbers; what is not there is refused."""
    runs = json.loads(taken_back.run("history", "staging", "--json").stdout)
    said = taken_back.run("explain", "staging", "--run", runs[1]["run"]).stdout
    assert "    9  " in said
    assert "    8  " not in said
    for words, why in (
        (("--run", "nobody"), "no run nobody: slipway cutover history staging lists them"),
        (("10",), "no such decision: there are 1 to 9"),
    ):
        refused = taken_back.run("explain", "staging", *words)
        assert refused.exit_code == ExitCode.USAGE
        assert why in refused.stderr


def test_history_says_what_was_released_why_it_went_back_and_where_more_lies(
    taken_back: Project,
) -> None:
    """One cutover with its two runs."""
    said = taken_back.run("history", "staging").stdout
    assert "  Rolled back\n" in said
    assert "  api: sha256:111111111111 -> sha256:222222222222\n" in said
    assert "It went back at api 100 %: api had" in said
    forward, back = json.loads(taken_back.run("history", "staging", "--json").stdout)
    assert forward["releases"]["api"]["new"] == NEW
    assert forward["cutover"] == back["cutover"] == forward["run"]
    assert f"cutover run, by Ana, failed: {forward['evidence']}\n" in said
    assert f"cutover rollback, by Ana, done: {back['evidence']}\n" in said
    assert f"  page: {forward['report']}\n" in said


def test_where_nothing_was_done_nothing_is_explained(project: Project) -> None:
    """That is no error."""
    assert project.run("explain", "staging").stdout == "staging/cutover: no cutover yet\n"
    assert json.loads(project.run("explain", "staging", "--json").stdout) == []


@pytest.mark.parametrize("command", ["status", "history", "explain"])
def test_a_journal_that_was_changed_is_shown_with_a_warning(
    taken_back: Project, command: str
) -> None:
    """Somebody has to look into it: exit code 1."""
    change_journal(taken_back)
    said = taken_back.run(command, "staging")
    assert said.exit_code == ExitCode.FAILED
    assert "does not verify: entry " in said.output


def change_journal(project: Project) -> None:
    """Somebody writes another name into an entry."""
    with sqlite3.connect(project.folder / ".slipway" / "runs.sqlite") as there:
        triggers = there.execute("select name from sqlite_master where type='trigger'").fetchall()
        for (name,) in triggers:
            there.execute(f"drop trigger {name}")
        there.execute("update entries set body = replace(body, 'Ana', 'Eve') where sequence = 5")
    there.close()


def test_how_it_ended_is_a_result(project: Project) -> None:
    """On stdout, in two sentences, once; stderr says why the exit code is not 0."""
    project.world.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    said = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert said.stdout.startswith("Rolled back. Ana started to move api in staging on ")
    assert "It went back at api 100 %: api had 5.000% of" in said.stdout
    assert "  Evidence: " in said.stdout
    assert "  Report: " in said.stdout
    assert re.search(r"\nslipway: rolled back, verified \S+ s after the decision\n", said.stderr)
    assert "log-likelihood" not in said.stdout
