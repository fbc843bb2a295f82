"""Rules for Access Analyzer, where their examples do not reach."""

from plan.model import STACK_TYPE
from policies.registry import Given
from policies.rules import guardduty
from tests.policies.doors import FAIL, SILENT, says


def test_a_stack_without_services_of_the_account_needs_no_analyzer() -> None:
    """The account's own stack has it."""
    stack = Given(STACK_TYPE, "environment")
    assert says("access-analyzer", stack) == SILENT
    detector = Given(guardduty.DETECTOR, "account")
    assert says("access-analyzer", stack, detector) == FAIL
