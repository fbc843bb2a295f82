"""A small sample of the statistics that docs/cutover-statistics.md has of a large one."""

from tests.scripts.cutover.statistics import WITHIN, caught, healthy


def test_healthy_cutovers_are_left_alone() -> None:
    """None of a few is rolled back, and none is asked about."""
    assert not healthy(1, services=2, rate=500, cutovers=25)


def test_rates_that_vary_a_little_are_left_alone() -> None:
    """A quarter more or less from one poll to the next is no reason to go back."""
    assert not healthy(1, services=1, rate=500, varies=0.25, cutovers=25)


def test_ten_times_the_errors_are_seen_within_five_minutes() -> None:
    """At 5 requests a second of the new side, in most of a few hundred releases."""
    at_once = [each for each in caught(1, 1, 0.01, 0, 400) if each <= WITHIN]
    assert len(at_once) >= 0.93 * 400
    later = [each for each in caught(2, 1, 0.02, 450, 50) if each <= WITHIN]
    assert len(later) >= 49
