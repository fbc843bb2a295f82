"""`slipway preview`: what environments declare, and what the rules say of it."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from preview import files
from preview.commands.reports import Reports
from preview.environment import LIMITS, evaluate_environment, read_stack, read_waivers
from preview.project import find_project
from preview.reports import html, json, terminal
from preview.verdict import Verdict, reach_verdict

REPORTS: Final = Path("out")


def preview(
    names: Sequence[str],
    *,
    as_json: bool = False,
    page: Path | None = None,
    reports: Reports | None = None,
) -> int:
    """Preview the environments `names`: print the report, write the HTML `page`; the exit code.

    Other `reports` are written, too. Without `page` it goes to the project's `out/`, unless a
    program asked, for JSON.
    """
    folder = find_project(Path.cwd())
    records = [read_stack(name, folder) for name in dict.fromkeys(names)]
    today = datetime.now(UTC).date()
    waivers = read_waivers(folder, today)
    verdicts: list[Verdict] = []
    for record in records:
        plan = evaluate_environment(record, folder)
        verdict = reach_verdict(plan, title=record.name, tier=record.tier, limits=LIMITS)
        verdicts.append(verdict.with_waivers(waivers, today))
    if page is None and not as_json:
        page = folder / REPORTS / f"{'-'.join(record.name for record in records)}.html"
    if page:
        files.write(page, html.render(verdicts))
    if reports:
        origins = {record.name: folder / f"Pulumi.{record.name}.yaml" for record in records}
        reports.write(verdicts, folder, origins)
    sys.stdout.write(json.previews(verdicts) if as_json else _text(verdicts, page))
    return int(any(verdict.failed for verdict in verdicts))


def _text(verdicts: Sequence[Verdict], page: Path | None) -> str:
    """The report on each environment, and where the page lies."""
    paper = terminal.Paper.of(sys.stdout)
    parts = [terminal.render(verdict, paper) for verdict in verdicts]
    if page:
        parts.append(f"Report: {files.near(page)}\n")
    return "\n".join(parts)
