"""Tests of `slipway cutover …` as people call it, on a cloud in memory."""

import json
import re
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
import yaml
from typer.testing import CliRunner, Result

from environments import Environment
from environments.published import Published
from scripts.cli import app
from scripts.cutover import session
from scripts.cutover.commands import consent, measuring, people
from scripts.cutover.judgement.gates import Baseline, Watched
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Observations
from scripts.cutover.planning.changes import read_standard_change
from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import Outcome, take_back
from scripts.cutover.running.hooks import Database
from scripts.cutover.running.record import BACK
from scripts.cutover.running.standing import readable, standing
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import Role
from scripts.runs.evidence import Purpose, sign
from scripts.runs.journal import current
from scripts.runs.lease import LEASE_TIME, Lease, Owner
from scripts.runs.sqlite import SqliteStore
from scripts.runs.times import utc_now
from tests.scripts.cutover.cloud import RATE, SIZE, Cloud, Turned, cloud, setting, turned
from tests.scripts.cutover.worlds import GUARD, levels, watched
from tests.scripts.runs.people import key, write_approvers

_ROOT = Path(__file__).parents[3]
OLD, NEW = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
IMAGE = f"api=registry.example.com/api@{NEW}"


@dataclass(frozen=True, kw_only=True)
class _Measured:
    watched: Watched
    requests_per_second: float = RATE
    transactions_per_second: float = RATE


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with the project's environments, which stand in memory."""

    folder: Path
    world: Cloud

    def run(self, *words: str, typed: str = "") -> Result:
        """What `slipway cutover …` does there, in a process without a terminal."""
        environment = {"SLIPWAY_OPERATOR": "Ana"}
        return CliRunner().invoke(app, ["cutover", *words], input=typed, env=environment)

    def store(self) -> SqliteStore:
        """Its journal."""
        return SqliteStore(self.folder / ".slipway" / "runs.sqlite")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, with one service in a cloud."""
    for file in ("Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.production.yaml"):
        shutil.copy(_ROOT / file, tmp_path / file)
    for name in ("staging", "production"):
        path = tmp_path / f"Pulumi.{name}.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["config"]["slipway:cutover"]["weights"] = [25, 100]
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLIPWAY_RUNS_TABLE", raising=False)
    world = cloud(("api",))
    world.sides["api"].releases = (OLD, NEW)

    @contextmanager
    def open_world(
        _environment: Environment,
        _published: Published | None,
        releases: Mapping[str, tuple[str | None, str]],
        _baselines: Mapping[str, Baseline],
    ) -> Generator[Cloud | Turned]:
        is_turned = any(old and new == OLD for old, new in releases.values())
        yield turned(world) if is_turned else world

    def measured(_e: object, _p: object, names: Sequence[str]) -> Mapping[str, _Measured]:
        return {name: _Measured(watched=watched(name)) for name in names}

    def nothing(*_: object) -> None:
        return None

    def guards(*_: object) -> frozenset[str]:
        return frozenset({GUARD})

    monkeypatch.setattr(session, "open_world", open_world)
    monkeypatch.setattr(session, "read_published", nothing)
    monkeypatch.setattr(session, "smoke_of", nothing)

    def as_it_is(*_: object) -> Database:
        return Database()

    monkeypatch.setattr(session, "unchanged_of", as_it_is)

    def records(_e: object, _p: object, names: Sequence[str]) -> Mapping[str, object]:
        return {name: {"requests": 7} for name in names}

    monkeypatch.setattr(session, "measured_of", measured)
    monkeypatch.setattr(session, "records_of", records)
    monkeypatch.setattr(measuring, "alarms_of", guards)

    def rehearsed(*_: object, **__: object) -> list[str]:
        return []

    monkeypatch.setattr(consent, "unrehearsed", rehearsed)
    return Project(folder=tmp_path, world=world)


def test_without_execute_it_prints_the_steps(project: Project) -> None:
    """Sizes before weights, gates with all that they need, times, the bound by its parts."""
    said = project.run("run", "staging", "--image", IMAGE)
    assert said.exit_code == ExitCode.DONE, said.output
    for part in (
        f"api: {OLD} -> {NEW}",
        "  2. api: new side of 1\n",
        "  3. api: 25 % to the new side\n",
        "api, in the deployment window:\n  25 %   1 instance   at least 5 min  37,500 requests",
        "  Together 40 min where all is quick, up to 88 min where nobody is asked, and never more",
        "A rollback ends within 4 min 30 s (ROLL-01",
        "  30 s (api: set weights)",
        "The database is not changed.",
        "Nothing was changed; --execute runs it.",
    ):
        assert part in said.stdout, said.stdout
    assert project.world.log == []


def test_programs_get_the_plan_as_json(project: Project) -> None:
    """With its hash, for approvers."""
    plan = json.loads(project.run("run", "staging", "--image", IMAGE, "--json").stdout)
    assert len(plan["plan"]) == 64
    assert plan["rollback_bound_seconds"] == 270
    gate = plan["stages"][0]["gates"][0]
    assert gate["requirement"] == "ROLL-07"
    assert gate["needed_requests"] > 100


def test_what_would_be_refused_is_said_without_execute(project: Project) -> None:
    """With exit code 2."""
    project.world.sides["api"].refused = ["api: its target group is not attached: attach it"]
    said = project.run("run", "staging", "--image", IMAGE)
    assert said.exit_code == ExitCode.USAGE
    assert "  - api: its target group is not attached: attach it" in said.stdout


def test_a_release_there_and_back(project: Project) -> None:
    """Moved, seen, explained, on record; its evidence and its page lie there."""
    assert "no cutover yet" in project.run("history", "staging").stdout
    moved = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert moved.exit_code == ExitCode.DONE, moved.output
    assert project.world.sides["api"].share == 100
    status = json.loads(project.run("status", "staging", "--json").stdout)
    assert (status["state"], status["weights"]) == ("done", {"api": 100})
    (run,) = json.loads(project.run("history", "staging", "--json").stdout)
    assert (run["command"], run["by"], run["ended"]) == ("cutover run", "Ana", "done")
    explained = project.run("explain", "staging", "1").stdout
    assert re.search(r"passed  api: requests that fail +0.107 % +1 % +0.1 % +1,875", explained)
    evidence = project.folder / ".slipway" / "evidence" / f"{run['run']}.json"
    bundle = json.loads(evidence.read_bytes())["bundle"]
    assert bundle["hashes"] == {"api": "2" * 64}
    page = project.folder / ".slipway" / "reports" / f"{run['run']}.html"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_bad_release_ends_with_exit_code_1(project: Project) -> None:
    """It says why, and how long the way back took."""
    project.world.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    said = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "slipway: rolled back, verified " in said.stderr
    assert "api/errors (ROLL-07 error_rate_above_percent): 5.000% of" in said.stderr
    assert project.world.sides["api"].share == 0
    assert len(list((project.folder / ".slipway" / "evidence").iterdir())) == 2
    again = project.run("rollback", "staging", "--execute")
    assert again.exit_code == ExitCode.DONE
    assert "it is back already" in again.stdout


def _interrupt(project: Project) -> Result:
    """Somebody presses Ctrl-C while users are on the new side."""
    started = project.world.clock.at

    def pressed() -> None:
        clock = project.world.clock
        if project.world.sides["api"].share == 25 and clock.at > started + 100:
            clock.slept = lambda: None
            raise KeyboardInterrupt

    project.world.clock.slept = pressed
    return project.run("run", "staging", "--image", IMAGE, "--execute")


def test_tests_that_cannot_be_run_keep_no_traffic_from_going_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has to look at the old side then; before a start the same is refused."""
    _interrupt(project)

    def unknown(*_: object) -> None:
        raise CommandError("Pulumi.staging.yaml: slipway:smoke names no sign-in")

    monkeypatch.setattr(session, "smoke_of", unknown)
    said = project.run("rollback", "staging", "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert project.world.sides["api"].share == 0
    assert "slipway: stuck: page the person on call: " in said.stderr
    assert "cannot be tested: Pulumi.staging.yaml: slipway:smoke names no sign-in" in said.stderr
    started = project.run("run", "staging", "--image", IMAGE)
    assert "names no sign-in" in started.stderr


def test_ctrl_c_leaves_a_run_that_can_be_resumed(project: Project) -> None:
    """It says how; status shows it; resume goes on to the end."""
    stopped = _interrupt(project)
    assert stopped.exit_code == ExitCode.INTERRUPTED
    assert "slipway cutover resume staging --execute" in stopped.stderr
    status = project.run("status", "staging")
    assert status.exit_code == ExitCode.PENDING
    assert re.search(r"api new 2{12}  █+░+  25 % +1 of 1 +\S+ +0.107 %", status.stdout)
    assert "nobody carries it out now. To go on: slipway cutover resume staging" in status.stdout
    shown = project.run("resume", "staging")
    assert "is under way, at api 25 %: hold." in shown.stdout
    assert project.run("resume", "staging", "--execute").exit_code == ExitCode.DONE
    assert project.world.sides["api"].share == 100
    assert project.run("resume", "staging", "--execute").exit_code == ExitCode.USAGE


def test_abort_takes_an_open_cutover_back(project: Project) -> None:
    """Who decided so, and why, is on record."""
    _interrupt(project)
    shown = project.run("abort", "staging")
    assert "Would send all traffic back" in shown.stdout
    assert project.world.sides["api"].share == 25
    said = project.run("abort", "staging", "--because", "customers call", "--execute", "--json")
    assert said.exit_code == ExitCode.FAILED
    ended = json.loads(said.stdout)
    assert (ended["outcome"], ended["why"]) == ("rolled back", "Ana: customers call")
    assert project.world.sides["api"].share == 0
    assert project.run("abort", "staging", "--execute").exit_code == ExitCode.DONE


def test_an_answer_needs_a_question(project: Project) -> None:
    """Nobody answers what was not asked."""
    said = project.run("answer", "staging", "go-on")
    assert said.exit_code == ExitCode.USAGE
    assert "no question is open" in said.stderr


def test_an_answer_is_on_record_and_is_acted_on(project: Project) -> None:
    """By the one who carries the cutover out, at the next poll."""
    project.world.watch.changed = _hot(project)

    def answered() -> None:
        said = project.run("status", "staging", "--json")
        if json.loads(said.stdout)["question"]:
            project.world.clock.slept = lambda: None
            given = project.run("answer", "staging", "roll-back", "--because", "too hot")
            assert given.exit_code == ExitCode.DONE, given.output
            assert "(api/cpu (MON-09 cpu_above_percent)): roll back, by Ana" in given.stdout

    project.world.clock.slept = answered
    said = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "the question: Ana: roll back" in said.stderr


def _hot(project: Project) -> Callable[[Observations, Stage], Observations]:
    """Its processors are too busy."""
    return lambda seen, _: replace(
        seen, new={**seen.new, "api/cpu": levels(project.world.clock.at, 95, 95)}
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name what to release"),
        (("--image", "api=registry.example.com/api:v1.5.0"), "is no image by digest"),
        (("--image", f"apy=x@{NEW}"), "no service 'apy', did you mean api?"),
        (("--image", NEW), "write SERVICE=REPOSITORY@sha256:DIGEST"),
        (("--image", IMAGE, "--emergency", "--standard", "Pulumi.yaml"), "not both"),
        (("--image", IMAGE, "--output", "plan.json", "--execute"), "give one of them"),
        (("--plan", "Pulumi.yaml"), "holds no plan of a cutover"),
    ],
)
def test_bad_input_is_refused(project: Project, words: Sequence[str], said: str) -> None:
    """With exit code 2, and nothing changed."""
    refused = project.run("run", "staging", *words)
    assert refused.exit_code == ExitCode.USAGE
    assert said in refused.stderr
    assert project.world.log == []


