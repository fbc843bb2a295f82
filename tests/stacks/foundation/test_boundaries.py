"""Boundaries: what a pipeline cannot do, whatever is attached to its role."""

from collections.abc import Callable

import pytest

from environments import load_foundation
from plan import Plan
from tests.conftest import PROJECT
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import FOUNDATIONS, managed, of_type, only

PlanOf = Callable[[str], Plan]

_LONGEST = 6144
_HERE = {"aws:RequestedRegion": "us-east-1"}
_ELSEWHERE = {"aws:RequestedRegion": "us-east-2"}
_IAM = "arn:aws:iam::333333333333"
_BOUND = {**_HERE, "iam:PermissionsBoundary": f"{_IAM}:policy/foundation/production-boundary"}
_ACCOUNT = "arn:aws:{}:us-east-1:333333333333:{}"
_STATE = "arn:aws:s3:::slipway-state-333333333333"


def production_boundary(plan_of: PlanOf) -> str:
    """The boundary of production."""
    return only(plan_of("foundation"), "iam/policy", "production-boundary").text("policy") or ""


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_a_boundary_is_as_long_as_iam_takes(name: str, plan_of: PlanOf) -> None:
    """IAM counts every character but white space between them, and refuses a longer policy."""
    for policy in of_type(plan_of(name), "iam/policy"):
        document = policy.text("policy") or ""
        assert 0 < len("".join(document.split())) <= _LONGEST


@pytest.mark.parametrize(
    "request_",
    [
        Request(action="ecs:UpdateService", context=_HERE),
        Request(action="iam:CreateRole", resource=f"{_IAM}:role/production-api", context=_BOUND),
        Request(action="iam:PassRole", resource=f"{_IAM}:role/production-api", context=_HERE),
        Request(action="iam:GetRole", resource=f"{_IAM}:role/foundation/publish", context=_HERE),
        Request(action="s3:PutObject", resource=f"{_STATE}/.pulumi/x", context=_HERE),
        Request(action="rds:CreateDBCluster", context={"aws:RequestedRegion": "us-west-2"}),
        Request(action="kms:Decrypt", context=_HERE),
        # One endpoint for the world, which is not in us-east-1.
        Request(action="chatbot:CreateSlackChannelConfiguration", context=_ELSEWHERE),
        Request(action="cloudfront-keyvaluestore:PutKey", context=_ELSEWHERE),
    ],
    ids=lambda one: one.action,
)
def test_a_pipeline_may_do_its_work(request_: Request, plan_of: PlanOf) -> None:
    """What a deployment consists of lies within the boundary."""
    assert decision(production_boundary(plan_of), request_) == "Allow"


