"""How grave an alarm is, and so who is told of it (NOTE-07)."""

from enum import StrEnum


class Severity(StrEnum):
    """Critical pages somebody now, a warning waits for the working day, the rest is good to know.

    The values name the topics, too.
    """

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