def test_the_same_release_is_refused(project: Project) -> None:
    """There is nothing to move."""
    project.world.sides["api"].releases = (NEW, NEW)
    said = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.USAGE
    assert f"api runs {NEW} already" in said.stderr


def test_a_release_can_stand_in_a_file(project: Project) -> None:
    """As a build writes it."""
    file = project.folder / "release.yaml"
    file.write_text(yaml.safe_dump({"images": {"api": f"registry/api@{NEW}"}}), encoding="utf-8")
    said = project.run("run", "staging", "--release", str(file))
    assert f"api: {OLD} -> {NEW}" in said.stdout
    file.write_text(yaml.safe_dump({"image": {}}), encoding="utf-8")
    refused = project.run("run", "staging", "--release", str(file))
    assert "release.yaml: image: Extra inputs are not permitted" in refused.stderr


BOARD = {
    "Ben": Role.ENGINEERING,
    "Cem": Role.SECURITY,
    "Dee": Role.OPERATIONS,
    "Eli": Role.LEGAL,
    "Fay": Role.EXECUTIVE,
}


def _approved(project: Project, subject: str) -> list[str]:
    words: list[str] = []
    for name, role in BOARD.items():
        made = sign(key(name), Purpose.APPROVAL, subject, by=name, role=role, at=utc_now())
        path = project.folder / f"approval-{name}.json"
        path.write_text(made.model_dump_json(), encoding="utf-8")
        words += ["--approval", str(path)]
    return words


