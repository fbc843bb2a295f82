"""What there is to do once inside the private network, where it is due, and as whom."""

from enum import StrEnum
from typing import Final

from environments import Environment


class Task(StrEnum):
    """What there is to do once; the entry point of the tasks' image is told this name."""

    DATABASE_ROLES = "database-roles"
    """Make the roles that everybody else signs in to the database as: the administrator's last
    deed (DB-07, DB-08)."""
    MIGRATE = "migrate"
    """Bring the schema to the version of a release, as the role that owns it."""
    CHECK_DATA = "check-data"
    """Hold constraints and checksums against the data, as a role that may only read (COMP-08)."""
    REFRESH_DATA = "refresh-data"
    """Replace the data by a freshly sanitised copy (ENV-09)."""
    REVIEW_KEYS = "review-keys"
    """Rotate the API keys that are due, and say how old the oldest one is (KEY-02)."""


OWNER: Final = "migrator"
"""The database user that owns the schema; no service is it."""
READER: Final = "checker"
"""The database user that may read everything and change nothing."""
USERS: Final = {
    Task.MIGRATE: OWNER,
    Task.CHECK_DATA: READER,
    Task.REFRESH_DATA: OWNER,
}
"""Whom a task signs in to the database as, with a token of IAM."""


def is_due(task: Task, environment: Environment) -> bool:
    """Whether the standards ask the environment for what the task does."""
    match task:
        case Task.REFRESH_DATA:
            return environment.must("ENV-09")
        case Task.REVIEW_KEYS:
            return environment.must("KEY-02")
        case Task.CHECK_DATA:
            return environment.must("COMP-08")
        case Task.DATABASE_ROLES | Task.MIGRATE:
            return True


def uses_database(task: Task) -> bool:
    """Whether the task connects to the database."""
    return task is not Task.REVIEW_KEYS
