"""How often a schedule of AWS runs: `cron(...)` and `rate(...)`."""

import re
from typing import Final

_DAY: Final = 24
_RATE: Final = re.compile(r"rate\((\d{1,9}) (minute|hour|day)s?\)")
_HOURS_IN: Final = {"minute": 1 / 60, "hour": 1, "day": _DAY}
_CRON: Final = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_EVERY: Final = {"*", "?"}
_FIELD: Final = re.compile(r"(\*|\d{1,2}(?:-\d{1,2})?)(?:/(\d{1,2}))?")


def longest_gap_hours(schedule: str) -> float | None:
    """The most hours between two runs of `schedule`; `None` for one that is not read here.

    A cron expression is read where it runs every day; minutes are not looked at.
    """
    if rate := _RATE.fullmatch(schedule.strip()):
        return int(rate[1]) * _HOURS_IN[rate[2]]
    cron = _CRON.fullmatch(schedule.strip())
    if cron is None or any(field not in _EVERY for field in cron.groups()[2:]):
        return None
    hours = _hours(cron[2])
    if not hours:
        return None
    following = [*hours[1:], hours[0] + _DAY]
    return max(later - hour for hour, later in zip(hours, following, strict=True))


def _hours(field: str) -> list[int]:
    """The hours of the day that a cron field names; none if it cannot be read."""
    found: set[int] = set()
    for part in field.split(","):
        match = _FIELD.fullmatch(part)
        if match is None or match[2] == "0":
            return []
        first, _, last = match[1].partition("-")
        if first == "*":
            first, last = "0", "23"
        elif not last:
            last = "23" if match[2] else first
        found |= set(range(int(first), int(last) + 1, int(match[2] or 1)))
    return sorted(hour for hour in found if hour < _DAY)
