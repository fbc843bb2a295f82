"""Calls to AWS: what may be tried again, and what somebody has to mend, in words."""

from pathlib import Path
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs] - it has no types
import pytest

from scripts.exits import ExitCode
from scripts.runs.aws import Api, SignInError, client


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody is signed in, nor was before."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def test_whoever_is_not_signed_in_is_told_how() -> None:
    """The call is named, and with which role it goes."""
    with pytest.raises(SignInError, match="Unable to locate credentials: sign in to AWS") as caught:
        Api(client("sts", region="eu-central-1"))("get_caller_identity", on="whoever runs this")
    assert str(caught.value).startswith("sts:GetCallerIdentity on whoever runs this: ")
    assert "role/foundation/<environment>-release" in str(caught.value)
    assert caught.value.code is ExitCode.USAGE


def test_a_region_that_nobody_names_is_told() -> None:
    """Where an environment's file says none, the operator's settings have to."""
    with pytest.raises(SignInError, match="sqs: You must specify a region"):
        client("sqs")


@pytest.mark.parametrize("is_impatient", [True, False])
def test_who_has_a_bound_of_their_own_tries_once(*, is_impatient: bool) -> None:
    """Others leave it to boto3 how often a call is tried."""
    made = client("sqs", region="eu-central-1", is_impatient=is_impatient)
    retries: dict[str, Any] = made.meta.config.retries or {}
    assert (retries.get("total_max_attempts") == 1) is is_impatient


@pytest.mark.parametrize(
    ("service", "call", "action"),
    [
        ("cloudwatch", "get_metric_data", "cloudwatch:GetMetricData"),
        ("elbv2", "modify_rule", "elasticloadbalancing:ModifyRule"),
        ("application-autoscaling", "describe_scalable_targets",
         "application-autoscaling:DescribeScalableTargets"),
    ],
)  # fmt: skip
def test_a_permission_is_named_as_policies_name_it(service: str, call: str, action: str) -> None:
    """Which is not always what signatures or boto3 call the service."""
    assert Api(client(service, region="eu-central-1")).action(call) == action
