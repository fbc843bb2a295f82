"""What GitHub knows of a run, asked with its own command line."""

import json
from typing import Any, Final

from tools.ci.steps import ask, setting

NEW: Final = "0" * 40
"""What GitHub gives as the commit before the first one of a branch."""


def api(path: str) -> Any:  # noqa: ANN401 - whatever GitHub answers
    """The answer of GitHub's API for `path` below this repository."""
    return json.loads(ask("gh", "api", f"repos/{setting('GITHUB_REPOSITORY')}/{path}"))


def approvers(environment: str) -> list[str]:
    """Who let this run into the environment `environment`, in order, each once."""
    reviews = api(f"actions/runs/{setting('GITHUB_RUN_ID')}/approvals")
    return list(
        dict.fromkeys(
            review["user"]["login"]
            for review in reviews
            if review["state"] == "approved"
            and environment in {each["name"] for each in review["environments"]}
        )
    )


def passed(workflow: str, commit: str, branch: str) -> bool:
    """Whether all of `workflow` passed for `commit`, pushed to `branch`."""
    query = f"head_sha={commit}&branch={branch}&event=push&status=success"
    return api(f"actions/workflows/{workflow}/runs?{query}")["total_count"] > 0
