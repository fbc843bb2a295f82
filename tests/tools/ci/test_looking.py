"""The steps that only look: a preview with its plan, a verification, the search for drift."""

from pathlib import Path

import pytest

from environments import load
from tests.conftest import PROJECT
from tests.tools.ci.conftest import Stage
from tools.ci.verify import health_urls

ENGINES_CHANGES = 7


def test_a_preview_keeps_its_plan(stage: Stage, tmp_path: Path) -> None:
    """The engine previews with the policies, and writes the plan where it is asked for."""
    plan = tmp_path / "plans" / "plan.json"
    done = stage.run("preview", "staging", "--plan", str(plan))
    assert done.returncode == 0, done.stderr
    (call,) = stage.calls
    assert call == (
        f"pulumi preview --diff --policy-pack policies --save-plan {plan}"
        " --stack staging --non-interactive"
    )
    assert plan.parent.is_dir()


def test_a_preview_that_breaks_a_policy_fails(stage: Stage) -> None:
    """The engine says so by its exit code."""
    stage.answers("pulumi", "preview", "Policy Violations\n", code=5)
    assert stage.run("preview", "staging", "--plan", "out/plan.json").returncode == 1


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (ENGINES_CHANGES, 3), (1, 1), (255, 1)])
def test_drift_is_told_from_failure(stage: Stage, code: int, ends: int) -> None:
    """Exit code 3 where the cloud is not what the code says, 1 where nobody can tell."""
    stage.answers("pulumi", "preview", code=code)
    assert stage.run("drift", "production").returncode == ends
    assert stage.calls == [
        "pulumi preview --refresh --diff --expect-no-changes --stack production --non-interactive"
    ]


def test_a_second_preview_that_proposes_something_fails_the_verification(stage: Stage) -> None:
    """An update that is not done, or never will be, does not pass."""
    stage.answers("pulumi", "preview", code=ENGINES_CHANGES)
    failed = stage.run("verify", "staging")
    assert failed.returncode == 1
    assert "a second preview still proposes changes" in failed.stderr
    assert stage.calls == [
        "pulumi preview --diff --expect-no-changes --stack staging --non-interactive"
    ]


def test_the_health_endpoints_are_those_that_the_internet_reaches() -> None:
    """A service behind paths of its own is not asked under a path that leads to another one."""
    assert list(health_urls(load("production", PROJECT))) == ["https://slipway.example.com/health"]


def test_a_role_is_found_by_stack_and_purpose(stage: Stage) -> None:
    """Region and account come from the environment's file."""
    done = stage.run("target", "production", "preview")
    assert done.stdout.splitlines() == [
        "role=arn:aws:iam::333333333333:role/foundation/production-preview",
        "region=us-east-1",
        "account=333333333333",
    ]
    assert stage.run("target", "production", "owner").returncode == 2


def test_a_missing_engine_is_told(stage: Stage) -> None:
    """Nobody has to read a traceback to learn what to install."""
    (stage.tools / "pulumi").unlink()
    failed = stage.run("drift", "staging", PATH=str(stage.tools))
    assert (failed.returncode, failed.stderr) == (
        1,
        "pulumi is not on the PATH: install it\n",
    )
