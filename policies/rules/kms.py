"""Rules for encryption keys."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.audience import admits_somebody
from policies.nodes import Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity
from policies.statements import statements

KEY: Final = "aws:kms/key:Key"
EXTERNAL_KEY: Final = "aws:kms/externalKey:ExternalKey"
REPLICA_KEY: Final = "aws:kms/replicaKey:ReplicaKey"
KEYS: Final = (
    KEY,
    EXTERNAL_KEY,
    REPLICA_KEY,
    "aws:kms/replicaExternalKey:ReplicaExternalKey",
)
KEY_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"

_LONGEST: Final = 30
_SHORTEST: Final = 7
"""The most days that KMS waits before it deletes a key, which is its default, and the fewest."""


@rule(
    types=[KEY],
    severity=Severity.MEDIUM,
    requirements=["SEC-12"],
    controls=Controls(fsbp=("KMS.4",), cis=("3.6",), checkov=("CKV_AWS_7",)),
    remediation="""
        Let KMS rotate it each year; what was encrypted before stays readable:

            aws.kms.Key("data", enable_key_rotation=True, ...)
        """,
    passing=[
        (Given(KEY, "data", {"enableKeyRotation": True}),),
        (
            Given(
                KEY,
                "data",
                {"enableKeyRotation": True, "customerMasterKeySpec": "SYMMETRIC_DEFAULT"},
            ),
        ),
    ],
    failing=[
        (Given(KEY, "data", {"enableKeyRotation": False}),),
        (Given(KEY, "data", {"keyUsage": "ENCRYPT_DECRYPT"}),),
    ],
)
def kms_rotation(key: Subject) -> Outcome:
    """Keys rotate where they can.

    Rotation bounds how much one leaked key opens. KMS rotates symmetric encryption keys only.
    """
    spec = key.text("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    usage = key.text("keyUsage") or "ENCRYPT_DECRYPT"
    if spec != "SYMMETRIC_DEFAULT" or usage != "ENCRYPT_DECRYPT":
        return NotApplicable(f"KMS does not rotate a {spec} key for {usage}")
    return require(key.flag("enableKeyRotation"), "is never rotated", "enableKeyRotation")


def _admitting(principal: str, condition: str = "") -> str:
    """The policy of a key that lets `principal` decrypt, for the examples."""
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt",'
        f' "Resource": "*", "Principal": {principal}{condition}}}]}}'
    )


_ACCOUNT: Final = '{"AWS": "arn:aws:iam::123456789012:root"}'
_CALLER: Final = ', "Condition": {"StringEquals": {"kms:CallerAccount": "123456789012"}}'
_THROUGH: Final = ', "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-central-1.aws"}}'


@rule(
    types=[*KEYS, KEY_POLICY],
    severity=Severity.CRITICAL,
    controls=Controls(fsbp=("KMS.5",), checkov=("CKV_AWS_33", "CKV2_AWS_64")),
    remediation="""
        Name the account whose own policies then say more, or the very roles:

            aws.kms.Key("data", policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
                               "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]}))
        """,
    passing=[
        (Given(KEY, "data", {"policy": _admitting(_ACCOUNT)}),),
        (Given(EXTERNAL_KEY, "data", {"policy": _admitting('{"AWS": "*"}', _CALLER)}),),
        (
            Given(KEY, "data"),
            Given(KEY_POLICY, "data", {"keyId": Ref("data"), "policy": _admitting(_ACCOUNT)}),
        ),
    ],
    failing=[
        (Given(KEY, "data", {"policy": _admitting('"*"')}),),
        (Given(REPLICA_KEY, "data", {"policy": _admitting('{"AWS": ["*"]}')}),),
        (Given(KEY, "data", {"policy": _admitting('{"AWS": "*"}', _THROUGH)}),),
        (
            Given(KEY, "data"),
            Given(KEY_POLICY, "data", {"keyId": Ref("data"), "policy": _admitting('"*"')}),
        ),
        (Given(KEY, "data", {"description": "nobody wrote who may use it"}),),
        (
            Given(
                KEY,
                "data",
                {"policy": _admitting(_ACCOUNT).replace("Principal", "NotPrincipal")},
            ),
        ),
    ],
)
def kms_policy_no_world(key: Subject, _: Settings, graph: Graph) -> Outcome:
    """The policy of a key is written, and admits nobody in general.

    Whatever the key encrypts, everyone whom its policy admits can read. Without one of its own
    KMS writes a policy that nobody reviewed. `kms:ViaService` alone says only through which
    service a stranger comes.
    """

    def admits_few() -> Outcome:
        return every(statements(key.document("policy"), "Allow"), admits_somebody)

    if key.has("policy"):
        return admits_few()
    if key.type != KEY_POLICY and companions(key.resource, graph, [KEY_POLICY], "keyId"):
        return PASS  # that policy is judged where it is declared
    return fail("has no policy of its own", "policy")


class DeletionWindow(Settings):
    """How long KMS waits before it deletes a key."""

    min_days: int = Field(default=_LONGEST, ge=_SHORTEST, le=_LONGEST)
    """FSBP refuses immediate deletion alone; the longest wait costs nothing."""


@rule(
    types=[*KEYS, KEY_POLICY],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("KMS.3",), checkov=("CKV_AWS_227",)),
    settings=DeletionWindow,
    remediation="""
        Leave the time to notice, and the check that somebody can still change the policy:

            aws.kms.Key("data", deletion_window_in_days=30, ...)
        """,
    passing=[
        (Given(KEY, "data"),),
        (Given(KEY, "data", {"deletionWindowInDays": 30, "isEnabled": True}),),
        (
            Given(
                EXTERNAL_KEY,
                "data",
                {"deletionWindowInDays": "30", "bypassPolicyLockoutSafetyCheck": False},
            ),
        ),
    ],
    failing=[
        (Given(KEY, "data", {"deletionWindowInDays": 7}),),
        (Given(KEY, "data", {"isEnabled": False}),),
        (Given(REPLICA_KEY, "data", {"enabled": False}),),
        (Given(KEY, "data", {"bypassPolicyLockoutSafetyCheck": True}),),
        (
            Given(KEY, "data"),
            Given(
                KEY_POLICY, "data", {"keyId": Ref("data"), "bypassPolicyLockoutSafetyCheck": True}
            ),
        ),
    ],
    absence_is_safe=True,
)
def kms_deletion_window(key: Subject, settings: DeletionWindow) -> Outcome:
    """A key that is in use stays usable, and its deletion can be called off for long.

    With the key goes all that it encrypted, backups included, and AWS cannot bring it back. Nor
    can anybody change a policy that locked everyone out.
    """
    days = "deletionWindowInDays"

    def waits() -> Outcome:
        window = key.number(days)
        return require(
            window is None or window >= settings.min_days,
            f"is gone {window} days after its deletion, not {settings.min_days}",
            days,
        )

    def is_on(flag: str) -> Outcome:
        return require(key.flag(flag) is not False, "is switched off", flag)

    bypass = "bypassPolicyLockoutSafetyCheck"
    return all_of(
        waits,
        lambda: every(("isEnabled", "enabled"), is_on),
        lambda: require(not key.flag(bypass), "skips the check against locking all out", bypass),
    )
