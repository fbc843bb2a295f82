"""What all tests share: an environment's plan, and property tests that chance does not fail.

A property test fails for what it finds, never for the time it takes; and it tries the same examples
each time, so that a change alone turns it red.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from environments import Environment
from plan import Plan
from preview.environment import evaluate_environment, read_environment, read_stack

settings.register_profile(
    "fixed",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("fixed")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def record_of() -> Callable[[str], Environment]:
    """The record of one of the project's environments, by name."""
    return _record


@pytest.fixture(scope="session")
def plan_of() -> Callable[[str], Plan]:
    """The plan of one of the project's stacks, by name; each is evaluated once."""
    return _plan


@cache
def _record(name: str) -> Environment:
    return read_environment(name, PROJECT)


@cache
def _plan(name: str) -> Plan:
    return evaluate_environment(read_stack(name, PROJECT), PROJECT)
