"""How PostgreSQL is set: TLS alone, and a log of who connected, what was slow and what changed."""

from typing import Final

from pulumi import ResourceOptions
from pulumi_aws import rds

_SLOW_STATEMENT_MS: Final = 1000
_IDLE_IN_TRANSACTION_MS: Final = 60_000  # a forgotten transaction holds locks, and rows from vacuum
_TEMPORARY_FILES_KB: Final = 65_536  # a sort that large wants an index, or more memory
_OF_CLUSTER: Final = {
    "rds.force_ssl": "1",  # refuses a connection without TLS (DB-06)
    "log_connections": "1",
    "log_disconnections": "1",
    "log_statement": "ddl",
    "log_min_duration_statement": str(_SLOW_STATEMENT_MS),
    "pgaudit.log": "ddl,role,write",  # who changed what (DB-09); reads would double the volume
}
_LIBRARIES: Final = "pg_stat_statements,pgaudit"  # loaded when an instance starts
_OF_INSTANCE: Final = {
    "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
    "log_lock_waits": "1",
    "log_temp_files": str(_TEMPORARY_FILES_KB),
}


def cluster_parameters(
    identifier: str, major: str, options: ResourceOptions
) -> rds.ClusterParameterGroup:
    """What holds for every instance of the cluster: TLS and audit."""
    return rds.ClusterParameterGroup(
        "database",
        name=f"{identifier}-{major}",
        description=f"TLS and audit of {identifier}",
        family=f"aurora-postgresql{major}",
        parameters=[
            *(
                rds.ClusterParameterGroupParameterArgs(name=name, value=value)
                for name, value in _OF_CLUSTER.items()
            ),
            rds.ClusterParameterGroupParameterArgs(
                name="shared_preload_libraries",
                value=_LIBRARIES,
                apply_method="pending-reboot",
            ),
        ],
        opts=options,
    )


def instance_parameters(
    identifier: str, major: str, options: ResourceOptions
) -> rds.ParameterGroup:
    """What an instance says of waiting and of work that outgrows its memory."""
    return rds.ParameterGroup(
        "database",
        name=f"{identifier}-{major}",
        description=f"Sessions of {identifier}",
        family=f"aurora-postgresql{major}",
        parameters=[
            rds.ParameterGroupParameterArgs(name=name, value=value)
            for name, value in _OF_INSTANCE.items()
        ],
        opts=options,
    )
