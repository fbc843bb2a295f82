"""The dashboard of what is used: machines, network, storage and queues."""

from typing import Final

from environments import Environment
from stacks.dashboards.widgets import Dashboard, Graph, search
from stacks.naming import Names
from stacks.services import CLUSTER
from standards import figure

TASKS: Final = "AWS/ECS,ClusterName,ServiceName"
INSIGHTS: Final = "ECS/ContainerInsights,ClusterName,ServiceName"


def tasks(environment: Environment, schema: str, metric: str, statistic: str) -> list[str]:
    """A search for `metric` of every side of every service."""
    names = Names(environment)
    return [search(schema, metric, statistic, names.of(CLUSTER))]


def infrastructure(environment: Environment) -> Dashboard:
    """What is used of machines, network and storage (MON-05)."""
    names = Names(environment)
    database = "AWS/RDS,DBClusterIdentifier"
    cluster = names.of("database")
    (used,) = tasks(environment, INSIGHTS, "EphemeralStorageUtilized", "Maximum")
    (reserved,) = tasks(environment, INSIGHTS, "EphemeralStorageReserved", "Maximum")
    return Dashboard(
        name="infrastructure",
        says="What is used: CPU, memory, network, disk? (MON-05)",
        graphs=[
            Graph(
                title="CPU of services in percent",
                searches=tasks(environment, TASKS, "CPUUtilization", "Average"),
                limits=[
                    ("mean, first week", figure("MON-11", "cpu_mean_below_percent").percent),
                    ("warning", figure("MON-09", "cpu_above_percent").percent),
                ],
            ),
            Graph(
                title="Memory of services in percent",
                searches=tasks(environment, TASKS, "MemoryUtilization", "Average"),
                limits=[
                    ("mean, first week", figure("MON-11", "memory_mean_below_percent").percent),
                    ("warning", figure("MON-09", "memory_above_percent").percent),
                ],
            ),
            Graph(
                title="Network of services in bytes a second",
                searches=[
                    *tasks(environment, INSIGHTS, "NetworkRxBytes", "Average"),
                    *tasks(environment, INSIGHTS, "NetworkTxBytes", "Average"),
                ],
            ),
            Graph(
                title="Disk of services in percent",
                searches=[f"100 * MAX({used}) / MAX({reserved})"],
                limits=[("first half hour", figure("MON-10", "disk_below_percent").percent)],
            ),
            Graph(
                title="CPU of the database in percent",
                searches=[search(database, "CPUUtilization", "Average", cluster)],
                limits=[
                    ("another replica", figure("SCALE-02", "database_cpu_above_percent").percent)
                ],
            ),
            Graph(
                title="Size of the database in bytes",
                searches=[search(database, "VolumeBytesUsed", "Maximum", cluster)],
                limits=[("first week", figure("MON-11", "database_size_below_gigabytes").bytes)],
            ),
            Graph(
                title="Memory and network of the database",
                searches=[
                    search(database, "FreeableMemory", "Minimum", cluster),
                    search(database, "NetworkThroughput", "Average", cluster),
                ],
            ),
            Graph(
                title="Jobs that wait, and that failed for good",
                searches=[
                    search(
                        "AWS/SQS,QueueName",
                        "ApproximateNumberOfMessagesVisible",
                        "Maximum",
                        names.of(service, queue, limit=80),
                    )
                    for service, record in environment.services.items()
                    if record.queue
                    for queue in ("jobs", "dead-jobs")
                ],
                limits=[("another instance", figure("SCALE-01", "queue_depth_above_jobs").count)],
            ),
        ],
    )
