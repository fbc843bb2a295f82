"""Only a commit that passed staging goes to production, and only forward."""

import json
import re

from tests.tools.ci.conftest import Stage

REPOSITORY = {"GITHUB_REPOSITORY": "o/r"}
NEW = "0" * 40
IMAGE = re.compile(r"(/mcp.*@sha256:)[0-9a-f]{64}")


def runs(stage: Stage, commit: str, number: int = 1) -> None:
    """Let GitHub know of `number` runs that brought `commit` through staging."""
    query = f"head_sha={commit}&branch=develop&event=push&status=success"
    path = f"api repos/o/r/actions/workflows/deploy.yaml/runs?{query}"
    stage.answers("gh", path, json.dumps({"total_count": number}))


def develop(stage: Stage) -> None:
    """Let `origin/develop` be where the branch is."""
    stage.git("update-ref", "refs/remotes/origin/develop", "HEAD")


def test_a_commit_that_passed_staging_may_go(stage: Stage) -> None:
    """It follows what production has, is on develop, and its run there succeeded."""
    before = stage.git("rev-parse", "HEAD")
    commit = stage.commit()
    develop(stage)
    runs(stage, commit)
    for start in (before, NEW):
        done = stage.run("promoted", start, commit, **REPOSITORY)
        assert done.returncode == 0, done.stderr


def test_a_commit_that_did_not_pass_staging_is_refused(stage: Stage) -> None:
    """A run that failed, or is still going on, does not count."""
    before = stage.git("rev-parse", "HEAD")
    commit = stage.commit()
    develop(stage)
    runs(stage, commit, 0)
    refused = stage.run("promoted", before, commit, **REPOSITORY)
    assert refused.returncode == 1
    assert "has not passed staging" in refused.stderr


def test_a_commit_of_another_branch_is_refused(stage: Stage) -> None:
    """Whatever is said of it: only develop leads to production."""
    before = stage.git("rev-parse", "HEAD")
    develop(stage)
    commit = stage.commit("on main alone")
    runs(stage, commit)
    refused = stage.run("promoted", before, commit, **REPOSITORY)
    assert refused.returncode == 1
    assert "is not on develop" in refused.stderr


def test_a_branch_that_was_turned_back_is_refused(stage: Stage) -> None:
    """A forced push is no fast-forward, and nothing is applied for it."""
    commit = stage.git("rev-parse", "HEAD")
    before = stage.commit("what production has")
    develop(stage)
    runs(stage, commit)
    refused = stage.run("promoted", before, commit, **REPOSITORY)
    assert refused.returncode == 1
    assert "only fast-forwarded" in refused.stderr


def test_an_image_that_staging_did_not_run_is_refused(stage: Stage) -> None:
    """By its digest: the registry of another account may hold the same image."""
    before = stage.git("rev-parse", "HEAD")
    file = stage.folder / "Pulumi.production.yaml"
    text = file.read_text(encoding="utf-8")
    other, replaced = IMAGE.subn(f"\\g<1>{'b' * 64}", text)
    assert replaced
    file.write_text(other, encoding="utf-8")
    commit = stage.commit()
    develop(stage)
    runs(stage, commit)
    refused = stage.run("promoted", before, commit, **REPOSITORY)
    assert refused.returncode == 1
    assert "kubernetes.mcp.image: production would run sha256:bbb" in refused.stderr


def test_a_commit_that_git_does_not_know_is_told(stage: Stage) -> None:
    """A shallow checkout cannot say what follows what."""
    develop(stage)
    refused = stage.run("promoted", "1" * 40, "HEAD", **REPOSITORY)
    assert refused.returncode == 1
    assert "git knows no commit" in refused.stderr
