"""What the kernel ends with the process that started it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

_PARENT = """
import os, subprocess, sys, time
tethered = [sys.executable, "-m", "scripts.cutover.rehearse.tethered", str(os.getpid())]
words = [*tethered, "/bin/sleep", "60"]
print(subprocess.Popen(words).pid, flush=True)
time.sleep(60)
"""


def words(pid: int) -> bytes:
    """What that process runs."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended, though nobody may have asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2][1] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process of its parent's end"
)
@pytest.mark.parametrize("is_early", [True, False])
def test_ends_with_its_parent(*, is_early: bool) -> None:
    """However and whenever that ends: also before it could say that it wants to be ended."""
    with subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        end = time.monotonic() + 20
        while not is_early and b"sleep" not in words(child)[:10] and time.monotonic() < end:
            time.sleep(0.02)
        assert is_alive(child)
        parent.kill()
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(child)
