"""The cache of an environment, for a product that has one."""

from typing import Annotated

from pydantic import Field, StringConstraints

from environments.record import Port, Record


class Cache(Record):
    """A Valkey cache on ElastiCache: one primary, and replicas in other zones (PERF-03)."""

    engine_version: Annotated[str, StringConstraints(pattern=r"^[7-9]\.\d$")]
    node_type: Annotated[str, StringConstraints(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$")]
    replicas: Annotated[int, Field(ge=1, le=5)]
    """At least one: without it nothing takes over when the primary or its zone is lost."""
    port: Port = 6380
    snapshot_retention_days: Annotated[int, Field(ge=1, le=35)] = 1
