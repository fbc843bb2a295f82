"""Releases: the role that carries cutovers out may do what they do, and nothing more."""

from collections.abc import Callable

import pytest

from environments import load_foundation
from plan import Plan
from standards import Tier
from tests.conftest import PROJECT
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import FOUNDATIONS, only

PlanOf = Callable[[str], Plan]


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_it_ends_at_its_environment(name: str, plan_of: PlanOf) -> None:
    """What another environment of the account serves, and other services' roles, stay apart."""
    for environment in load_foundation(name, PROJECT).environments:
        policy = only(plan_of(name), "iam/rolePolicy", f"{environment.name}-release")
        text, aws = policy.text("policy") or "", environment.aws
        ecs = f"arn:aws:ecs:{aws.region}:{aws.account}"
        mine, other = f"{environment.name}-services", "other-services"
        for cluster, decided in ((mine, "Allow"), (other, None)):
            service = f"{ecs}:service/{cluster}/{cluster}-api-blue"
            asked = Request(action="ecs:UpdateService", resource=service)
            assert decision(text, asked) == decided
        role = f"arn:aws:iam::{aws.account}:role/{environment.name}-api-task"
        for to, decided in (("ecs-tasks.amazonaws.com", "Allow"), ("ec2.amazonaws.com", None)):
            asked = Request(
                action="iam:PassRole", resource=role, context={"iam:PassedToService": to}
            )
            assert decision(text, asked) == decided


@pytest.mark.parametrize("name", FOUNDATIONS)
@pytest.mark.parametrize(
    "action",
    [
        "dynamodb:DeleteItem",
        "dynamodb:UpdateItem",
        "ecs:DeleteService",
        "ecs:ExecuteCommand",
        "elasticloadbalancing:DeleteRule",
        "iam:AttachRolePolicy",
        "iam:PutRolePolicy",
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "ssm:PutParameter",
    ],
)
def test_it_makes_deletes_and_reads_nothing_else(name: str, action: str, plan_of: PlanOf) -> None:
    """Not even its own journal's past, nor the files of a release."""
    for environment in load_foundation(name, PROJECT).environments:
        policy = only(plan_of(name), "iam/rolePolicy", f"{environment.name}-release")
        assert decision(policy.text("policy") or "", Request(action=action)) is None


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_its_policy_is_within_what_iam_takes(name: str, plan_of: PlanOf) -> None:
    """All inline policies of a role together have 10,240 characters at most."""
    for environment in load_foundation(name, PROJECT).environments:
        policy = only(plan_of(name), "iam/rolePolicy", f"{environment.name}-release")
        assert len(policy.text("policy") or "") <= 10_240


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_of_databases_it_deletes_restored_copies_alone(name: str, plan_of: PlanOf) -> None:
    """Where a change's way back is rehearsed; in production nothing is deleted."""
    for environment in load_foundation(name, PROJECT).environments:
        policy = only(plan_of(name), "iam/rolePolicy", f"{environment.name}-release")
        text, aws = policy.text("policy") or "", environment.aws
        there = f"arn:aws:rds:{aws.region}:{aws.account}:cluster:{environment.name}-database"
        copied = {"aws:ResourceTag/slipway:restored-from": f"{environment.name}-database"}
        asked = {
            "the database itself": Request(
                action="rds:DeleteDBCluster", resource=there, context=copied
            ),
            "made otherwise": Request(action="rds:DeleteDBCluster", resource=f"{there}-1"),
            "a copy": Request(action="rds:DeleteDBCluster", resource=f"{there}-1", context=copied),
        }
        allowed = {what for what, each in asked.items() if decision(text, each) == "Allow"}
        assert allowed == (set() if environment.tier is Tier.PRODUCTION else {"a copy"})
