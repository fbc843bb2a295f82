"""Says whether a stack is what its code says, after a look at the cloud: `drift.py STACK`.

Exit code 3: it is not. Nothing is changed, neither in the cloud nor in the state (IAC-05).
"""

import argparse

from environments import load_stack
from tools.ci.engine import CHANGES, Engine
from tools.ci.steps import PENDING, PROJECT, run, say


def main(arguments: list[str]) -> int:
    """Compare the stack with the cloud; the exit code."""
    parser = argparse.ArgumentParser(prog="drift.py", description=__doc__)
    parser.add_argument("stack")
    stack = load_stack(parser.parse_args(arguments).stack, PROJECT)
    ran = Engine(stack).run("preview", "--refresh", "--diff", "--expect-no-changes")
    if ran.code == CHANGES:
        say(f"{stack.name} is not what its code says: see docs/runbooks/drift.md")
        return PENDING
    ran.require()
    return 0


if __name__ == "__main__":
    run(main)
