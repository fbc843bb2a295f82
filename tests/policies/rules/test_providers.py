"""Rules for providers, where their examples do not reach."""

import json

import pytest

from plan.values import SECRET, UNKNOWN
from policies.registry import Given
from policies.rules import providers
from tests.policies.doors import FAIL, SILENT, messages, says


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([{"s3": "http://127.0.0.1:4566", "ecs": "http://localhost:4566"}], SILENT),
        ([{"s3": "http://127.0.0.1:4566"}, {"ecs": "https://ecs.example.com"}], FAIL),
        ([{"s3": "http://127.0.0.1.example.com"}], FAIL),
        ([{"s3": "http://[::1"}], FAIL),
        ([], FAIL),
        (UNKNOWN, FAIL),
    ],
)
def test_only_an_emulator_on_this_machine_takes_any_key(endpoints: object, expected: str) -> None:
    """A key for a host elsewhere is a credential, whoever runs that host."""
    text = endpoints if endpoints is UNKNOWN else json.dumps(endpoints)
    inputs = {"accessKey": "emulator", "secretKey": SECRET, "skipCredentialsValidation": True}
    provider = Given(providers.PROVIDER, "aws", {**inputs, "endpoints": text})
    assert says("provider-no-static-keys", provider) == expected


def test_a_secret_or_unknown_key_is_a_key() -> None:
    """That its text is hidden does not take it out of the state."""
    for value in (SECRET, UNKNOWN):
        provider = Given(providers.PROVIDER, "aws", {"secretKey": value})
        assert messages("provider-no-static-keys", provider) == [
            "secretKey is set: use a role instead"
        ]
