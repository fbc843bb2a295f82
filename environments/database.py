"""The database of an environment: which one, how much of it, and how long its backups are kept."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import Port, Record
from environments.workload import Instances


class Insights(StrEnum):
    """How far back CloudWatch Database Insights looks: a week, or fifteen months."""

    STANDARD = "standard"
    ADVANCED = "advanced"


class Replicas(Instances):
    """The bounds between which read replicas are added and taken away."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max < self.min:
            raise refused(f"max {self.max} is below min {self.min}, what always runs (SCALE-02)")
        return self


class Database(Record):
    """The PostgreSQL cluster of the environment (DB-01)."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    engine_version: Annotated[str, StringConstraints(pattern=r"^1[4-9]\.\d+$")]
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")]
    port: Port = 6432
    replicas: Replicas
    """Read replicas in other zones: the least that always run, and how many may be added."""
    proxy: bool = True
    """Whether services reach it through RDS Proxy, which pools their connections and holds them
    while a replica takes over."""
    insights: Insights = Insights.STANDARD
    backup_retention_days: Annotated[int, Field(ge=1, le=35)]
    backup_copy_retention_days: Annotated[int, Field(ge=1)]
    """How long the copy in the second region is kept; left to the product by the standards."""
    local_url: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^(sqlite:///\S+|postgresql://127\.0\.0\.1:\d+/[a-z0-9_]+)$"
            ),
        ]
        | None
    ) = None
    """A database on the developer's machine, SQLite or PostgreSQL, that services use instead of
    the cluster, which an emulator cannot run (ENV-06)."""
