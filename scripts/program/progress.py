"""Progress on stderr: what is done, how fast, what it cost so far, how long it will take."""

import sys
from time import monotonic
from typing import Final

from scripts.program.node import sol
from scripts.program.upload import Progress
from scripts.runs.steps import duration
from scripts.telling import tell

_SECONDS_APART: Final = 5.0
"""Between two lines where nobody watches a terminal."""


def described(progress: Progress) -> str:
    """How far an upload is."""
    left = progress.seconds_left
    return (
        f"{progress.landed:,} of {progress.chunks:,} writes, {progress.rate:.0f}/s,"
        f" {sol(progress.fees)} in fees"
        + (f", {duration(left)} left" if left is not None and progress.landed else "")
    )


class Meter:
    """Shows an upload: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._last = monotonic()

    def show(self, progress: Progress) -> None:
        """Show it, if it is time."""
        done = progress.landed == progress.chunks
        if sys.stderr.isatty():
            sys.stderr.write(f"\r   {described(progress)}\x1b[K{chr(10) if done else ''}")
            sys.stderr.flush()
        elif done or monotonic() - self._last >= _SECONDS_APART:
            self._last = monotonic()
            tell(f"   {described(progress)}")