def test_production_takes_a_saved_plan_with_the_boards_approval(project: Project) -> None:
    """What is run is what was approved; a normal change waits its business days."""
    write_approvers(project.folder / "approvers.yaml")
    saved = project.run("run", "production", "--image", IMAGE, "--output", "plan.json")
    assert saved.exit_code == ExitCode.DONE, saved.output
    hash_ = json.loads((project.folder / "plan.json").read_bytes())["plan"]
    run = ("run", "production", "--plan", "plan.json", "--yes", "--execute")
    assert "0 of 5 sign-offs (GATE-05)" in project.run(*run).stderr
    soon = project.run(*run, *_approved(project, hash_))
    assert soon.exit_code == ExitCode.USAGE
    assert "a normal change has 5 business days" in soon.stderr
    assert project.world.log == []


def test_a_standard_change_may_be_made_at_once(project: Project) -> None:
    """Under the approvals of its pre-approval, which its evidence verifies with."""
    write_approvers(project.folder / "approvers.yaml")
    standard = project.folder / "standard.yaml"
    content = {"title": "Patch", "environment": "production", "services": ["api"]}
    standard.write_text(yaml.safe_dump({**content, "until": "2099-12-31"}), encoding="utf-8")
    run = ("run", "production", "--image", IMAGE, "--standard", "standard.yaml", "--execute")
    approved = _approved(project, read_standard_change(standard).hash)
    asked = project.run(*run, *approved)
    assert "nobody can be asked here to type 'production'" in asked.stderr
    assert project.run(*run, *approved, "--yes").exit_code == ExitCode.DONE
    (evidence,) = (project.folder / ".slipway" / "evidence").iterdir()
    verified = CliRunner().invoke(app, ["evidence", "verify", str(evidence), "--json"])
    problems = cast("list[str]", json.loads(verified.stdout)["problems"])
    assert problems == ["Ana, who ran it, has not signed it as lead"]


