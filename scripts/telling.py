"""Telling people on stderr what goes on."""

import sys


def tell(line: str) -> None:
    """Show a line of progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
