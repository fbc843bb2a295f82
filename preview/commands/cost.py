"""`slipway cost`: what an environment costs a month, and how that differs from another plan."""

import sys
from pathlib import Path

from plan import Plan
from plan.file import read_plan
from preview.cost.estimate import estimate
from preview.cost.prices import prices
from preview.environment import evaluate_environment, read_stack
from preview.project import find_project
from preview.reports import cost as report
from preview.reports.terminal import Paper


def cost(what: str, *, against: str | None = None, as_json: bool = False) -> int:
    """Print what `what` costs a month, or how that differs from `against`; the exit code.

    Each is the name of an environment, or a file that holds a plan.
    """
    now = estimate(_plan(what), prices())
    before = estimate(_plan(against), prices()) if against else None
    if as_json:
        sys.stdout.write(report.as_json(now, before))
    else:
        sys.stdout.write(report.render(what, now, Paper.of(sys.stdout), before))
    return 0


def _plan(what: str) -> Plan:
    if what.endswith(".json"):
        return read_plan(Path(what))
    folder = find_project(Path.cwd())
    return evaluate_environment(read_stack(what, folder), folder)
