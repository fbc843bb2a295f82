"""Rules for secrets."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, every, fail, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.schedules import longest_gap_hours
from policies.settings import Settings, Severity
from standards import figure

SECRET: Final = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type token
ROTATION: Final = "aws:secretsmanager/secretRotation:SecretRotation"

_HOURS_A_DAY: Final = 24


class Rotation(Settings):
    """How old a secret may become."""

    max_days: int = Field(
        default=figure("KEY-02", "rotation_max_days").days,
        ge=1,
        le=figure("KEY-02", "rotation_max_days").days,
    )


@rule(
    types=[SECRET],
    severity=Severity.MEDIUM,
    controls=Controls(
        fsbp=("SecretsManager.1", "SecretsManager.4"), checkov=("CKV2_AWS_57", "CKV_AWS_304")
    ),
    settings=Rotation,
    remediation="""
        Rotate it:

            aws.secretsmanager.SecretRotation("api-key", secret_id=secret.id,
                rotation_lambda_arn=rotate.arn,
                rotation_rules={"automatically_after_days": 30})
        """,
    passing=[
        (
            Given(SECRET, "key"),
            Given(
                ROTATION,
                "monthly",
                {"secretId": Ref("key"), "rotationRules": {"automaticallyAfterDays": 30}},
            ),
        ),
        (
            Given(SECRET, "key"),
            Given(
                ROTATION,
                "monthly",
                {"secretId": Ref("key"), "rotationRules": {"scheduleExpression": "rate(30 days)"}},
            ),
        ),
    ],
    failing=[
        (Given(SECRET, "key"),),
        (
            Given(SECRET, "key"),
            Given(
                ROTATION,
                "yearly",
                {"secretId": Ref("key"), "rotationRules": {"automaticallyAfterDays": 365}},
            ),
        ),
    ],
)
def secret_rotation(secret: Subject, settings: Rotation, graph: Graph) -> Outcome:
    """Secrets rotate in time.

    What leaked unnoticed then stops working by itself.
    """

    def often_enough(rotation: Node) -> Outcome:
        rules = rotation.node("rotationRules")
        days = rules.number("automaticallyAfterDays")
        if days is None:
            hours = longest_gap_hours(rules.text("scheduleExpression") or "")
            days = None if hours is None else hours / _HOURS_A_DAY
        return met(days is not None and 0 < days <= settings.max_days)

    rotations = companions(secret.resource, graph, [ROTATION], "secretId")
    if not rotations:
        return fail("nothing rotates this secret")
    return some(rotations, often_enough, f"is not rotated every {settings.max_days} days")


@rule(
    types=[SECRET],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_149",)),
    remediation="""
        Encrypt it with a key of your own, and each replica with one of its region:

            aws.secretsmanager.Secret("api-key", kms_key_id=key.arn, replicas=[
                {"region": "eu-west-1", "kms_key_id": key_in_second_region.arn}])
        """,
    passing=[
        (Given("aws:kms/key:Key", "key"), Given(SECRET, "api-key", {"kmsKeyId": Ref("key")})),
        (
            Given(
                SECRET,
                "api-key",
                {
                    "kmsKeyId": "arn:aws:kms:eu-central-1:1:key/1",
                    "replicas": [
                        {"region": "eu-west-1", "kmsKeyId": "arn:aws:kms:eu-west-1:1:key/2"}
                    ],
                },
            ),
        ),
    ],
    failing=[
        (Given(SECRET, "api-key", {"name": "api-key"}),),
        (
            Given(
                SECRET,
                "api-key",
                {
                    "kmsKeyId": "arn:aws:kms:eu-central-1:1:key/1",
                    "replicas": [{"region": "eu-west-1"}],
                },
            ),
        ),
    ],
)
def secret_cmk(secret: Subject) -> Outcome:
    """A secret is encrypted with a key of one's own.

    AWS's shared key decrypts for everyone in the account who may read the secret; the policy of an
    own key is a second lock, and another account can be given it.
    """

    def locked(copy: Node) -> Outcome:
        return require(
            copy.has_text("kmsKeyId"), "is not encrypted with a key of its own", copy.at("kmsKeyId")
        )

    return every([secret, *secret.each("replicas")], locked)
