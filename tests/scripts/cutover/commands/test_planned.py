"""A cutover before it is run, as whoever approves it reads it."""

import json
import re

from scripts.cutover.commands.planned import held_against
from scripts.cutover.planning.plan import plan
from scripts.cutover.planning.steps import Settings
from scripts.cutover.report.drawing import plain
from scripts.exits import ExitCode
from scripts.runs.lease import Owner, acquire
from standards import Tier
from tests.scripts.cutover.commands.test_look import change_journal
from tests.scripts.cutover.planning.test_plan import moved
from tests.scripts.cutover.test_commands import IMAGE, Project


def test_each_gate_has_its_threshold_window_source_and_sample_size() -> None:
    """Once a period, whatever it has of weights; what asks says how long, and what then."""
    text = plain(held_against(plan([moved(rate=50)], Tier.PRODUCTION, Settings())))
    for expected in (
        r"Left out: api at 1 %, merged with the next step",
        r"api, in the deployment window:\n  5 % +2 instances +at least 28 min 30 s +[\d,]+ re",
        r"\n    requests that fail +1 % +0.1 % +1,\d+-\d,\d+ requests +\d.\de-04 +Cloud",
        r"health checks that fail +none +1 point +CloudWatch  ROLL-07",
        r"\n  asks a person, who has 5 min to answer; then it rolls back:\n",
        r"\n    CPU +80 % +2 points +CloudWatch  MON-09",
        r"\n    jobs that wait +30 jobs +2 points",
        r"age of the oracle's price +30 s +2 points +Prometheus  PM-06",
        r"transactions that fail +1 % +0.1 % +[\d,-]+ transactions",
        r"requests that fail +5 % for over 2 min +0.1 % +250 requests +\S+ +CloudWatch  ROLL-08",
        r"health checks that fail +not for over 5 min +5 min of them",
        r"api, in the first week, for `slipway cutover watch`: the run does not wait for it:",
    ):
        assert re.search(expected, text), (expected, text)
    assert text.count("in the deployment window") == 1
    assert max(map(len, text.splitlines())) <= 120


def test_programs_get_the_threshold_of_every_gate(project: Project) -> None:
    """With how much data decides it, how long all of it takes, and what silence means."""
    said = json.loads(project.run("run", "staging", "--image", IMAGE, "--json").stdout)
    gates = [gate for stage in said["stages"] for gate in stage["gates"]]
    assert all("limit" in gate for gate in gates)
    assert all({"needed_requests", "needed_points"} & gate.keys() for gate in gates)
    assert (said["ask_seconds"], said["default_answer"]) == (300, "roll back")
    assert said["window_seconds"] == 600
    assert sum(each["least_seconds"] for each in said["duration"]) == 2400
    assert said["longest_seconds"] > sum(each["most_seconds"] for each in said["duration"])


def test_who_works_on_it_is_said_before_it_is_run(project: Project) -> None:
    """The same refusal as with --execute, with the same exit code."""
    there = Owner(operator="Ben", host="there", process=1, machine="other")
    store = project.store()
    acquire(store, "staging/cutover", there)
    store.close()
    for words in ((), ("--execute",)):
        said = project.run("run", "staging", "--image", IMAGE, *words)
        assert said.exit_code == ExitCode.USAGE
        assert "is being worked on by Ben on there (process 1) since " in said.output
    assert project.world.log == []


def test_a_journal_that_does_not_verify_is_said_before_it_is_run(project: Project) -> None:
    """Nothing is begun, and nothing gone on with."""
    project.run("run", "staging", "--image", IMAGE, "--execute")
    change_journal(project)
    done = [*project.world.log]
    for words in (
        ("run", "staging", "--image", IMAGE),
        ("run", "staging", "--image", IMAGE, "--execute"),
        ("resume", "staging"),
        ("watch", "staging", "--execute"),
    ):
        project.world.sides["api"].share = 0
        said = project.run(*words)
        assert said.exit_code == ExitCode.USAGE
        assert "the journal of staging/cutover does not verify: entry 5 " in said.output
    assert project.world.log == done


def test_a_saved_plan_comes_with_the_commands_that_approve_and_run_it(project: Project) -> None:
    """They can be copied as they are."""
    said = project.run("run", "staging", "--image", IMAGE, "--output", "plan.json")
    hash_ = json.loads((project.folder / "plan.json").read_bytes())["plan"]
    assert f"slipway evidence approve {hash_} --by NAME --role ROLE --key FILE\n" in said.stderr
    assert "slipway cutover run staging --plan plan.json --approval FILE --execute\n" in said.stderr


def test_nothing_keeps_traffic_from_going_back(project: Project) -> None:
    """That the journal is broken is said, and who carries it out; it is done all the same."""
    project.run("run", "staging", "--image", IMAGE, "--execute")
    change_journal(project)
    said = project.run("rollback", "staging")
    assert said.exit_code == ExitCode.DONE
    assert "This keeps nothing from going back: the journal of staging/cutover" in said.stderr
