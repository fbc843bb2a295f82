"""The workflows of continuous integration are valid and grant as little as they can."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
ACTION = ROOT / ".github" / "actions" / "engine" / "action.yaml"
OWN = "./.github/"
LONGEST_MINUTES = 60
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
ACTIONLINT = shutil.which("actionlint")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> list[dict[str, Any]]:
    """The jobs of the workflow at `path`, apart from calls of another workflow."""
    return [job for job in declared(path).values() if "steps" in job]


def declared(path: Path) -> dict[str, dict[str, Any]]:
    """Every job of the workflow at `path`, by its name."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def run(*command: str, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in `folder`, with `variables` in its environment."""
    environment = {**os.environ, **variables}
    return subprocess.run(  # noqa: S603 - our own tools and files
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_there_are_workflows() -> None:
    """The tests below look at something."""
    assert {path.name for path in WORKFLOWS} >= {"preview.yaml", "tests.yaml"}


@each_workflow
def test_nothing_is_permitted_by_default(path: Path) -> None:
    """A job has the permissions that it names, and what runs our code has none to write."""
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for job in declared(path).values():
        assert "write-all" not in job["permissions"]
    for job in jobs(path):
        written = {name for name, kind in job["permissions"].items() if kind != "read"}
        used = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
        assert written <= {"security-events", "pull-requests", "issues", "id-token"}
        if "actions/checkout" in used:
            assert written <= {"id-token"}
        if "security-events" in written:
            assert used == ["actions/download-artifact", "github/codeql-action/upload-sarif"]


@each_workflow
def test_only_what_needs_a_role_can_take_one_on(path: Path) -> None:
    """A job can prove to AWS who it is where it takes on a role, and nowhere else."""
    for job in jobs(path):
        uses_role = any(step.get("uses", "") == f"{OWN}actions/engine" for step in job["steps"])
        assert (job["permissions"].get("id-token") == "write") is uses_role


def test_a_fork_gets_no_role() -> None:
    """The engine's preview runs for branches of the repository, where there are roles at all."""
    condition = declared(ROOT / ".github" / "workflows" / "preview.yaml")["engine"]["if"]
    assert "!github.event.pull_request.head.repo.fork" in condition
    assert "vars.SLIPWAY_PULL_REQUEST_ROLES == 'true'" in condition


def test_one_update_of_an_environment_runs_at_a_time_and_none_is_killed() -> None:
    """Two updates would meet at the state's lock; one that is cancelled leaves it behind."""
    apply = declared(ROOT / ".github" / "workflows" / "apply.yaml")["apply"]
    assert apply["concurrency"] == {
        "group": "apply-${{ inputs.environment }}",
        "cancel-in-progress": False,
    }
    assert apply["environment"] == "${{ inputs.environment }}"


def test_findings_are_shown_at_their_lines_unless_a_fork_may_not() -> None:
    """The log that the preview wrote goes to code scanning, also where a finding failed the run."""
    found = declared(ROOT / ".github" / "workflows" / "preview.yaml")
    preview, scanning = found["preview"], found["scanning"]
    download, upload = scanning["steps"]
    kept = next(
        step["with"] for step in preview["steps"] if "upload-artifact" in step.get("uses", "")
    )
    assert download["with"]["name"] == kept["name"]
    assert upload["with"]["sarif_file"] in kept["path"].split()
    assert "!github.event.pull_request.head.repo.fork" in scanning["if"]
    assert "!cancelled()" in scanning["if"]


@each_workflow
def test_actions_are_pinned_to_a_commit(path: Path) -> None:
    """A tag can move; a commit cannot, and a comment says which version it is."""
    assert_pinned([step for job in jobs(path) for step in job["steps"]], path)


def test_the_actions_of_our_own_action_are_pinned() -> None:
    """What jobs share is held to the same."""
    assert_pinned(yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"], ACTION)


def assert_pinned(steps: list[dict[str, Any]], path: Path) -> None:
    """Fail unless each of `steps` of the file at `path` uses a commit, and says its version."""
    used = [each for step in steps if not (each := step.get("uses", OWN)).startswith(OWN)]
    assert [name for name in used if not PINNED.match(name)] == []
    text = path.read_text(encoding="utf-8")
    assert len(re.findall(r"uses: \S+ # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == len(used)


@each_workflow
def test_a_checkout_leaves_no_credentials(path: Path) -> None:
    """The token does not stay in the working tree, where any later step could read it."""
    steps = [step for job in jobs(path) for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts or not any("run" in step and ".venv" in step["run"] for step in steps)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_jobs_end(path: Path) -> None:
    """A job that hangs is ended, and of a workflow or of an update one runs at a time."""
    assert all(job["timeout-minutes"] <= LONGEST_MINUTES for job in jobs(path))
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert "concurrency" in content or any("concurrency" in job for job in jobs(path))


def test_a_preview_shows_every_environment_and_fails_with_its_findings(tmp_path: Path) -> None:
    """The step previews all that there are, posts what it prints, and keeps the exit code."""
    job = jobs(ROOT / ".github" / "workflows" / "preview.yaml")[0]
    (script,) = [step["run"] for step in job["steps"] if "slipway preview" in step.get("run", "")]
    for name in ("one", "two"):
        (tmp_path / f"Pulumi.{name}.yaml").touch()
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, body in {
        "python": f'exec "{sys.executable}" "$@"',
        "slipway": "echo slipway $*; exit 1",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    summary = tmp_path / "summary"
    here = {
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_REPOSITORY": "team/slipway",
        "GITHUB_SHA": "0a1b2c3",
    }
    done = run("bash", "-e", "-c", script, folder=tmp_path, **here)
    assert done.returncode == 1
    printed = (
        "slipway preview one two --html out/preview.html --sarif out/preview.sarif"
        " --junit out/preview.xml --matrix out/matrix.csv"
        " --docs-url https://example.org/team/slipway/blob/0a1b2c3\n"
    )
    assert done.stdout == printed
    assert summary.read_text(encoding="utf-8") == f"~~~~~text\n{printed}\n~~~~~\n"


def test_zizmor_finds_nothing() -> None:
    """No template injection, no credential left behind, no trigger that a fork can abuse."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    found = run(zizmor, "--offline", "--no-progress", "--pedantic", ".github")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.skipif(ACTIONLINT is None, reason="actionlint is not on the PATH; .ci/run installs it")
def test_actionlint_finds_nothing() -> None:
    """Syntax, expressions, contexts and runner labels are what GitHub knows."""
    assert ACTIONLINT is not None
    found = run(ACTIONLINT, *map(str, WORKFLOWS))
    assert found.returncode == 0, found.stdout + found.stderr
