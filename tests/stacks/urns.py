"""The URNs of a stack, as the pages under `docs/urns` list them: `make docs` writes them anew.

A URN holds the types of a resource's parents, its own type and its name. Where one of them changes,
Pulumi deletes what was there and makes another, unless the resource has an alias. The lists leave
out what all URNs of a stack begin with.
"""

from pathlib import Path
from typing import Final

from environments import stacks
from plan import Plan
from preview.environment import evaluate_environment, read_stack
from tests.conftest import PROJECT

FOLDER: Final = PROJECT / "docs" / "urns"


def listed(plan: Plan) -> str:
    """The URNs of `plan`, one a line."""
    return "".join(f"{line}\n" for line in sorted(_short(one.urn) for one in plan.resources))


def page(stack: str) -> Path:
    """Where the URNs of `stack` stand."""
    return FOLDER / f"{stack}.txt"


def _short(urn: str) -> str:
    _, _, types_and_name = urn.split("::", 2)
    return types_and_name


def _write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for stack in stacks(PROJECT):
        plan = evaluate_environment(read_stack(stack, PROJECT), PROJECT)
        page(stack).write_text(listed(plan), encoding="utf-8")


if __name__ == "__main__":
    _write()
