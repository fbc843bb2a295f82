"""API keys: where they are kept, until when they are good, and who is told of those that are old.

The table holds a digest of each key, never the key. Who takes a request refuses a key whose
`expiresAt` has passed: it compares at each reading, since DynamoDB deletes expired items only some
time later, to tidy up.
"""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import dynamodb

from environments import Environment
from stacks.keys import Keys
from stacks.log_watch import LogWatch, watch_log
from stacks.logs import LogKind, log_group
from stacks.metrics import Comparison, Limit, Missing
from stacks.naming import Names
from stacks.statements import Statement
from stacks.topics import Topics
from standards import figure

_TABLE: Final = "api-keys"
_DAY: Final = 24 * 3600
_LATE_DAYS: Final = 2  # the review starts at some moment of a day
_REVIEWED: Final = '{ $.event = "api_keys_reviewed" }'


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeysArguments:
    """What the store of API keys is made from."""

    environment: Environment
    keys: Keys
    topics: Topics


class ApiKeys(ComponentResource):
    """The store of API keys, and the log of what is done with them.

    Makes the table; the audit log group that issue, rotation, revocation and use are written to;
    and alarms on keys that were not rotated, on one that outlived its expiry, on a review that did
    not run, and on the use of a revoked key.
    """

    def __init__(
        self, name: str, arguments: ApiKeysArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:keys:ApiKeys", name, opts=options)
        environment = arguments.environment
        self._names = names = Names(environment)
        is_protected = environment.is_stateful_protected
        dynamodb.Table(
            _TABLE,
            name=names.of(_TABLE),
            billing_mode="PAY_PER_REQUEST",
            hash_key="digest",
            attributes=[{"name": "digest", "type": "S"}],
            ttl={"enabled": True, "attribute_name": "expiresAt"},
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": arguments.keys.data_arn},
            deletion_protection_enabled=is_protected,
            tags={"Purpose": "api-keys"},
            opts=ResourceOptions(parent=self, protect=is_protected),
        )
        self._log = log_group(
            _TABLE,
            LogKind.AUDIT,
            environment=environment,
            key_arn=arguments.keys.logs_arn,
            parent=self,
        )
        self._watch(arguments)
        self.register_outputs({})

    @property
    def variables(self) -> dict[str, str]:
        """What a program that works with the keys is told."""
        return {
            "KEYS_TABLE": self._names.of(_TABLE),
            "KEYS_LOG_GROUP": self._names.path(_TABLE),
            "KEYS_LIFETIME_DAYS": str(figure("KEY-03", "lifetime_max_days").days),
        }

    def reads(self, program: str) -> list[Statement]:
        """Let `program` look a key up, and write its use to the log."""
        return self._statements(program, ["dynamodb:GetItem"])

    def rotates(self, program: str) -> list[Statement]:
        """Let `program` issue, replace and revoke keys, and write that to the log."""
        actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"]
        return self._statements(program, actions)

    def _statements(self, program: str, actions: list[str]) -> list[Statement]:
        names = self._names
        stream = f"log-group:{names.path(_TABLE)}:log-stream:{program}/*"
        return [
            {
                "Sid": "ApiKeys",
                "Effect": "Allow",
                "Action": actions,
                "Resource": names.arn("dynamodb", f"table/{names.of(_TABLE)}"),
            },
            {
                "Sid": "ApiKeysLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": names.arn("logs", stream),
            },
        ]

    def _watch(self, arguments: ApiKeysArguments) -> None:
        due = figure("KEY-02", "review_and_rotation_interval_days").days
        lifetime = figure("KEY-03", "lifetime_max_days").days
        topics = arguments.topics
        table: list[tuple[Output[str], LogWatch]] = [
            (
                topics.warning_arn,
                LogWatch(
                    name="api-key-unrotated",
                    summary=f"An API key is older than {due} days: it was not rotated",
                    log_group_name=self._log.name,
                    pattern=_REVIEWED,
                    value="$.oldestDays",
                    statistic="Maximum",
                    limit=Limit(Comparison.ABOVE, due, "KEY-02"),
                    runbook="api-keys",
                ),
            ),
            (
                topics.critical_arn,
                LogWatch(
                    name="api-key-outlived",
                    summary=f"An API key is older than {lifetime} days: nothing made it expire",
                    log_group_name=self._log.name,
                    pattern=_REVIEWED,
                    value="$.oldestDays",
                    statistic="Maximum",
                    limit=Limit(Comparison.ABOVE, lifetime, "KEY-03"),
                    runbook="api-keys",
                ),
            ),
            (
                topics.warning_arn,
                LogWatch(
                    name="api-keys-unreviewed",
                    summary=f"Nothing reviewed the API keys for {_LATE_DAYS} days",
                    log_group_name=self._log.name,
                    pattern=_REVIEWED,
                    limit=Limit(Comparison.BELOW, 1, "KEY-02"),
                    runbook="api-keys",
                    period=_DAY,
                    periods=_LATE_DAYS,
                    missing=Missing.TROUBLE,
                ),
            ),
            (
                topics.warning_arn,
                LogWatch(
                    name="api-key-refused",
                    summary="Somebody came with an API key that was revoked",
                    log_group_name=self._log.name,
                    pattern='{ ($.event = "api_key_refused") && ($.reason = "revoked") }',
                    limit=Limit(Comparison.ABOVE, 0, "LOG-04"),
                    runbook="security",
                ),
            ),
        ]
        for topic_arn, watch in table:
            watch_log(watch, environment=arguments.environment, topic_arn=topic_arn, parent=self)
