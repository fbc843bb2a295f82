"""What a stack publishes of an environment for the scripts that act on it: one typed record.

It lies in Parameter Store under `Published.parameter(name)`, as JSON with the keys below in
camelCase. Whoever reads it validates it with this same model.
"""

from typing import Annotated

from pydantic import Field

from environments.record import Name, Record, Region


class PublishedSide(Record):
    """One of the two sides of a service."""

    service: str
    """The name of its ECS service."""
    target_group: str | None = None
    """The ARN of its target group, where the load balancer sends it traffic."""


class PublishedService(Record):
    """A service: what a cutover moves, and where it is watched."""

    blue: PublishedSide
    green: PublishedSide
    rule: str | None = None
    """The ARN of the listener rule that holds the weights of the sides."""
    log_group: str
    queue: str | None = None
    dead_letter_queue: str | None = None


class PublishedFrontend(Record):
    """A frontend: where a release of it goes, and what points to the one in use."""

    domain: str
    bucket: str
    """A release lies in it under `releases/<its name>/`."""
    release_store: str
    """The ARN of the store whose key `release` names the one in use."""
    distribution: str
    """The id of its distribution."""


class PublishedWorkload(Record):
    """A workload on Kubernetes: what a cutover rolls out, and where it is watched."""

    cluster: str
    """The name of its EKS cluster, which answers inside the network alone."""
    namespace: str
    deployment: str
    """The name of its Deployment, its container and its autoscaler."""
    load_balancer: str
    """What CloudWatch names its load balancer by."""
    target_group: str
    """What CloudWatch names its target group by."""


class PublishedTasks(Record):
    """Where one-off tasks run that need the private network."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    log_group: str
    """Where they write, as JSON lines."""
    families: dict[Name, str]
    """The family of the task definition of each; its newest revision is the one to start."""


class PublishedTopics(Record):
    """The topics that people hear from, by severity (NOTE-07), each by its ARN."""

    critical: str
    warning: str
    info: str


class Published(Record):
    """Everything that scripts are told of an environment."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    environment: Name
    region: Region
    account: str
    domain: str
    journal: str
    """The DynamoDB table of journals and leases."""
    evidence: str
    """The bucket of evidence."""
    load_balancer: str
    """What CloudWatch names it by: `app/<name>/<id>`."""
    cluster: str
    """The ECS cluster of the services."""
    services: dict[Name, PublishedService]
    frontend: PublishedFrontend | None = None
    mcp: PublishedWorkload | None = None
    database: str
    """The identifier of the database cluster."""
    backups: str | None = None
    """The vault that its backups go to."""
    tasks: PublishedTasks
    topics: PublishedTopics | None = None

    @staticmethod
    def parameter(environment: str) -> str:
        """The name of the parameter that holds the record of `environment`."""
        return f"/slipway/{environment}/published"
