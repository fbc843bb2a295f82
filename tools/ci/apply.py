"""Applies one stack: `apply.py STACK [--plan FILE]`.

Refused: a branch that the environment does not take (ENV-04), changes that are in no commit
(IAC-02), a production that nobody approved (PIPE-08), a stack in which an interrupted update left
operations behind. With a plan, only what was approved is done.
"""

import argparse
import os
from typing import Final

from environments import Environment, load_stack
from tools.ci.engine import POLICIES, RUNBOOK, Engine
from tools.ci.github import approvers
from tools.ci.steps import PENDING, PROJECT, StepError, ask, run, say

_ANY_BRANCH: Final = "*"
_SECONDS: Final = 50 * 60
"""The credentials of a job last an hour: an update that takes longer ends in order before."""


def main(arguments: list[str]) -> int:
    """Apply the stack; the exit code."""
    parser = argparse.ArgumentParser(prog="apply.py", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--plan", metavar="FILE", help="the plan that was approved")
    asked = parser.parse_args(arguments)
    stack = load_stack(asked.stack, PROJECT)
    commit = require_commit()
    message = f"commit {commit}"
    if isinstance(stack, Environment):
        require_branch(stack, branch())
        people = require_approval(stack)
        message += f", approved by {', '.join(people)}" if people else ""
    engine = Engine(stack)
    if left := engine.pending():
        listed = "\n  ".join(left)
        raise StepError(
            f"an update was interrupted, and nobody knows how these ended:\n  {listed}\n"
            f"Settle them first, see {RUNBOOK}",
            PENDING,
        )
    constrained = ("--plan", asked.plan) if asked.plan else ()
    say(f"Applying {stack.name}: {message}")
    engine.run(
        "up", "--yes", "--diff", "--message", message, *POLICIES, *constrained, seconds=_SECONDS
    ).require()
    return 0


def branch() -> str:
    """The branch that this is run from: the workflow's, else the one that is checked out."""
    return os.environ.get("GITHUB_REF_NAME") or ask("git", "branch", "--show-current").strip()


def require_branch(environment: Environment, name: str) -> None:
    """Refuse a branch that `environment` does not take.

    Raises:
        StepError: it takes another one.
    """
    wanted = environment.release.branch
    if wanted not in {_ANY_BRANCH, name}:
        raise StepError(
            f"{environment.name} takes {wanted} only, not {name or 'no branch'} (ENV-04)"
        )


def require_commit() -> str:
    """The commit that is applied.

    Raises:
        StepError: the working tree holds changes that no commit has.
    """
    if changed := ask("git", "status", "--porcelain", "--untracked-files=no").strip():
        raise StepError(f"what is applied has to be committed first (IAC-02):\n{changed}")
    return ask("git", "rev-parse", "HEAD").strip()


def require_approval(environment: Environment) -> list[str]:
    """Who approved, none where `environment` asks for nobody.

    Raises:
        StepError: too few people did, apart from whoever started the run.
    """
    wanted = environment.release.approvals
    if not wanted:
        return []
    if not os.environ.get("GITHUB_RUN_ID"):
        raise StepError(
            f"{environment.name} waits for approval (PIPE-08): its workflow applies it, see"
            " docs/runbooks/README.md"
        )
    people = [
        each for each in approvers(environment.name) if each != os.environ.get("GITHUB_ACTOR")
    ]
    if len(people) < wanted:
        raise StepError(
            f"{environment.name} needs {wanted} approval by somebody other than who started the"
            f" run, and has {len(people)} (PIPE-08)"
        )
    return people


if __name__ == "__main__":
    run(main)
