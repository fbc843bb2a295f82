"""`slipway preview --compare`: how two environments differ, and whether they may."""

import sys
from pathlib import Path

from preview import files
from preview.commands.preview import REPORTS
from preview.comparison import compare
from preview.project import find_project
from preview.reports import comparison as reports
from preview.reports.terminal import Paper


def compare_command(
    ours: str, theirs: str, *, as_json: bool = False, page: Path | None = None
) -> int:
    """Print how `ours` differs from `theirs`, write the HTML `page`; the exit code.

    Without `page` it goes to the project's `out/`, unless a program asked, for JSON.
    """
    folder = find_project(Path.cwd())
    found = compare(ours, theirs, folder)
    if page is None and not as_json:
        page = folder / REPORTS / f"{ours}-against-{theirs}.html"
    if page:
        files.write(page, reports.html(found))
    if as_json:
        text = reports.json_text(found)
    else:
        text = reports.terminal(found, Paper.of(sys.stdout))
        text += f"\nReport: {files.near(page)}\n" if page else ""
    sys.stdout.write(text)
    return int(found.failed)
