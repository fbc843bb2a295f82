"""Tests of change control as people meet it: at the start, without one, and where a run goes on."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from scripts.cutover.commands import consent
from scripts.cutover.planning.rehearsed import unrehearsed
from scripts.exits import ExitCode
from scripts.runs.approvers import Role
from scripts.runs.evidence import Evidence, Purpose, seal, sign
from scripts.runs.journal import current
from scripts.runs.owed import owed
from scripts.runs.times import stamp, utc_now
from tests.scripts.cutover.test_commands import IMAGE, OLD, Project
from tests.scripts.cutover.worlds import levels
from tests.scripts.runs.people import key, write_approvers

_BOARD = {"Ben": Role.ENGINEERING, "Cem": Role.SECURITY, "Dee": Role.OPERATIONS,
          "Eli": Role.LEGAL, "Fay": Role.EXECUTIVE}  # fmt: skip
_ON_CALL = {"Gil": Role.ON_CALL}
_RUN = ("run", "production", "--image", IMAGE)
_RESUME = ("resume", "production", "--yes", "--execute")


@pytest.fixture(autouse=True)
def _known(project: Project) -> None:
    write_approvers(project.folder / "approvers.yaml")


def _approved(project: Project, subject: str, people: dict[str, Role]) -> list[str]:
    words: list[str] = []
    for name, role in people.items():
        made = sign(key(name), Purpose.APPROVAL, subject, by=name, role=role, at=utc_now())
        path = project.folder / f"approval-{name}.json"
        path.write_text(made.model_dump_json(), encoding="utf-8")
        words += ["--approval", str(path)]
    return words


def _freeze(project: Project) -> None:
    """Nothing is released from now on."""
    path = project.folder / "Pulumi.production.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    since, until = stamp(utc_now()), stamp(utc_now() + timedelta(days=30))
    freeze = {"from": since, "until": until, "why": "end of the year"}
    content["config"]["slipway:cutover"]["freezes"] = [freeze]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _plan(project: Project, *words: str) -> str:
    return json.loads(project.run(*_RUN, *words, "--json").stdout)["plan"]


def _stopped(project: Project, *words: str) -> None:
    """Somebody presses Ctrl-C while a quarter of the users are on the new side."""
    started = project.world.clock.at

    def pressed() -> None:
        if project.world.sides["api"].share == 25 and project.world.clock.at > started + 100:
            project.world.clock.slept = lambda: None
            raise KeyboardInterrupt

    project.world.clock.slept = pressed
    stopped = project.run(*_RUN, *words, "--yes", "--execute")
    assert stopped.exit_code == ExitCode.INTERRUPTED, stopped.output


def _standard(project: Project) -> list[str]:
    """A standard change, and the sign-offs of its pre-approval."""
    content = {"title": "Patch", "environment": "production", "services": ["api"]}
    path = project.folder / "standard.yaml"
    path.write_text(yaml.safe_dump({**content, "until": "2099-12-31"}), encoding="utf-8")
    said = project.run(*_RUN, "--standard", "standard.yaml").stderr
    subject = said.partition("evidence approve ")[2].split()[0]
    return ["--standard", "standard.yaml", *_approved(project, subject, _BOARD)]


def _owes(project: Project) -> list[str]:
    store = project.store()
    try:
        return [each.what.value for each in owed(store, "production/cutover")]
    finally:
        store.close()


def test_an_emergency_wants_somebody_on_call(project: Project) -> None:
    """Not only whoever types it; and then it is let in, also in a freeze."""
    _freeze(project)
    run = (*_RUN, "--emergency", "--yes", "--execute")
    refused = project.run(*run)
    assert refused.exit_code == ExitCode.USAGE
    assert "released by somebody on call other than Ana (PIPE-11)" in refused.stderr
    assert project.world.log == []
    approved = _approved(project, _plan(project, "--emergency"), _ON_CALL)
    assert project.run(*run, *approved).exit_code == ExitCode.DONE
    (evidence,) = (project.folder / ".slipway" / "evidence").iterdir()
    assert json.loads(evidence.read_bytes())["bundle"]["change"] == "emergency"


def test_what_an_emergency_owes_stops_the_next_normal_run(project: Project) -> None:
    """And no other emergency, and nothing that goes back."""
    approved = _approved(project, _plan(project, "--emergency"), _ON_CALL)
    project.run(*_RUN, "--emergency", "--yes", *approved, "--execute")
    assert _owes(project) == ["approval", "documentation"]
    assert "settle production/cutover" in project.run("status", "production").stdout
    sides = project.world.sides["api"]
    sides.releases = (sides.releases[1], f"sha256:{'3' * 64}")
    sides.share, sides.old, sides.new = 0, sides.new, 0
    third = ("run", "production", "--image", f"api=registry.example.com/api@sha256:{'3' * 64}")
    normal = project.run(*third)
    assert normal.exit_code == ExitCode.USAGE
    assert "owes its documentation" in normal.stdout
    assert "owes its" not in project.run(*third, "--emergency").output


def test_an_emergency_that_changed_nothing_owes_nothing(project: Project) -> None:
    """It was refused by the check."""
    approved = _approved(project, _plan(project, "--emergency"), _ON_CALL)
    project.world.sides["api"].refused = ["api: its target group is not attached: attach it"]
    said = project.run(*_RUN, "--emergency", "--yes", *approved, "--execute")
    assert said.exit_code == ExitCode.USAGE
    assert _owes(project) == []


def test_a_freeze_is_told_without_execute(project: Project) -> None:
    """With exit code 2; sign-offs that lack are told, and no reason not to plan."""
    planned = project.run(*_RUN)
    assert planned.exit_code == ExitCode.DONE, planned.output
    assert "not let in yet: 0 of 5 sign-offs (GATE-05)" in planned.stderr
    _freeze(project)
    frozen = project.run(*_RUN)
    assert frozen.exit_code == ExitCode.USAGE
    assert "end of the year" in frozen.stdout


def test_a_freeze_stops_what_is_gone_on_with(project: Project) -> None:
    """It may go back, which asks nobody, or on as an emergency."""
    _stopped(project, *_standard(project))
    _freeze(project)
    shown = project.run("resume", "production")
    assert shown.exit_code == ExitCode.USAGE
    assert "end of the year" in shown.stdout
    refused = project.run(*_RESUME)
    assert refused.exit_code == ExitCode.USAGE
    assert project.world.sides["api"].share == 25
    store = project.store()
    plan = json.loads(next(iter(store.entries("production/cutover"))))["data"]["plan"]
    store.close()
    urgent = project.run(*_RESUME, "--emergency", *_approved(project, plan, _ON_CALL))
    assert urgent.exit_code == ExitCode.DONE, urgent.output
    assert _owes(project) == ["approval", "documentation"]
    (evidence,) = (project.folder / ".slipway" / "evidence").glob("*.json")
    assert json.loads(evidence.read_bytes())["bundle"]["change"] == "emergency"


def test_what_let_it_in_lets_it_go_on(project: Project) -> None:
    """From the journal; the environment's name is typed again, or --yes goes with approvals."""
    _stopped(project, *_standard(project))
    typed = project.run("resume", "production", "--execute")
    assert "nobody can be asked here to type 'production'" in typed.stderr
    done = project.run(*_RESUME)
    assert done.exit_code == ExitCode.DONE, done.output
    (evidence,) = (project.folder / ".slipway" / "evidence").glob("*.json")
    bundle = json.loads(evidence.read_bytes())["bundle"]
    assert (bundle["change"], len(bundle["approvals"])) == ("standard", 5)


