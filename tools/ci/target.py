"""Where a stack lives, and as whom the workflows reach it: `target.py STACK ROLE`.

Prints the outputs of a workflow's step: role, region, account.
"""

import argparse
import sys
from pathlib import Path
from typing import Final, Literal, get_args

from environments import Stack, load_stack
from tools.ci.steps import PROJECT, run

Role = Literal["apply", "preview", "release"]
"""Who applies, which GitHub's environment protects; who only looks; and who moves releases."""
_PATH: Final = "/foundation/"
"""Where the foundation's roles stand."""


def role_arn(stack: Stack, role: Role) -> str:
    """The ARN of the foundation's `role` for `stack`."""
    return f"arn:aws:iam::{stack.aws.account}:role{_PATH}{stack.name}-{role}"


def backend(stack: Stack) -> str:
    """The URL of the state of `stack`: a bucket of the account's own."""
    return f"s3://slipway-state-{stack.aws.account}?region={stack.aws.region}&awssdk=v2"


def main(arguments: list[str]) -> int:
    """Print where the stack lives and the role to take on; the exit code."""
    parser = argparse.ArgumentParser(prog="target.py", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("role", choices=get_args(Role))
    asked = parser.parse_args(arguments)
    stack = load_stack(asked.stack, Path(PROJECT))
    outputs = {
        "role": role_arn(stack, asked.role),
        "region": stack.aws.region,
        "account": stack.aws.account,
    }
    sys.stdout.writelines(f"{name}={value}\n" for name, value in outputs.items())
    return 0


if __name__ == "__main__":
    run(main)
