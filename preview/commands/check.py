"""`slipway check`: what the rules say of plans in files."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from environments import load_stack, stacks
from plan import Plan
from plan.file import read_plan
from preview.commands.reports import Reports
from preview.environment import read_waivers
from preview.errors import ProjectError
from preview.project import find_project
from preview.reports import json, terminal
from preview.verdict import reach_verdict
from standards import Tier

_STDIN: Final = Path("/dev/stdin")


def check(
    paths: Sequence[Path],
    *,
    tier: Tier | None = None,
    as_json: bool = False,
    reports: Reports | None = None,
) -> int:
    """Judge the plans in the files `paths` and print what the rules say; the exit code.

    Other `reports` are written, too. Inside a project its waivers count, for the stacks that they
    name.
    """
    plans = [(path, read_plan(_STDIN if path == Path("-") else path)) for path in paths]
    folder = _project()
    today = datetime.now(UTC).date()
    waivers = read_waivers(folder, today) if folder else ()
    verdicts = [
        reach_verdict(plan, title=str(path), tier=tier or _tier(plan, folder)).with_waivers(
            waivers, today
        )
        for path, plan in plans
    ]
    if reports:
        reports.write(verdicts, folder, {str(path): path for path in paths if path != Path("-")})
    if as_json:
        sys.stdout.write(json.checks(verdicts))
    else:
        paper = terminal.Paper.of(sys.stdout)
        texts = (terminal.render(verdict, paper, tree=False) for verdict in verdicts)
        sys.stdout.write("\n".join(texts))
    return int(any(verdict.failed for verdict in verdicts))


def _project() -> Path | None:
    """The project that the working directory is in: a plan may come from elsewhere."""
    try:
        return find_project(Path.cwd())
    except ProjectError:
        return None


def _tier(plan: Plan, folder: Path | None) -> Tier:
    """The tier of the plan's stack where it is one of the project's, else production."""
    if folder is None or plan.stack not in stacks(folder):
        return Tier.PRODUCTION
    return load_stack(plan.stack, folder).tier
