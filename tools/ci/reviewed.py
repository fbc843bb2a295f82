"""Says whether all that is new was reviewed: `reviewed.py BEFORE COMMIT`.

Each commit that a push brings to the branch must be the merge of a pull request that somebody
other than its author approved (IAC-03, QA-10); so the review is on record with the commit.
"""

import argparse
from typing import Any

from tools.ci.github import NEW, api
from tools.ci.steps import StepError, ask, run, say


def main(arguments: list[str]) -> int:
    """Refuse commits that nobody reviewed; the exit code."""
    parser = argparse.ArgumentParser(prog="reviewed.py", description=__doc__)
    parser.add_argument("before", help="where the branch stood")
    parser.add_argument("commit")
    asked = parser.parse_args(arguments)
    span = asked.commit if asked.before == NEW else f"{asked.before}..{asked.commit}"
    # What a merge brings stands behind its second parent: the pull request was reviewed as a whole.
    commits = ask("git", "rev-list", "--first-parent", span).split()
    if missing := [commit for commit in commits if not reviewers(commit)]:
        raise StepError(
            "no merged pull request that somebody other than its author approved (QA-10):\n  "
            + "\n  ".join(missing)
        )
    say(f"{len(commits)} commits, each reviewed")
    return 0


def reviewers(commit: str) -> list[str]:
    """Who approved the pull requests that brought `commit`, apart from their authors."""
    merged = [each for each in api(f"commits/{commit}/pulls") if each["merged_at"]]
    return [
        person
        for each in merged
        for person in _approving(api(f"pulls/{each['number']}/reviews"), each["user"]["login"])
    ]


def _approving(reviews: list[dict[str, Any]], author: str) -> list[str]:
    """Who approved and did not ask for changes afterwards; reviews come in the order of time."""
    last = {
        review["user"]["login"]: review["state"]
        for review in reviews
        if review["state"] in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}
    }
    return [who for who, state in last.items() if state == "APPROVED" and who != author]


if __name__ == "__main__":
    run(main)
