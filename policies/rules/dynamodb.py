"""Rules for tables: DynamoDB."""

from typing import Final

from policies.nodes import Subject
from policies.outcomes import Outcome, require
from policies.registry import Controls, Given, rule
from policies.settings import Severity

TABLE: Final = "aws:dynamodb/table:Table"


@rule(
    types=[TABLE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("DynamoDB.2",), checkov=("CKV_AWS_28",)),
    remediation="""
        Keep the log that a restore to any second of the last weeks needs:

            aws.dynamodb.Table("jobs", point_in_time_recovery={"enabled": True}, ...)
        """,
    passing=[
        (Given(TABLE, "jobs", {"pointInTimeRecovery": {"enabled": True}}),),
        (
            Given(
                TABLE,
                "jobs",
                {"pointInTimeRecovery": {"enabled": "true", "recoveryPeriodInDays": 14}},
            ),
        ),
    ],
    failing=[
        (Given(TABLE, "jobs", {"pointInTimeRecovery": {"enabled": False}}),),
        (Given(TABLE, "jobs", {"pointInTimeRecovery": {"recoveryPeriodInDays": 35}}),),
        (Given(TABLE, "jobs", {"hashKey": "id"}),),
    ],
)
def dynamodb_pitr(table: Subject) -> Outcome:
    """A table can be restored to any moment of the last weeks.

    A faulty release overwrites rows for minutes before anyone looks; nothing else brings them back.
    """
    recovery = table.node("pointInTimeRecovery")
    return require(
        recovery.flag("enabled"), "point-in-time recovery is off", recovery.at("enabled")
    )


@rule(
    types=[TABLE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("DynamoDB.6",)),
    remediation="""
        Refuse its deletion; whoever means it then says so twice:

            aws.dynamodb.Table("jobs", deletion_protection_enabled=True, ...)
        """,
    passing=[(Given(TABLE, "jobs", {"deletionProtectionEnabled": True}),)],
    failing=[
        (Given(TABLE, "jobs", {"deletionProtectionEnabled": False}),),
        (Given(TABLE, "jobs", {"hashKey": "id"}),),
    ],
)
def dynamodb_protection(table: Subject) -> Outcome:
    """A table refuses to be deleted.

    A renamed resource or a wrong stack would else delete it, and its backups of the moment with it.
    """
    return require(
        table.flag("deletionProtectionEnabled"),
        "can be deleted by one call",
        "deletionProtectionEnabled",
    )