def _taken_by_ben(project: Project) -> None:
    """Ben's process has the lease, and it is not known whether it still lives."""
    store = project.store()
    store.replace_lease(
        store.lease("staging/cutover"),
        Lease(
            target="staging/cutover",
            owner=Owner(operator="Ben", host="there", process=1, machine="other"),
            acquired=utc_now(),
            expires=utc_now() + LEASE_TIME,
            id="bens",
            token=99,
        ),
    )
    store.close()


def test_whoever_carries_it_out_is_told_to_go_back(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody acts beside them; once they are gone it is taken back here."""
    _interrupt(project)
    _taken_by_ben(project)
    waited: list[float] = []

    def gone(seconds: float) -> None:
        waited.append(seconds)
        assert project.world.sides["api"].share == 25
        store = project.store()
        lease = store.lease("staging/cutover")
        assert lease
        assert store.replace_lease(lease, lease.model_copy(update={"released": True}))
        store.close()

    monkeypatch.setattr(people, "sleep", gone)
    said = project.run("rollback", "staging", "--because", "customers call", "--execute")
    assert "worked on by Ben on there" in said.stderr
    assert "It was told to go back; waiting until it has." in said.stderr
    assert len(waited) == 1
    assert project.world.sides["api"].share == 0
    store = project.store()
    orders = current("staging/cutover/answers", store).entries()
    assert [(entry.kind, entry.by, entry.data["why"]) for entry in orders] == [
        ("order", "Ana", "Ana: customers call")
    ]
    store.close()


def test_what_somebody_else_decided_meanwhile_is_gone_on_with(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bound counts from their decision; theirs is the run that takes it back."""
    _interrupt(project)
    _taken_by_ben(project)

    def decided(_seconds: float) -> None:
        store = project.store()
        lease = store.lease("staging/cutover")
        assert lease
        assert store.replace_lease(lease, lease.model_copy(update={"released": True}))
        there = standing(readable(store, "staging/cutover"))
        assert there.cutover
        because = Because(of=there.run, why="Ben: it looks odd", at=project.world.clock.at)
        project.world.sides["api"].acted = _killed
        ended = take_back(
            there.cutover, because, project.world, setting(project.world.clock, store)
        )
        assert ended.outcome is Outcome.INTERRUPTED
        project.world.sides["api"].acted = lambda _: None
        store.close()

    monkeypatch.setattr(people, "sleep", decided)
    said = project.run("rollback", "staging", "--because", "customers call", "--execute")
    assert "rolled back, verified" in said.stderr, said.output
    store = project.store()
    started = [
        cast("Mapping[str, object]", entry.data["inputs"])["why"]
        for entry in current("staging/cutover", store).entries()
        if entry.kind == "run.started" and entry.data["command"] == BACK
    ]
    assert started == ["Ben: it looks odd"]
    store.close()


def _killed(_act: str) -> None:
    raise KeyboardInterrupt


def test_a_release_and_a_rollback_are_watched_further(project: Project) -> None:
    """A look a call; exit code 3 as long as it is not over."""
    nothing = project.run("watch", "staging", "--execute")
    assert nothing.exit_code == ExitCode.DONE
    assert "no cutover yet: nothing is to be watched" in nothing.stdout
    released = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert "To watch its first week: slipway cutover watch staging --execute" in released.stderr
    would = project.run("watch", "staging").stdout
    assert "1. The first week: Looks once at all services, against the limits of the" in would
    looked = project.run("watch", "staging", "--execute")
    assert looked.exit_code == ExitCode.PENDING, looked.output
    assert "watched for 7 days more\n  To go on: slipway cutover watch staging" in looked.stdout
    project.world.clock.at += 7 * 86400
    done = project.run("watch", "staging", "--execute", "--json")
    assert done.exit_code == ExitCode.DONE, done.output
    store = project.store()
    last = current("staging/cutover", store).latest("step.done")
    assert last
    assert last.data["baseline"] == {"api": {"requests": 7}}
    head = store.head("staging/cutover")
    again = project.run("watch", "staging", "--execute")
    assert again.exit_code == ExitCode.DONE
    assert "in steady state alarms watch (MON-12, ROLL-08): api-rollout" in again.stdout
    assert store.head("staging/cutover") == head
    store.close()


def test_old_sides_that_a_watch_was_taking_away_go_with_the_next_look(project: Project) -> None:
    """Resuming has nothing to do there, and names what has."""
    path = project.folder / "Pulumi.staging.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["config"]["slipway:cutover"]["retainMinutes"] = 60
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    project.run("run", "staging", "--image", IMAGE, "--execute")
    project.world.clock.at += 3600

    def stop(act: str) -> None:
        if act == "api retire old":
            raise KeyboardInterrupt

    project.world.sides["api"].acted = stop
    stopped = project.run("watch", "staging", "--execute")
    assert stopped.exit_code == ExitCode.INTERRUPTED, stopped.output
    project.world.sides["api"].acted = lambda _: None
    said = project.run("resume", "staging", "--execute")
    assert said.exit_code == ExitCode.USAGE
    assert "slipway cutover watch staging --execute" in said.stderr
    assert project.run("watch", "staging", "--execute").exit_code == ExitCode.PENDING
    assert project.world.sides["api"].old == 0


def test_a_release_whose_old_side_is_gone_is_taken_back_by_its_digest(project: Project) -> None:
    """It comes up beside the one that serves, in full, before it gets any traffic (ROLL-11)."""
    project.run("run", "staging", "--image", IMAGE, "--execute")
    sides = project.world.sides["api"]
    assert (sides.share, sides.old) == (100, 0)
    project.world.watch.errors["api"] = lambda _: 0.3
    project.world.clock.at += 900
    looked = project.run("watch", "staging", "--execute")
    assert looked.exit_code == ExitCode.FAILED
    assert "slipway cutover rollback staging --execute" in looked.stderr
    (page,) = (project.folder / ".slipway" / "reports").iterdir()
    assert "since then api had 30.000%" in page.read_text(encoding="utf-8")
    would = project.run("rollback", "staging")
    assert f"The old sides are gone: would start api {OLD} again, in full, first." in would.stdout
    assert sides.old == 0
    done = project.run("rollback", "staging", "--execute", "--json")
    said = json.loads(done.stdout)
    assert said["outcome"] == "rolled back", done.output
    restoring = 270  # reading back, starting, and a margin
    assert said["bound_seconds"] == restoring + 270
    assert (sides.share, sides.old, sides.new) == (0, SIZE, 0)
    assert project.world.log[-3:] == [f"api up {SIZE}", "api weight 0", "api retire new"]
    assert project.run("status", "staging").exit_code == ExitCode.DONE


def test_a_release_that_does_not_come_up_again_leaves_traffic_where_it_was(
    project: Project,
) -> None:
    """Somebody has to look; the same command tries again."""
    project.run("run", "staging", "--image", IMAGE, "--execute")
    project.world.broken = True
    said = project.run("rollback", "staging", "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "its old release is not healthy on 4 instances" in said.stderr
    assert "To try again: slipway cutover rollback staging --execute" in said.stderr
    assert project.world.sides["api"].share == 100
    project.world.broken = False
    assert "rolled back" in project.run("rollback", "staging", "--execute").stderr


def test_an_old_side_that_fails_after_the_rollback_is_told(project: Project) -> None:
    """There is nothing to go back to: somebody has to look."""
    _interrupt(project)
    carried = project.run("watch", "staging", "--execute")
    assert carried.exit_code == ExitCode.PENDING
    assert "under way: it is watched by whoever carries it out" in carried.stdout
    project.run("abort", "staging", "--execute")
    assert project.run("watch", "staging", "--execute").exit_code == ExitCode.PENDING
    project.world.watch.changed = lambda seen, _: replace(
        seen, old={**seen.old, "api/health": levels(project.world.clock.at, *[1.0] * 40)}
    )
    project.world.clock.at += 900
    said = project.run("watch", "staging", "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "health checks that fail" in said.stderr
    assert "There is nothing to go back to: page the person on call" in said.stderr
    project.world.watch.changed = lambda seen, _: seen
    project.world.clock.at += 900
    assert project.run("watch", "staging", "--execute").exit_code == ExitCode.DONE
