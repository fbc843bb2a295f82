"""What rules of databases share: their types, their engines and their parameters."""

from collections.abc import Callable
from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import NotEvaluated, Outcome, UndecidedError, WrongTypeError, fail
from policies.relations import targets

INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"
DATABASES: Final = (INSTANCE, CLUSTER)
PARAMETER_GROUPS: Final = (
    "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    "aws:rds/parameterGroup:ParameterGroup",
)
CLUSTER_PARAMETERS, PARAMETERS = PARAMETER_GROUPS

_RESTORED_FROM: Final = ("snapshotIdentifier", "restoreToPointInTime", "s3Import")


def is_replica(database: Subject) -> bool:
    """Whether the database copies another one, which decides for both."""
    return database.has_text("replicateSourceDb") or database.has_text(
        "replicationSourceIdentifier"
    )


def is_restored(database: Subject) -> bool:
    """Whether the database starts as a copy, and has what it does not name from there."""
    return any(database.has(key) for key in _RESTORED_FROM)


def arn_of(database: Subject) -> str:
    """What the ARN of each such database looks like, for the patterns of a backup selection."""
    return f"arn:aws:rds:*:*:{'cluster' if database.type == CLUSTER else 'db'}:*"


def engine_of(database: Subject) -> str:
    """The engine, as AWS names it: `aurora-postgresql`, `mysql`.

    Raises:
        UndecidedError: the database is a copy of one that is not in the plan.
        WrongTypeError: it names none.
    """
    engine = (database.text("engine") or "").strip().lower()
    if engine:
        return engine
    if is_restored(database) or is_replica(database):
        message = "its engine is that of the database that it copies"
        raise UndecidedError(message)
    raise WrongTypeError(("engine",), "text", None)


def of_parameters(
    database: Subject, graph: Graph, check: Callable[[list[Node]], Outcome]
) -> Outcome:
    """What `check` says of the parameters that the database's own parameter group sets."""
    key = "dbClusterParameterGroupName" if database.type == CLUSTER else "parameterGroupName"
    if not database.has_text(key):
        return fail("uses AWS's default parameter group, which cannot be relied on", key)
    groups = targets(database.resource, graph, key, PARAMETER_GROUPS)
    if not groups:
        name = database.text(key) or ""
        if name.startswith("default."):
            return fail(f"uses {name}, which cannot be relied on", key)
        return NotEvaluated(f"parameter group {name} is not in this stack")
    return check([parameter for group in groups for parameter in group.each("parameters")])
