"""Encryption keys: one for each purpose, so that access to one kind of data opens no other."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import Provider, kms

from environments import Environment
from stacks.naming import Names
from stacks.statements import Statement, document, published

_DELETION_WINDOW_DAYS: Final = 30  # the longest that KMS gives to notice a mistake
_ADMINISTRATION: Final = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:Delete*", "kms:Describe*", "kms:Disable*",
    "kms:Enable*", "kms:Get*", "kms:List*", "kms:Put*", "kms:Revoke*", "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
]  # fmt: skip
_USE: Final = [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysArguments:
    """What the keys of an environment are made from."""

    environment: Environment
    backup_provider: Provider


class Keys(ComponentResource):
    """The keys of an environment, each with its own policy, rotated every year by KMS.

    Makes a key and its alias for each of: data (database, secrets, queues, caches, API keys), logs,
    topics, backups, the copies of backups in the second region, the records of runs, what Database
    Insights sees of queries, and product artifacts with their copies in the second region.
    """

    data_arn: Output[str]
    logs_arn: Output[str]
    topics_arn: Output[str]
    backup_arn: Output[str]
    backup_copy_arn: Output[str]
    records_arn: Output[str]
    insights_arn: Output[str]
    artifacts_arn: Output[str]
    artifacts_copy_arn: Output[str]

    def __init__(
        self, name: str, arguments: KeysArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:keys:Keys", name, opts=options)
        self._environment = arguments.environment
        self._names = names = Names(arguments.environment)
        aws = arguments.environment.aws
        self.data_arn = self._key(
            "data",
            "The database, secrets, queues, caches, API keys and metrics",
            through(
                names,
                ("rds", "secretsmanager", "sqs", "elasticache", "dynamodb", "aps"),
                aws.region,
            ),
        )
        self.logs_arn = self._key(
            "logs",
            "Log groups and the archive of logs",
            [for_log_groups(names, aws.region), *through(names, ("s3", "firehose"), aws.region)],
        )
        self.topics_arn = self._key(
            "topics",
            "Notification topics",
            [
                *published(["kms:Decrypt", "kms:GenerateDataKey*"], "*", names),
                *through(names, ("sns",), aws.region),
            ],
        )
        self.backup_arn = self._key(
            "backup", "Backups", through(names, ("backup", "rds"), aws.region)
        )
        self.backup_copy_arn = self._key(
            "backup-copy",
            "Copies of backups in the second region",
            through(names, ("backup", "rds"), aws.backup_region),
            arguments.backup_provider,
        )
        self.records_arn = self._key(
            "records",
            "The journals and the evidence of runs",
            through(names, ("dynamodb", "s3"), aws.region),
        )
        self.insights_arn = self._key(
            "insights", "What Database Insights sees", through(names, ("rds",), aws.region)
        )
        self.artifacts_arn = self._key(
            "artifacts", "Product artifacts", through(names, ("s3",), aws.region)
        )
        self.artifacts_copy_arn = self._key(
            "artifacts-copy",
            "Copies of product artifacts in the second region",
            through(names, ("s3",), aws.backup_region),
            arguments.backup_provider,
        )
        self.register_outputs({})

    def _key(
        self,
        purpose: str,
        description: str,
        statements: list[Statement],
        provider: Provider | None = None,
    ) -> Output[str]:
        """Make the key for `purpose`, which only `statements` let anybody use."""
        options = ResourceOptions(
            parent=self, provider=provider, protect=self._environment.is_stateful_protected
        )
        key = kms.Key(
            purpose,
            description=f"{description} of {self._environment.name}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=document(administration(self._names), *statements),
            opts=options,
        )
        kms.Alias(
            purpose,
            name=f"alias/{self._names.of(purpose)}",
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self, provider=provider),
        )
        return key.arn


def administration(names: Names) -> Statement:
    """Let the account's policies admit administrators, who cannot read what a key encrypts.

    They may change this policy, which CloudTrail shows; a grant to themselves is out of reach.
    """
    return {
        "Sid": "Administration",
        "Effect": "Allow",
        "Principal": {"AWS": names.root},
        "Action": _ADMINISTRATION,
        "Resource": "*",
    }


def through(names: Names, services: tuple[str, ...], region: str) -> list[Statement]:
    """Let what the account's policies admit use a key, but only through these services."""
    through = {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}
    return [
        {
            "Sid": "UseThroughServices",
            "Effect": "Allow",
            "Principal": {"AWS": names.root},
            "Action": _USE,
            "Resource": "*",
            "Condition": {"StringEquals": through},
        },
        {
            "Sid": "GrantToServices",
            "Effect": "Allow",
            "Principal": {"AWS": names.root},
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": {
                "StringEquals": through,
                "Bool": {"kms:GrantIsForAWSResource": "true"},
            },
        },
    ]


def for_log_groups(names: Names, region: str) -> Statement:
    """Let CloudWatch encrypt the account's log groups in `region`."""
    return {
        "Sid": "LogGroups",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": _USE,
        "Resource": "*",
        "Condition": {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": names.arn(
                    "logs", "log-group:*", region=region
                )
            }
        },
    }
