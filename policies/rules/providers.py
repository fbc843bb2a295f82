"""Rules for providers: how the program signs in to AWS."""

from typing import Final
from urllib.parse import urlsplit

from plan.model import PROVIDER_PREFIX
from policies.nodes import Node, Subject
from policies.outcomes import NotApplicable, Outcome, Pass, all_of, attempt, every, met, require
from policies.registry import Controls, Given, rule
from policies.settings import Severity

PROVIDER: Final = f"{PROVIDER_PREFIX}aws"

_CREDENTIALS: Final = ("accessKey", "secretKey", "token")
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
_EMULATOR: Final = '[{"s3": "http://127.0.0.1:4566", "ecs": "http://localhost:4566"}]'


@rule(
    types=[PROVIDER],
    severity=Severity.CRITICAL,
    requirements=["CFG-02"],
    controls=Controls(checkov=("CKV_AWS_41",)),
    remediation="""
        Take the credentials of who runs it, and a role; leave keys out:

            aws.Provider("aws", region="eu-central-1",
                         assume_roles=[{"role_arn": "arn:aws:iam::123456789012:role/deploy"}])
        """,
    passing=[
        (Given(PROVIDER, "aws", {"region": "eu-central-1"}),),
        (Given(PROVIDER, "aws", {"profile": "production"}),),
    ],
    failing=[
        (Given(PROVIDER, "aws", {"accessKey": "AKIA" + "0" * 16}),),
        (Given(PROVIDER, "aws", {"region": "eu-central-1", "secretKey": "correct horse"}),),
        (
            Given(
                PROVIDER,
                "aws",
                {
                    "accessKey": "AKIA" + "0" * 16,
                    "endpoints": '[{"s3": "https://s3.example.com"}]',
                    "skipCredentialsValidation": "true",
                },
            ),
        ),
        (Given(PROVIDER, "aws", {"accessKey": "AKIA" + "0" * 16, "endpoints": _EMULATOR}),),
    ],
    absence_is_safe=True,
)
def provider_no_static_keys(provider: Subject) -> Outcome:
    """A provider has no credentials of its own.

    They would stand in the program or its state, never expire, and be good for everything that the
    program may do. One for an emulator on this machine may have any: nothing checks them there.
    """
    if isinstance(attempt(lambda: _is_emulated(provider)), Pass):
        return NotApplicable("it calls an emulator on this machine")
    return all_of(
        *(
            attempt(
                lambda key=key: require(
                    not provider.has_text(key), f"{key} is set: use a role instead", key
                )
            )
            for key in _CREDENTIALS
        )
    )


def _is_emulated(provider: Subject) -> Outcome:
    """Whether nothing checks the credentials, and every endpoint is on this machine."""

    def local(endpoints: Node) -> Outcome:
        return every(
            endpoints.names(),
            lambda name: met(_is_loopback(endpoints.text(name) or "")),
        )

    endpoints = provider.documents("endpoints")
    return all_of(
        met(endpoints),
        met(provider.flag("skipCredentialsValidation")),
        every(endpoints, local),
    )


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False
