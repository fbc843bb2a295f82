"""Does what `slipway preview` does, for a program that is no environment of this project."""

# ruff: noqa: INP001 a script, not a package

import gc
import os
import sys
from pathlib import Path

from preview.reports import terminal
from preview.runner import evaluate_project
from preview.verdict import reach_verdict
from standards import Tier

gc.disable()
folder, stack = sys.argv[1:]
verdict = reach_verdict(evaluate_project(Path(folder), stack), title=stack, tier=Tier.PRODUCTION)
sys.stdout.write(terminal.render(verdict, terminal.Paper.of(sys.stdout)))
sys.stdout.flush()
os._exit(0)  # as the command does: taking everything apart would take as long as building it
