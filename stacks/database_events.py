"""What RDS tells of the database that no metric shows: failovers, failures and changes."""

from dataclasses import dataclass

from pulumi import Output, Resource, ResourceOptions
from pulumi_aws import rds

from stacks.naming import Names
from stacks.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What events are about."""

    cluster: rds.Cluster
    instances: list[rds.ClusterInstance]
    parameters: rds.ParameterGroup


def subscribe(sources: Sources, *, names: Names, topics: Topics, parent: Resource) -> None:
    """Tell whoever is on call of failovers and failures, and the record of changed parameters."""
    told: dict[str, tuple[str, list[Output[str]], list[str], Output[str]]] = {
        "database": (
            "db-cluster",
            [sources.cluster.cluster_identifier],
            ["failover", "failure", "maintenance", "notification"],
            topics.critical_arn,
        ),
        "database-instances": (
            "db-instance",
            [instance.identifier for instance in sources.instances],
            ["configuration change", "failure", "maintenance"],
            topics.critical_arn,
        ),
        "database-parameters": (
            "db-parameter-group",
            [sources.parameters.name],
            ["configuration change"],
            topics.info_arn,
        ),
    }
    for name, (source_type, source_ids, categories, topic_arn) in told.items():
        rds.EventSubscription(
            name,
            name=names.of(name),
            sns_topic=topic_arn,
            source_type=source_type,
            source_ids=source_ids,
            event_categories=categories,
            opts=ResourceOptions(parent=parent),
        )
