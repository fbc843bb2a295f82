"""What people read of a finding: every sentence stands in a file, so that a change is seen.

Where a sentence is meant to change, `make messages` writes the file anew for review.
"""

from typing import Final

import pytest

from policies.registry import AnyRule, rules
from tests.policies.messages import reviewed, said_by

REVIEWED: Final = reviewed()


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_each_sentence_is_as_reviewed(rule: AnyRule) -> None:
    """What a rule says of its failing examples is what somebody has read."""
    assert list(said_by(rule)) == REVIEWED.get(rule.id)


def test_the_file_holds_the_rules_that_there_are() -> None:
    """One that is no more leaves no sentences behind."""
    assert list(REVIEWED) == list(rules())
