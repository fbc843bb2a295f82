"""`slipway plan`: what an environment declares, as a file."""

import sys
from pathlib import Path

from plan.file import dumps
from preview import files
from preview.environment import evaluate_environment, find_project, read_stack


def plan(name: str, *, output: Path | None = None) -> int:
    """Print the plan of the environment `name`, or write it to `output`; the exit code."""
    folder = find_project(Path.cwd())
    text = dumps(evaluate_environment(read_stack(name, folder), folder))
    if output:
        files.write(output, text)
    else:
        sys.stdout.write(text)
    return 0