def test_an_approver_who_left_lets_nothing_go_on(project: Project) -> None:
    """The signature is in the journal, and whose key is taken out of the file counts no more."""
    _stopped(project, *_standard(project))
    path = project.folder / "approvers.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["approvers"] = [each for each in content["approvers"] if each["name"] != "Eli"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    refused = project.run(*_RESUME)
    assert "4 of 5 sign-offs (GATE-05): missing from legal" in refused.stderr


def test_a_release_was_taken_back_in_staging_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evidence of that run is signed by who ran it, and is of the very release (ROLL-03)."""
    monkeypatch.setattr(consent, "unrehearsed", unrehearsed)
    assert "no rollback in staging was carried out" in project.run(*_RUN).stderr
    project.world.watch.errors["api"] = lambda sides: 0.05 if sides.share else 0.001
    taken_back = project.run("run", "staging", "--image", IMAGE, "--execute", "--json")
    forward, back = json.loads(taken_back.stdout)["evidence"]
    named = (*_RUN, "--rolled-back", back)
    assert "Ana, who ran it, has not signed it as lead" in project.run(*named).stderr
    for path in (Path(forward), Path(back)):
        evidence = Evidence.model_validate_json(path.read_bytes())
        made = sign(
            key("Ana"), Purpose.EVIDENCE, evidence.hash, by="Ana", role=Role.LEAD, at=utc_now()
        )
        seal(evidence.bundle, [made]).write(path)
    assert (
        "of cutover run in staging, failed: no rollback"
        in project.run(*_RUN, "--rolled-back", forward).stderr
    )
    assert "ROLL-03" not in project.run(*named).stderr
    project.world.sides["api"].releases = (OLD, f"sha256:{'3' * 64}")
    other = ("run", "production", "--image", f"api=registry.example.com/api@sha256:{'3' * 64}")
    assert "of api sha256:333" in project.run(*other, "--rolled-back", back).stderr


def test_going_back_asks_nobody(project: Project) -> None:
    """Neither in a freeze, nor for a name."""
    _stopped(project, *_standard(project))
    _freeze(project)
    said = project.run("rollback", "production", "--execute")
    assert "slipway: rolled back" in said.stderr
    assert project.world.sides["api"].share == 0


def test_who_lets_it_go_on_is_named_beforehand(project: Project) -> None:
    """In the file of approvers; anybody may have it go back (ROLL-10)."""
    hot = levels(project.world.clock.at, 95, 95)
    project.world.watch.changed = lambda seen, _: replace(seen, new={**seen.new, "api/cpu": hot})
    answered: list[str] = []

    def asked() -> None:
        if json.loads(project.run("status", "staging", "--json").stdout)["question"]:
            project.world.clock.slept = lambda: None
            stranger = ("--operator", "Zoe")
            refused = project.run("answer", "staging", "go-on", *stranger)
            assert refused.exit_code == ExitCode.USAGE
            assert "Zoe is not named in approvers.yaml" in refused.stderr
            back = project.run("answer", "staging", "roll-back", *stranger)
            answered.append(back.stdout)

    project.world.clock.slept = asked
    said = project.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "by Zoe" in answered[0]


def test_a_release_states_its_rollback(project: Project) -> None:
    """Where to, with what data, at which limits, and who decides: printed and kept (ROLL-04)."""
    shown = project.run("run", "staging", "--image", IMAGE)
    for said in (f"It goes back to:\n  api {OLD}", "a person whom the file of approvers names"):
        assert said in shown.stdout
    project.run("run", "staging", "--image", IMAGE, "--execute")
    store = project.store()
    checked = current("staging/cutover", store).entries()[2]
    store.close()
    plan = cast("dict[str, Any]", checked.data["rollback"])
    assert plan["target"] == {"api": OLD}
    assert plan["data"] == ["the database is not changed"]
    assert "api/errors (ROLL-07 error_rate_above_percent)" in plan["triggers"]["rolls back"]
    assert "slipway cutover rollback staging --execute" in plan["decides"][-1]
