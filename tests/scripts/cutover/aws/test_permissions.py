"""What cutovers call, what they ask for beforehand, and what the role that releases may do."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from json import loads
from typing import Final

import pytest

from plan import Plan
from scripts.cutover.aws.permissions import Need, balanced_needs
from scripts.cutover.aws.pointer import PointerSides
from scripts.cutover.aws.services import Services
from scripts.cutover.aws.sides import EcsSides
from tests.scripts.cutover.aws.account import NEW, REGION, Account, apis
from tests.scripts.cutover.aws.cutovers import Operator, Seen, cutover
from tests.scripts.cutover.aws.faults import Faults
from tests.scripts.cutover.aws.test_pointer import NEW as NEW_PAGES
from tests.scripts.cutover.aws.test_pointer import Store, store
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import only

__all__ = ["store"]

UNASKED: Final = {"iam:SimulatePrincipalPolicy", "iam:GetRole", "sts:GetCallerIdentity"}
"""What is called to ask for the others; the last one needs no permission."""
CONTEXT: Final = {
    "application-autoscaling:service-namespace": "ecs",
    "aws:RequestedRegion": "us-east-1",
    "iam:PassedToService": "ecs-tasks.amazonaws.com",
}


def needs(account: Account) -> set[Need]:
    """What the sides of the account's service and frontend ask for."""
    made = Services(account.published, apis()).sides({"api": NEW, "frontend": NEW_PAGES})
    api, frontend = made["api"], made["frontend"]
    assert isinstance(api, EcsSides)
    assert isinstance(frontend, PointerSides)
    return {*balanced_needs(api), *frontend.needs()}


@pytest.fixture
def called(account: Account, store: Store) -> set[str]:
    """The permissions for every call of a whole cutover, a rollback, and the frontend's move."""
    faults = Faults()
    with faults.at_work():
        for errors in (0.3, 0.001):
            operator = Operator(account, cutover("api"), Seen(account, errors=errors))
            operator.until_it_ends()
        frontend = Services(account.published, apis()).sides({"frontend": NEW_PAGES})["frontend"]
        assert not frontend.refusals()
        frontend.set_weight(100)
        assert frontend.weight() == 100
    assert store.keys
    # A call that lists a bucket has the bucket's permission.
    return {each.replace("s3:ListObjectsV2", "s3:ListBucket") for each in faults.calls}


def test_what_is_called_is_asked_for_and_no_more_is_allowed(
    account: Account, called: set[str], plan_of: Callable[[str], Plan]
) -> None:
    """Tags and roles go with a revision; the journal, the watch and the cluster are others'."""
    asked = {need.action for need in needs(account)}
    assert called - UNASKED - asked == set()
    assert asked - called == {"ecs:TagResource", "iam:PassRole"}
    policy = only(plan_of("foundation"), "iam/rolePolicy", "production-release").text("policy")
    allowed = set(_actions(policy or ""))
    smoke = ("logs:FilterLogEvents", "rum:*", "secretsmanager:GetSecretValue")
    database = ("ecs:RunTask", "logs:GetLogEvents", "rds:*")
    others = (*database, "aps:*", "cloudwatch:*", "dynamodb:*", "eks:*", "ssm:GetParameter", *smoke)
    others = (*others, "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey")
    mine = {each for each in allowed if not any(fnmatchcase(each, one) for one in others)}
    assert mine - called - UNASKED == {"ecs:TagResource", "iam:PassRole"}


def test_the_role_that_releases_may_do_all_of_it(
    account: Account, store: Store, plan_of: Callable[[str], Plan]
) -> None:
    """By its own policy and by its boundary, on the resources that are called."""
    assert store.keys
    plan = plan_of("foundation")
    policy = only(plan, "iam/rolePolicy", "production-release").text("policy") or ""
    boundary = only(plan, "iam/policy", "production-boundary").text("policy") or ""
    for need in needs(account):
        request = Request(action=need.action, resource=_there(need.resource), context=dict(CONTEXT))
        assert decision(policy, request) == "Allow", need
        assert decision(boundary, request) == "Allow", need


def test_the_role_that_releases_may_tell_people_and_no_other_topic(
    plan_of: Callable[[str], Plan],
) -> None:
    """The topics that the stack publishes, through the key that encrypts them."""
    plan = plan_of("foundation")
    policy = only(plan, "iam/rolePolicy", "production-release").text("policy") or ""
    boundary = only(plan, "iam/policy", "production-boundary").text("policy") or ""
    account = "arn:aws:{}:us-east-1:333333333333:{}"
    told = [
        Request(action="sns:Publish", resource=account.format("sns", f"production-{topic}"))
        for topic in ("critical", "warning", "info")
    ]
    through = {
        "aws:RequestedRegion": "us-east-1",
        "kms:ViaService": "sns.us-east-1.amazonaws.com",
        "kms:ResourceAliases": "alias/production-topics",
    }
    key = account.format("kms", "key/1")
    told += [
        Request(action=action, resource=key, context=through)
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
    ]
    for request in told:
        asked = replace(request, context={**CONTEXT, **request.context})
        assert decision(policy, asked) == decision(boundary, asked) == "Allow", request
    others = {**through, "kms:ResourceAliases": "alias/production-data"}
    assert decision(policy, Request(action="kms:Decrypt", resource=key, context=others)) is None
    other = account.format("sns", "production-heartbeat")
    assert decision(policy, Request(action="sns:Publish", resource=other)) is None


def _there(resource: str) -> str:
    """The ARN that the same resource has in the account of production's example."""
    names = {
        "123456789012": "333333333333",
        REGION: "us-east-1",
        "service/production/": "service/production-services/",
        "task/production/": "task/production-services/",
        "listener-rule/app/edge/": "listener-rule/app/production-edge/",
        "s3:::production-frontend": "s3:::production-frontend-333333333333",
    }
    for here, there in names.items():
        resource = resource.replace(here, there)
    return resource


def _actions(policy: str) -> Iterable[str]:
    for statement in loads(policy)["Statement"]:
        yield from statement["Action"]
