"""`slipway plan`: what an environment declares, as a file."""

import sys
from pathlib import Path

from plan.file import dumps
from preview import files
from preview.environment import evaluate_environment, read_stack
from preview.picture import picture
from preview.project import find_project
from preview.reports.picture import document


def plan(name: str, *, output: Path | None = None, diagram: Path | None = None) -> int:
    """Print the plan of the environment `name`; the exit code.

    It is written to `output` instead, its picture to `diagram`, where these are named.
    """
    folder = find_project(Path.cwd())
    declared = evaluate_environment(read_stack(name, folder), folder)
    if diagram:
        files.write(diagram, document(picture(declared)))
    text = dumps(declared)
    if output:
        files.write(output, text)
    elif not diagram:
        sys.stdout.write(text)
    return 0
