"""Schedules: how long AWS waits between two runs."""

import pytest

from policies.schedules import longest_gap_hours


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ("rate(4 hours)", 4),
        ("rate(1 hour)", 1),
        ("rate(30 minutes)", 0.5),
        ("rate(1 day)", 24),
        ("cron(0 */4 * * ? *)", 4),
        ("cron(0 0/6 * * ? *)", 6),
        ("cron(15 2,8,20 ? * * *)", 12),
        ("cron(0 0-12/4 * * ? *)", 12),
        ("cron(0 * * * ? *)", 1),
        ("cron(0 5 * * ? *)", 24),
        (" cron(0 8-10 * * ? *) ", 22),
        ("cron(0 */5 * * ? *)", 5),
    ],
)
def test_the_longest_gap_is_read_from_a_schedule(schedule: str, hours: float) -> None:
    """The night counts, too: a list of hours wraps around midnight."""
    assert longest_gap_hours(schedule) == hours


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "hourly", "rate(4)", "rate(4 weeks)", "cron()", "cron(0 5 * *)"),
        "cron(0 */4 1 * ? *)",  # the first of the month only
        "cron(0 */4 ? * MON *)",
        "cron(0 */0 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 x * * ? *)",
        "cron(0 10-8 * * ? *)",
    ],
)
def test_a_schedule_that_is_not_daily_or_not_read_has_no_gap(schedule: str) -> None:
    """A rule then fails rather than guess."""
    assert longest_gap_hours(schedule) is None
