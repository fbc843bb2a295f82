"""No URN changes unseen: whoever reviews a change sees what Pulumi would delete and make anew."""

from collections.abc import Callable

import pytest

from environments import stacks
from plan import Plan
from tests.conftest import PROJECT
from tests.stacks.urns import FOLDER, listed, page

STACKS = stacks(PROJECT)


@pytest.mark.parametrize("stack", STACKS)
def test_urns_are_those_that_were_reviewed(stack: str, plan_of: Callable[[str], Plan]) -> None:
    """A resource that is renamed, or moves to another parent, shows as what it is."""
    lines = page(stack).read_text(encoding="utf-8").splitlines()
    before, after = set(lines), set(listed(plan_of(stack)).splitlines())
    gone = "\n  - ".join(["", *sorted(before - after)])
    new = "\n  + ".join(["", *sorted(after - before)])
    assert before == after, (
        f"the URNs of {stack} have changed. Pulumi deletes what is gone, with what it holds: where "
        "a resource was renamed or moved, give it its old name with "
        "ResourceOptions(aliases=[Alias(name=…, parent=…)]). Then run `make docs`, and have the "
        f"change of docs/urns reviewed.{gone}{new}"
    )


def test_every_list_is_of_a_stack() -> None:
    """A stack that is no more leaves no list."""
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(STACKS)
