"""Become another program that the kernel kills when the one that started it is gone; on Linux.

Run as `python -m scripts.cutover.rehearse.tethered PARENT PROGRAM ARGUMENT...`.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Become it."""
    parent, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != int(parent):
        return  # it was gone before this could be said
    os.execv(command[0], command)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main()
