"""Previews one stack with the engine and its policies: `preview.py STACK --plan FILE`.

The plan can be handed to `apply.py` once it is approved; its secrets are encrypted in it.
"""

import argparse
from pathlib import Path

from environments import load_stack
from tools.ci.engine import POLICIES, Engine
from tools.ci.steps import PROJECT, run


def main(arguments: list[str]) -> int:
    """Preview the stack; the exit code."""
    parser = argparse.ArgumentParser(prog="preview.py", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--plan", metavar="FILE", type=Path, required=True)
    asked = parser.parse_args(arguments)
    plan: Path = asked.plan.absolute()
    plan.parent.mkdir(parents=True, exist_ok=True)
    engine = Engine(load_stack(asked.stack, PROJECT))
    engine.run("preview", "--diff", *POLICIES, "--save-plan", str(plan)).require()
    return 0


if __name__ == "__main__":
    run(main)
