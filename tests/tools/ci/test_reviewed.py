"""Nothing is applied that came without a review by somebody else."""

import json

import pytest

from tests.tools.ci.conftest import Stage

REPOSITORY = {"GITHUB_REPOSITORY": "o/r"}


def pull(stage: Stage, commit: str, *, merged: bool = True) -> None:
    """Let `commit` have come by the pull request 5 of ann."""
    told = [{"number": 5, "merged_at": "2026-01-01" if merged else None, "user": {"login": "ann"}}]
    stage.answers("gh", f"api repos/o/r/commits/{commit}/pulls", json.dumps(told))


def review(stage: Stage, *reviews: tuple[str, str]) -> None:
    """Let the pull request have had `reviews`, each by whom and with what end."""
    told = [{"user": {"login": who}, "state": state} for who, state in reviews]
    stage.answers("gh", "api repos/o/r/pulls/5/reviews", json.dumps(told))


@pytest.mark.parametrize(
    ("reviews", "code"),
    [
        ([("bob", "APPROVED")], 0),
        ([("bob", "CHANGES_REQUESTED"), ("bob", "APPROVED"), ("bob", "COMMENTED")], 0),
        ([], 1),
        ([("ann", "APPROVED")], 1),
        ([("bob", "COMMENTED")], 1),
        ([("bob", "APPROVED"), ("bob", "CHANGES_REQUESTED")], 1),
        ([("bob", "APPROVED"), ("bob", "DISMISSED")], 1),
    ],
)
def test_an_approval_by_somebody_else_counts_while_it_stands(
    stage: Stage, reviews: list[tuple[str, str]], code: int
) -> None:
    """One's own does not, nor one that was taken back."""
    before = stage.git("rev-parse", "HEAD")
    commit = stage.commit()
    pull(stage, commit)
    review(stage, *reviews)
    done = stage.run("reviewed", before, commit, **REPOSITORY)
    assert done.returncode == code
    assert ("QA-10" in done.stderr) is bool(code)


def test_a_commit_without_a_merged_pull_request_is_refused(stage: Stage) -> None:
    """A push past the pull request shows, be there an open one or none."""
    before = stage.git("rev-parse", "HEAD")
    one, other = stage.commit(), stage.commit()
    stage.answers("gh", f"api repos/o/r/commits/{one}/pulls", "[]")
    pull(stage, other, merged=False)
    refused = stage.run("reviewed", before, other, **REPOSITORY)
    assert refused.returncode == 1
    assert one in refused.stderr
    assert other in refused.stderr


def test_a_merge_counts_for_what_it_brings(stage: Stage) -> None:
    """The commits of a pull request stand behind its merge, and are not asked for one by one."""
    before = stage.git("rev-parse", "HEAD")
    stage.git("checkout", "--quiet", "-b", "feature")
    stage.commit("a part")
    stage.git("checkout", "--quiet", "develop")
    stage.git("merge", "--quiet", "--no-ff", "--message", "merge", "feature")
    merge = stage.git("rev-parse", "HEAD")
    pull(stage, merge)
    review(stage, ("bob", "APPROVED"))
    done = stage.run("reviewed", before, merge, **REPOSITORY)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "1 commits, each reviewed\n"
