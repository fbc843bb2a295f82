"""Wall time and peak memory of a command: that of all its processes, sampled ten times a second."""

# ruff: noqa: INP001 part of scripts, not of a package

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INTERVAL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Measurement:
    """The wall time in seconds and the peak of resident memory in MiB."""

    seconds: float
    mebibytes: float

    def __str__(self) -> str:
        return f"{self.seconds:6.2f} s {self.mebibytes:6.0f} MiB"


def best(times: int, measure: Callable[[], Measurement]) -> Measurement:
    """The fastest of `times` measurements."""
    return min((measure() for _ in range(times)), key=lambda found: found.seconds)


def measured(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    codes: Container[int] = (0,),
) -> Measurement:
    """Time and memory of `command`, run in `folder`.

    Raises:
        SystemExit: its exit code is none of `codes`; the message has the end of what it said.
    """
    sizes = [0]
    ended = threading.Event()

    def sample(root: int) -> None:
        while not ended.wait(INTERVAL):
            sizes.append(_resident(root))

    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 our own commands
            command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        sampler = threading.Thread(target=sample, args=(process.pid,))
        sampler.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        ended.set()
        sampler.join()
        if code not in codes:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read()[-2000:]}")
    return Measurement(seconds, max(sizes) / 1024)


def _resident(root: int) -> int:
    """The resident memory of `root` and all below it, in KiB."""
    listed = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, check=True, text=True
    ).stdout
    rows = [tuple(map(int, row.split())) for row in listed.splitlines()]
    tree, total = {root}, 0
    for pid, parent, rss in sorted(rows):
        if pid == root or parent in tree:
            tree.add(pid)
            total += rss
    return total
