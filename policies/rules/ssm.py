"""Rules for parameters: Systems Manager."""

from typing import Final

from policies.credentials import credential_in, sounds_secret
from policies.nodes import Subject
from policies.outcomes import Outcome, all_of, attempt, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Severity

PARAMETER: Final = "aws:ssm/parameter:Parameter"

_SECURE: Final = "SecureString"
_SHARED_KEY: Final = "alias/aws/ssm"
"""The key that AWS makes for every account: whoever may read parameters may use it."""


@rule(
    types=[PARAMETER],
    severity=Severity.MEDIUM,
    requirements=["CFG-02"],
    controls=Controls(checkov=("CKV2_AWS_34", "CKV_AWS_337")),
    remediation="""
        Encrypt it with a key of your own:

            aws.ssm.Parameter("api-token", type="SecureString", key_id=key.arn, value=token)
        """,
    passing=[
        (Given(PARAMETER, "log-level", {"type": "String", "value": "info"}),),
        (Given(PARAMETER, "p", {"name": "/api/database-password-arn", "type": "String"}),),
        (
            Given("aws:kms/key:Key", "key"),
            Given(
                PARAMETER,
                "token",
                {"name": "/api/token", "type": "SecureString", "keyId": Ref("key")},
            ),
        ),
    ],
    failing=[
        (Given(PARAMETER, "p", {"name": "/api/database-password", "type": "String"}),),
        (Given(PARAMETER, "api-key", {"type": "StringList", "value": "a,b"}),),
        (Given(PARAMETER, "p", {"name": "/API/Token", "type": "SecureString"}),),
        (
            Given(
                PARAMETER, "remote", {"insecureValue": "https://api:hunter22@example.com/reports"}
            ),
        ),
    ],
    absence_is_safe=True,
)
def ssm_secure_string(parameter: Subject) -> Outcome:
    """Secret parameters are encrypted with a key of one's own.

    A plain one is shown to everyone who may list the settings; AWS's shared key opens the others to
    the same people. Secret is what its name says, what is a SecureString, and what looks like it.
    """

    def encrypted() -> Outcome:
        kind = parameter.text("type")
        if kind != _SECURE:
            name = parameter.text("name") or parameter.name
            return require(not sounds_secret(name), f"{name} is not encrypted", "type")
        key = parameter.resource.inputs.get("keyId")
        own = parameter.has_text("keyId") and key != _SHARED_KEY
        return require(own, "is encrypted with the key that AWS shares out", "keyId")

    def harmless() -> Outcome:
        kind = credential_in(parameter.text("insecureValue") or "")
        return require(not kind, f"holds {kind} in plain text", "insecureValue")

    return all_of(attempt(encrypted), attempt(harmless))
