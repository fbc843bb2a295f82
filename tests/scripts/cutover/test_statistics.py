"""A small sample of the statistics that docs/cutover.md has of a large one."""

from random import Random

from tests.scripts.cutover.statistics import detected, healthy


def test_healthy_cutovers_are_left_alone() -> None:
    """None of a few is rolled back, and none is asked about."""
    ends, steps = healthy(Random(1), services=2, rate=500, cutovers=25)  # noqa: S311 a simulation
    assert not ends
    assert steps == "1 5 10 25 50 100"


def test_ten_times_the_errors_are_seen_within_five_minutes() -> None:
    """At 5 requests a second of the new side, in most of a few hundred releases."""
    assert detected(Random(1), 1, 0.01, 0, 400) >= 0.92 * 400  # noqa: S311 a simulation
    assert detected(Random(2), 1, 0.02, 450, 50) >= 49  # noqa: S311 a simulation
