"""`slipway check`: what the rules say of plans in files."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from environments import load, names
from plan import Plan
from plan.file import read_plan
from preview.environment import find_project
from preview.errors import ProjectError
from preview.reports import json, terminal
from preview.verdict import reach_verdict
from standards import Tier

_STDIN: Final = Path("/dev/stdin")


def check(paths: Sequence[Path], *, tier: Tier | None = None, as_json: bool = False) -> int:
    """Judge the plans in the files `paths` and print what the rules say; the exit code."""
    plans = [(path, read_plan(_STDIN if path == Path("-") else path)) for path in paths]
    verdicts = [
        reach_verdict(plan, title=str(path), tier=tier or _tier(plan)) for path, plan in plans
    ]
    if as_json:
        sys.stdout.write(json.checks(verdicts))
    else:
        paper = terminal.Paper.of(sys.stdout)
        texts = (terminal.render(verdict, paper, tree=False) for verdict in verdicts)
        sys.stdout.write("\n".join(texts))
    return int(any(verdict.failed for verdict in verdicts))


def _tier(plan: Plan) -> Tier:
    """The tier of the plan's stack where it is an environment of this project, else production."""
    try:
        folder = find_project(Path.cwd())
    except ProjectError:
        return Tier.PRODUCTION
    if plan.stack not in names(folder):
        return Tier.PRODUCTION
    return load(plan.stack, folder).tier
