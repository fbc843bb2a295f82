"""What runs leave behind, where nobody can change it, and what scripts are told beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import dynamodb, ssm

from environments import Environment
from environments.published import Published
from stacks.backup import Backups
from stacks.buckets import Lock, PrivateBucket, PrivateBucketArguments
from stacks.database import Database
from stacks.edge import Edge
from stacks.frontend import Frontend
from stacks.keys import Keys
from stacks.logs import LogKind, retention_days
from stacks.naming import Names
from stacks.network import Network
from stacks.one_off import OneOffTasks
from stacks.service import ServiceOutputs, Side
from stacks.services import Services
from stacks.severity import Severity
from stacks.topics import topic_arn

JOURNAL: Final = "runs"
"""The table of journals and leases."""
EVIDENCE: Final = "evidence"
"""The bucket of evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsArguments:
    """What the records of an environment are made from, and what they tell of it."""

    environment: Environment
    keys: Keys
    network: Network
    edge: Edge
    database: Database
    services: Services
    backups: Backups | None
    frontend: Frontend | None
    mcp: Mapping[str, Input[str]] | None
    """What is published of the MCP server, where there is one."""
    tasks: OneOffTasks
    log_bucket: Output[str]


class Records(ComponentResource):
    """The records of what was released into an environment (AUD-01).

    Makes the table of journals and leases; the bucket of evidence, where what is written can
    neither be changed nor deleted as long as a deployment's log must be kept; and the parameter
    that publishes the environment to scripts (`environments.published`).
    """

    def __init__(
        self, name: str, arguments: RecordsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:records:Records", name, opts=options)
        environment, names = arguments.environment, Names(arguments.environment)
        inside = ResourceOptions(parent=self)
        kept = environment.is_stateful_protected
        table = dynamodb.Table(
            JOURNAL,
            name=names.of(JOURNAL),
            billing_mode="PAY_PER_REQUEST",
            hash_key="journal",
            range_key="item",
            attributes=[{"name": "journal", "type": "S"}, {"name": "item", "type": "S"}],
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": arguments.keys.records_arn},
            deletion_protection_enabled=kept,
            tags={"LogClass": LogKind.DEPLOYMENT.value},
            opts=ResourceOptions(parent=self, protect=kept),
        )
        evidence = PrivateBucket(
            EVIDENCE,
            PrivateBucketArguments(
                bucket=names.bucket(EVIDENCE),
                arn=names.bucket_arn(EVIDENCE),
                is_protected=kept,
                key_arn=arguments.keys.records_arn,
                lock=Lock(days=retention_days(LogKind.DEPLOYMENT, environment), is_final=kept),
                log_bucket=arguments.log_bucket,
                tags={"LogClass": LogKind.DEPLOYMENT.value},
            ),
            inside,
        )
        ssm.Parameter(
            "published",
            name=Published.parameter(environment.name),
            type=ssm.ParameterType.STRING,
            # A record of many services is longer than a standard parameter takes.
            tier="Intelligent-Tiering",
            value=_published(arguments, table.name, evidence.name),
            opts=inside,
        )
        self.register_outputs({})


def _published(
    arguments: RecordsArguments, journal: Output[str], evidence: Output[str]
) -> Output[str]:
    """The text of the record, known when everything that it names exists."""
    environment, services = arguments.environment, arguments.services
    values = {
        "environment": environment.name,
        "region": environment.aws.region,
        "account": environment.aws.account,
        "domain": arguments.edge.domain,
        "journal": journal,
        "evidence": evidence,
        "load_balancer": arguments.edge.load_balancer_arn_suffix,
        "cluster": services.cluster_name,
        "services": {
            name: _service(service, Names(environment))
            for name, service in services.services.items()
        },
        "frontend": _frontend(arguments.frontend) if arguments.frontend else None,
        "mcp": dict(arguments.mcp) if arguments.mcp else None,
        "database": arguments.database.cluster_identifier,
        "backups": arguments.backups.vault_name if arguments.backups else None,
        "tasks": {
            "subnets": arguments.network.private_subnet_ids,
            "security_groups": [arguments.tasks.security_group_id],
            "log_group": arguments.tasks.log_group_name,
            "families": {task.value: family for task, family in arguments.tasks.families.items()},
        },
        "topics": {each.value: topic_arn(each.value, Names(environment)) for each in Severity},
    }
    return Output.from_input(values).apply(
        lambda known: Published.model_validate(known).model_dump_json(
            by_alias=True, exclude_none=True
        )
    )


def _frontend(frontend: Frontend) -> dict[str, object]:
    return {
        "domain": frontend.domain,
        "bucket": frontend.bucket_name,
        "release_store": frontend.release_store_arn,
        "distribution": frontend.distribution_id,
    }


def _service(service: ServiceOutputs, names: Names) -> dict[str, object]:
    groups = service.target_group_arn_suffixes
    sides = {
        side.value: {
            "service": service.service_names[side],
            "target_group": (
                Output.concat(names.arn("elasticloadbalancing", ""), groups[side])
                if side in groups
                else None
            ),
        }
        for side in Side
    }
    return {
        **sides,
        "rule": service.rule_arn,
        "log_group": service.log_group_name,
        "queue": service.queue_name,
        "dead_letter_queue": service.dead_letter_queue_name,
    }
