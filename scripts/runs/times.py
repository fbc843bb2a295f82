"""Times in records: UTC, to the millisecond, as `2026-11-21T12:35:43.123Z`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeAlias

from pydantic import AwareDatetime, PlainSerializer

Clock: TypeAlias = Callable[[], datetime]
"""What says the time; a simulation brings its own."""

CLOCK_SKEW: Final = timedelta(seconds=10)
"""How far a machine's clock may be from the true time."""


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


def stamp(time: datetime) -> str:
    """`time` as records have it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[AwareDatetime, PlainSerializer(stamp, return_type=str)]
"""A time of a record's model."""
