"""Rules for encryption keys."""

from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, require
from policies.registry import Controls, Given, rule
from policies.settings import Severity

KEY = "aws:kms/key:Key"


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
