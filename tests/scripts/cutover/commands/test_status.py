"""Where a cutover stands, as people see it on a terminal of any size."""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from scripts.cutover.commands import status, view
from scripts.cutover.commands.seeing import Eyes, Status
from scripts.cutover.session import Options, opened
from scripts.exits import CommandError, ExitCode
from tests.scripts.cutover.test_commands import IMAGE, Project
from tests.scripts.cutover.worlds import levels


def _status() -> Status:
    options = Options(environment="staging", state=None, operator="Ana")
    with opened(options) as session, ExitStack() as stack:
        return Eyes(session=session, stack=stack).status()


def _drawn(status: Status, width: int, height: int) -> list[str]:
    stream = StringIO()
    console = Console(file=stream, width=width, height=height, color_system=None)
    console.print(view.screen(status, width, height))
    return stream.getvalue().splitlines()


def _while(project: Project, is_so: Callable[[], bool], look: Callable[[], None]) -> None:
    """Carry a cutover out, and look once, when that is so."""

    def slept() -> None:
        if is_so():
            project.world.clock.slept = lambda: None
            look()

    project.world.clock.slept = slept
    project.run("run", "staging", "--image", IMAGE, "--execute")


def test_both_sides_are_drawn_against_their_limits(project: Project) -> None:
    """With health, errors and latency of each, the time left, and what happened; it fits."""
    found: list[Status] = []
    started = project.world.clock.at
    _while(
        project,
        lambda: project.world.clock.at > started + 100,
        lambda: found.append(_status()),
    )
    for width, height in ((80, 24), (100, 30), (140, 45)):
        lines = _drawn(found[0], width, height)
        text = "\n".join(lines)
        assert len(lines) < height
        assert max(map(len, lines)) <= width
        old, new, limit = (" ".join(line.strip("█░ ").split()) for line in lines[3:6])
        assert re.fullmatch(r"api old 1{12} █+░* 75 % 4 of 4 0.1 % 0.02 %", old)
        assert re.fullmatch(r"api new 2{12} █+░* 25 % 1 of 1 [\d,]+ 0.1\d* % 0.02\d* %", new)
        assert limit == "api limit 1 % 1 %"
        assert "slow is api over 600 ms (P99)" in text
        assert "api 25 % is judged: 3 min 15 s left at least" in text
        assert "carried out by Ana on " in text
        assert "api: 25 % to the new side, read back" in text


def test_what_has_not_passed_comes_first_and_a_question_says_how_to_answer(
    project: Project,
) -> None:
    """With the time that is left for it; programs are told the same."""
    project.world.watch.changed = lambda seen, _: replace(
        seen, new={**seen.new, "api/cpu": levels(project.world.clock.at, 95, 95)}
    )
    found: list[str] = []

    def look() -> None:
        found.extend(_drawn(_status(), 80, 24))
        said = json.loads(project.run("status", "staging", "--json").stdout)
        assert said["answer"] == "slipway cutover answer staging go-on|roll-back"
        assert said["answer_until"] == said["question"]["at"] + 300
        assert said["decision"]["reasons"][0]["gate"] == "api/cpu (MON-09 cpu_above_percent)"

    _while(project, lambda: _asks(project), look)
    asks = next(n for n, line in enumerate(found) if "A person decides about api: CPU, " in line)
    assert "4 min 45 s left, then it rolls back" in found[asks]
    assert found[asks + 1].strip() == "slipway cutover answer staging go-on|roll-back"
    first = next(line for line in found[asks:] if "breached" in line)
    assert first.split() == [*["breached", "api:", "CPU", "95", "%", "80", "%", "2", "MON-09"]]
    assert found.index(first) < next(n for n, line in enumerate(found) if "passed " in line)


def _asks(project: Project) -> bool:
    return json.loads(project.run("status", "staging", "--json").stdout)["question"] is not None


def test_a_rollback_is_shown_with_what_is_left_of_its_bound(project: Project) -> None:
    """And for what it goes back, on which value against which limit."""
    project.world.watch.errors["api"] = lambda _: 0.05
    found: list[str] = []

    def acted(act: str) -> None:
        if act == "api weight 0":
            found.extend(_drawn(_status(), 140, 45))

    project.world.sides["api"].acted = acted
    project.run("run", "staging", "--image", IMAGE, "--execute")
    text = "\n".join(found)
    assert "staging/cutover: going back, run " in text
    assert " ago, allowed are " in text
    assert " left\n" in text
    assert re.search(r"requests that fail: 5 % of [\d,]+ requests, limit 1 %, baseline 0.1", text)


def test_a_load_balancer_that_nobody_may_ask_leaves_the_rest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the journal says is shown without it."""

    def denied(_: object) -> int:
        raise CommandError("not allowed to ask")

    project.run("run", "staging", "--image", IMAGE, "--execute")
    monkeypatch.setattr(type(project.world.sides["api"]), "weight", denied)
    said = project.run("status", "staging")
    assert said.exit_code == ExitCode.DONE
    assert "?" in said.stdout
    assert "api first 30 minutes: go on. " in said.stdout
    assert all(line == line.rstrip() for line in said.stdout.splitlines())


def test_on_a_terminal_it_is_followed_until_it_has_ended(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is to be shown once; where it is no terminal it is shown once anyway."""
    started, stream = project.world.clock.at, StringIO()
    seen: list[str] = []

    def terminal() -> Console:
        return Console(file=stream, force_terminal=True, width=80, height=24, color_system=None)

    def slept(_: float) -> None:
        seen.append(stream.getvalue())
        if len(seen) == 2:
            project.run("resume", "staging", "--execute")

    def pressed() -> None:
        if project.world.clock.at > started + 100:
            project.world.clock.slept = lambda: None
            raise KeyboardInterrupt

    project.world.clock.slept = pressed
    project.run("run", "staging", "--image", IMAGE, "--execute")
    assert project.run("status", "staging").exit_code == ExitCode.PENDING
    monkeypatch.setattr(status, "Console", terminal)
    monkeypatch.setattr(status, "sleep", slept)
    assert project.run("status", "staging", "--once").exit_code == ExitCode.PENDING
    assert seen == []
    assert project.run("status", "staging").exit_code == ExitCode.DONE
    assert len(seen) == 2
    assert "staging/cutover: under way" in seen[0]
    assert "staging/cutover: done" in stream.getvalue()
    assert stream.getvalue().count("api 25 % is judged: 3 min 15 s left") == 2
