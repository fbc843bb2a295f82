"""A product's own command as a source: it prints what it measured, one JSON object a line.

A line is `{"at": 1763740800, "total": 120, "bad": 1}` for a share, or `{"at": …, "value": 3}` for a
level or a number of events; `at` is the end of the interval, in seconds since the epoch, and times
rise. Service, side and the time from which on to report are in its environment. What fails, takes
too long, prints too much or anything else says nothing: it never passes.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from scripts.cutover.judgement.observations import Counts, Levels, Series

_COUNTS: Final = frozenset({"at", "total", "bad"})
_LEVEL: Final = frozenset({"at", "value"})
_MOST_BYTES: Final = 4_000_000
_PASSED_ON: Final = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
"""What a command gets of the environment: where it finds programs, and who asks AWS."""


class CommandFailedError(Exception):
    """A command that did not say what it was asked for."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A program with its arguments, which are no secrets: everybody on the machine sees them."""

    arguments: Sequence[str]
    seconds: float = 10.0
    """How long it may take."""
    variables: Sequence[str] = field(default_factory=tuple[str, ...])
    """The names of further environment variables that it gets: where its secrets are."""

    def series(self, service: str, *, is_new: bool, since: float) -> Series:
        """What it measured of a side of `service` from `since` on.

        Raises:
            CommandFailedError: it failed, took too long, or printed anything else.
        """
        told = {
            "SLIPWAY_SERVICE": service,
            "SLIPWAY_SIDE": "new" if is_new else "old",
            "SLIPWAY_SINCE": f"{since:.0f}",
        }
        return parsed(self.output(told))

    def output(self, told: Mapping[str, str], given: bytes = b"") -> bytes:
        """What it prints, with `told` in its environment and `given` to read.

        Raises:
            CommandFailedError: it failed, or took too long.
        """
        names = (*_PASSED_ON, *self.variables)
        passed_on = {name: os.environ[name] for name in names if name in os.environ}
        # Into a file: what prints without end must not fill the memory.
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as read:
            read.write(given)
            read.seek(0)
            try:
                ended = subprocess.run(  # noqa: S603 - what the environment's file names, no shell
                    list(self.arguments),
                    env={**passed_on, **told},
                    stdin=read,
                    stdout=printed,
                    stderr=subprocess.DEVNULL,  # nobody knows what it says there
                    timeout=self.seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise CommandFailedError(f"took longer than {self.seconds:g} s") from error
            except OSError as error:
                raise CommandFailedError(f"cannot be run: {error.strerror}") from error
            if ended.returncode:
                raise CommandFailedError(f"exit code {ended.returncode}")
            if printed.tell() > _MOST_BYTES:
                raise CommandFailedError(f"printed more than {_MOST_BYTES:,} bytes")
            printed.seek(0)
            return printed.read()


def parsed(printed: bytes) -> Series:
    """The series that a command printed.

    Raises:
        CommandFailedError: it is none; the message has the number of the line.
    """
    lines = printed.splitlines()
    points = [_point(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    kinds = {frozenset(point) for point in points}
    if len(kinds) > 1:
        raise CommandFailedError("some lines have a value, and others counts")
    at = tuple(point["at"] for point in points)
    if kinds == {_LEVEL}:
        return Levels(at, tuple(point["value"] for point in points))
    return Counts(
        at, tuple(point["total"] for point in points), tuple(point["bad"] for point in points)
    )


def _point(number: int, line: bytes) -> Mapping[str, float]:
    try:
        said: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CommandFailedError(f"line {number} is no JSON") from error
    fields: Mapping[str, Any] = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if frozenset(fields) not in {_COUNTS, _LEVEL}:
        raise CommandFailedError(f"line {number} has neither at, total, bad nor at, value")
    if any(type(value) not in {int, float} for value in fields.values()):
        raise CommandFailedError(f"line {number} has something else than numbers")
    if any(value < 0 for value in fields.values()):
        raise CommandFailedError(f"line {number} has less than nothing")
    try:
        return {name: float(value) for name, value in fields.items()}
    except OverflowError as error:
        raise CommandFailedError(f"line {number} has a number that is too large") from error
