"""What a person can choose on the command line: loads nothing, so that help waits for nothing."""

from enum import StrEnum


class Kind(StrEnum):
    """What a proof is about."""

    TESTS = "tests"
    """The program's own suite, on a local chain."""
    BUILD = "build"
    """A clean rebuild that gave the same bytes."""
    COMPUTE = "compute"
    """What instructions and transactions take, measured."""
    AUDIT = "audit"
    """A third party's report."""


class Choice(StrEnum):
    """What a member can say of a proposal."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
