"""A migration as a process group of its own: held to its time, and what it says cleaned."""

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

_TAIL: Final = 30
_ROWS: Final = re.compile(r"^\s*(DETAIL:|\[parameters:)")
"""Lines in which PostgreSQL and SQLAlchemy quote rows: they stay out of logs."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended."""

    code: int
    lines: Sequence[str]
    """The last lines that it wrote."""
    is_cut_off: bool


def run(
    command: Sequence[str],
    variables: Mapping[str, str],
    *,
    seconds: float,
    secrets: Sequence[SecretStr],
) -> Ended:
    """Run `command` to its end, or for `seconds`; whatever it started ends with it."""
    lines: deque[str] = deque(maxlen=_TAIL)
    cut = threading.Event()
    with subprocess.Popen(  # noqa: S603 - alembic, or the product's own
        command,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:

        def cut_off() -> None:
            cut.set()
            _end(child.pid)

        bell = threading.Timer(seconds, cut_off)
        bell.start()
        try:
            for line in child.stdout or ():
                lines.extend(without_rows(line.rstrip(), secrets))
            code = child.wait()
        finally:
            bell.cancel()
            _end(child.pid)
    return Ended(code, tuple(lines), cut.is_set())


def without_rows(text: str, secrets: Sequence[SecretStr] = ()) -> list[str]:
    """The lines of an error that quote no rows, without secrets."""
    for each in secrets:
        text = text.replace(each.get_secret_value(), "[secret]")
    return [line for line in text.splitlines() if not _ROWS.match(line)]


def _end(group: int) -> None:
    """End what is left of a process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