@pytest.mark.parametrize(
    "request_",
    [
        Request(action="cloudtrail:StopLogging", context=_HERE),
        Request(action="cloudtrail:PutEventSelectors", context=_HERE),
        Request(action="config:StopConfigurationRecorder", context=_HERE),
        Request(action="guardduty:UpdateDetector", context=_HERE),
        Request(action="securityhub:BatchDisableStandards", context=_HERE),
        Request(action="organizations:LeaveOrganization", context=_HERE),
        Request(action="iam:CreateUser", context=_HERE),
        Request(action="iam:CreateAccessKey", context=_HERE),
        Request(action="iam:CreateRole", resource=f"{_IAM}:role/production-api", context=_HERE),
        Request(action="iam:PutRolePolicy", resource=f"{_IAM}:role/production-x", context=_HERE),
        Request(action="iam:DeleteRolePermissionsBoundary", context=_BOUND),
        Request(
            action="iam:CreatePolicyVersion",
            resource=f"{_IAM}:policy/foundation/production-boundary",
            context=_BOUND,
        ),
        Request(
            action="iam:UpdateAssumeRolePolicy",
            resource=f"{_IAM}:role/foundation/break-glass",
            context=_BOUND,
        ),
        Request(
            action="sts:AssumeRole",
            resource=f"{_IAM}:role/foundation/break-glass",
            context=_HERE,
        ),
        Request(action="s3:PutBucketPolicy", resource=_STATE, context=_HERE),
        Request(action="s3:DeleteObjectVersion", resource=f"{_STATE}/.pulumi/x", context=_HERE),
        Request(
            action="s3:DeleteObject",
            resource="arn:aws:s3:::foundation-audit-333333333333/AWSLogs/x",
            context=_HERE,
        ),
        Request(
            action="logs:DeleteLogGroup",
            resource=_ACCOUNT.format("logs", "log-group:/slipway/foundation/audit"),
            context=_HERE,
        ),
        Request(
            action="cloudwatch:DeleteAlarms",
            resource=_ACCOUNT.format("cloudwatch", "alarm:foundation-root-user"),
            context=_HERE,
        ),
        Request(
            action="events:DisableRule",
            resource=_ACCOUNT.format("events", "rule/foundation-intrusions"),
            context=_HERE,
        ),
        Request(
            action="sns:DeleteTopic",
            resource=_ACCOUNT.format("sns", "foundation-critical"),
            context=_HERE,
        ),
        Request(
            action="ecr:BatchDeleteImage",
            resource=_ACCOUNT.format("ecr", "repository/slipway/api"),
            context=_HERE,
        ),
        Request(
            action="ecr:DeleteRepository",
            resource=_ACCOUNT.format("ecr", "repository/slipway/api"),
            context=_HERE,
        ),
        Request(
            action="kms:ScheduleKeyDeletion",
            context={**_HERE, "kms:ResourceAliases": "alias/slipway-state-production"},
        ),
        Request(action="ecs:UpdateService", context={"aws:RequestedRegion": "eu-west-1"}),
        Request(action="sagemaker:CreateNotebookInstance", context=_HERE),
    ],
    ids=lambda one: f"{one.action} {one.resource.rpartition('/')[2]}",
)
def test_a_pipeline_cannot_leave_its_bounds(request_: Request, plan_of: PlanOf) -> None:
    """Neither the record of who did what nor its own bounds, the state or identities give way."""
    assert decision(production_boundary(plan_of), request_) != "Allow"


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_who_comes_from_outside_is_bounded(name: str, plan_of: PlanOf) -> None:
    """Every role that a workflow or a person takes on carries a boundary of this foundation."""
    for role in of_type(plan_of(name), "iam/role"):
        trusted = role.document("assumeRolePolicy").nodes("Statement")[0].node("Principal")
        if not trusted.has("Service"):
            assert role.has("permissionsBoundary"), role.name


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_the_roles_of_an_environment_carry_its_boundary(name: str, plan_of: PlanOf) -> None:
    """What a stack makes may do no more than the pipeline that makes it."""
    foundation = load_foundation(name, PROJECT)
    (known,) = {
        f"arn:aws:iam::{foundation.aws.account}:policy/foundation/{one.name}-boundary"
        for one in foundation.environments
    }
    for environment in foundation.environments:
        roles = of_type(plan_of(environment.name), "iam/role")
        assert {role.text("permissionsBoundary") for role in roles} == {known}
        assert all((role.text("name") or "").startswith(f"{environment.name}-") for role in roles)
    made = {f"{one.text('path')}{one.text('name')}" for one in of_type(plan_of(name), "iam/policy")}
    assert known.partition(":policy")[2] in made


_PREFIXES = {
    "amp": "aps",
    "appautoscaling": "application-autoscaling",
    "cfg": "config",
    "cognito": "cognito-identity",
    "kinesis": "firehose",
    "lb": "elasticloadbalancing",
    "vpc": "ec2",
}
"""Modules of the provider whose actions begin otherwise."""
_OTHERS = {"aws:cloudfront/keyvaluestoreKey:KeyvaluestoreKey": "cloudfront-keyvaluestore"}
"""Types whose actions begin otherwise than those of their module."""


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_an_environment_is_made_of_services_that_were_reviewed(name: str, plan_of: PlanOf) -> None:
    """Its first apply would otherwise stop at the service that its boundary does not hold."""
    foundation = load_foundation(name, PROJECT)
    for environment in foundation.environments:
        types = {one.type for one in managed(plan_of(environment.name))}
        modules = {one.split(":")[1].partition("/")[0] for one in types}
        needed = {_PREFIXES.get(one, one) for one in modules}
        needed |= {_OTHERS[one] for one in types & set(_OTHERS)}
        assert needed <= set(foundation.services)
