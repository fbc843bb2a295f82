"""An environment is applied from its branch, from a commit, approved where it asks, and settled."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.tools.ci.conftest import Stage

SETTLED = json.dumps({"deployment": {"pending_operations": []}})
RUN = {"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "o/r", "GITHUB_ACTOR": "ann"}
APPROVALS = "api repos/o/r/actions/runs/7/approvals"


def approval(
    who: str, state: str = "approved", environment: str = "production"
) -> dict[str, object]:
    """One entry of GitHub's record of who let a run in."""
    return {"state": state, "user": {"login": who}, "environments": [{"name": environment}]}


@pytest.fixture
def settled(stage: Stage) -> Stage:
    """A stage on which no update was interrupted."""
    stage.answers("pulumi", "stack export", SETTLED)
    return stage


def test_an_update_runs_with_the_policies_and_records_its_commit(settled: Stage) -> None:
    """The engine gets policies, stack and message; its state is in the environment's account."""
    commit = settled.git("rev-parse", "HEAD")
    done = settled.run("apply", "staging")
    assert done.returncode == 0, done.stderr
    export, up = settled.calls
    assert export == "pulumi stack export --stack staging --non-interactive"
    assert up == (
        f"pulumi up --yes --diff --message commit {commit} --policy-pack policies"
        " --stack staging --non-interactive"
    )
    assert settled.backends == {
        "s3://slipway-state-222222222222?region=us-east-1&awssdk=v2",
    }


@pytest.mark.parametrize("name", ["integration", "staging"])
def test_another_branch_is_refused_before_the_engine_is_asked(settled: Stage, name: str) -> None:
    """A feature branch, or one that GitHub names, reaches neither integration nor staging."""
    refused = settled.run("apply", name, GITHUB_REF_NAME="feature")
    assert refused.returncode == 1
    assert refused.stderr == f"{name} takes develop only, not feature (ENV-04)\n"
    assert settled.calls == []


def test_changes_that_no_commit_has_are_refused(settled: Stage) -> None:
    """What is applied can be found again by its commit."""
    with (settled.folder / "Pulumi.staging.yaml").open("a", encoding="utf-8") as file:
        file.write("# more\n")
    refused = settled.run("apply", "staging")
    assert refused.returncode == 1
    assert "Pulumi.staging.yaml" in refused.stderr
    assert settled.calls == []


@pytest.mark.parametrize(
    ("reviews", "code", "said"),
    [
        ([approval("bob")], 0, "approved by bob"),
        ([approval("ann"), approval("bob"), approval("bob")], 0, "approved by bob"),
        ([], 1, "has 0 (PIPE-08)"),
        ([approval("ann")], 1, "has 0 (PIPE-08)"),
        ([approval("bob", "rejected")], 1, "has 0 (PIPE-08)"),
        ([approval("bob", environment="staging")], 1, "has 0 (PIPE-08)"),
    ],
)
def test_production_wants_an_approval_on_record(
    settled: Stage, reviews: list[dict[str, object]], code: int, said: str
) -> None:
    """By somebody other than who started the run, for production; it is written down."""
    settled.answers("gh", APPROVALS, json.dumps(reviews))
    done = settled.run("apply", "production", "--plan", "p.json", GITHUB_REF_NAME="main", **RUN)
    assert done.returncode == code
    assert said in done.stderr
    updates = [call for call in settled.calls if call.startswith("pulumi up")]
    assert len(updates) == (1 if code == 0 else 0)
    assert all("--plan p.json" in call and said in call for call in updates)


def test_production_is_not_applied_by_hand(settled: Stage) -> None:
    """Where no run is that somebody could have approved, there is no approval."""
    refused = settled.run("apply", "production", GITHUB_REF_NAME="main")
    assert refused.returncode == 1
    assert "waits for approval (PIPE-08)" in refused.stderr
    assert settled.calls == []


def test_operations_that_nobody_knows_the_end_of_stop_the_update(stage: Stage) -> None:
    """They are named, with the page that says how to settle them; the exit code is pending."""
    urn = "urn:pulumi:staging::slipway::aws:sqs/queue:Queue::jobs"
    left = {"type": "creating", "resource": {"urn": urn}}
    export = {"deployment": {"pending_operations": [left]}}
    stage.answers("pulumi", "stack export", json.dumps(export))
    refused = stage.run("apply", "staging")
    assert refused.returncode == 3
    assert f"creating {urn}" in refused.stderr
    assert "docs/runbooks/interrupted-update.md" in refused.stderr
    assert not any("pulumi up" in call for call in stage.calls)


def test_a_lock_is_never_broken_but_told(settled: Stage) -> None:
    """Somebody else may be updating: the step waits for a person, with exit code 3."""
    text = "error: the stack is currently locked by 1 lock(s). Either wait for the other process\n"
    settled.answers("pulumi", "up", text, code=1)
    refused = settled.run("apply", "staging")
    assert refused.returncode == 3
    assert "docs/runbooks/interrupted-update.md" in refused.stderr
    assert not any("cancel" in call for call in settled.calls)


def test_an_update_that_fails_fails_the_step(settled: Stage) -> None:
    """What the engine printed is shown, and its exit code told."""
    settled.answers("pulumi", "up", "error: update failed\n", code=1)
    failed = settled.run("apply", "staging")
    assert failed.returncode == 1
    assert "error: update failed" in failed.stdout
    assert "exit code 1" in failed.stderr


def test_a_state_that_cannot_be_read_is_told_without_its_content(stage: Stage) -> None:
    """The state's text stays out of the log."""
    stage.answers("pulumi", "stack export", "SECRET", code=255)
    failed = stage.run("apply", "staging")
    assert failed.returncode == 1
    assert "state cannot be read" in failed.stderr
    assert "SECRET" not in failed.stdout + failed.stderr


def test_an_interrupted_step_interrupts_the_engine_once_and_waits(settled: Stage) -> None:
    """The engine ends what it is doing and saves the state; a killed one would leave a lock."""
    slow = settled.tools / "pulumi"
    slow.write_text(
        f"""#!{sys.executable}
import signal, sys, time
if "export" in sys.argv:
    print('{SETTLED}')
    sys.exit()
def saved(*_):
    time.sleep(0.3)
    print("state saved", flush=True)
    sys.exit(8)
signal.signal(signal.SIGINT, saved)
print("updating", flush=True)
time.sleep(60)
""",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.ci.apply", "staging"],
        cwd=settled.folder,
        env=settled.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "updating\n"
    process.send_signal(signal.SIGTERM)
    out, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == "state saved\n"
    assert re.search("exit code 8", told)


def test_an_unknown_stack_is_answered_with_those_there_are(settled: Stage) -> None:
    """A name that no file has is bad input."""
    refused = settled.run("apply", "stagin")
    assert refused.returncode == 2
    assert "did you mean staging" in refused.stderr
