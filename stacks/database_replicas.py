"""How many replicas the database has: one more while its readers work too hard."""

from pulumi import Output, Resource, ResourceOptions
from pulumi_aws import appautoscaling, rds

from environments import Environment
from stacks.naming import Names
from standards import figure


def scale_replicas(
    environment: Environment,
    cluster: rds.Cluster,
    instances: list[rds.ClusterInstance],
    parent: Resource,
) -> None:
    """Add a replica while the readers' CPU stays above the standard's figure (SCALE-02)."""
    replicas = environment.database.replicas
    target = appautoscaling.Target(
        "database-replicas",
        service_namespace="rds",
        scalable_dimension="rds:cluster:ReadReplicaCount",
        resource_id=Output.concat("cluster:", cluster.cluster_identifier),
        min_capacity=replicas.min,
        max_capacity=replicas.max,
        # There is nothing to scale before an instance exists.
        opts=ResourceOptions(parent=parent, depends_on=instances),
    )
    appautoscaling.Policy(
        "database-replicas",
        name=Names(environment).of("database-replicas"),
        policy_type="TargetTrackingScaling",  # the only kind that Aurora takes
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration=appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
            target_value=figure("SCALE-02", "database_cpu_above_percent").percent,
            predefined_metric_specification=appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                predefined_metric_type="RDSReaderAverageCPUUtilization"
            ),
        ),
        opts=ResourceOptions(parent=parent),
    )
