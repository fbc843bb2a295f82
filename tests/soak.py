"""How much of a large test is run: a fixed sample in `make test`, all of it in `make soak`."""

import os


def amount(sample: int, everything: int) -> int:
    """`sample`, or under `make soak` `everything`."""
    return everything if os.environ.get("SLIPWAY_SOAK") else sample
