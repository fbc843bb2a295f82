"""Roles hold what they use, by name; a wildcard stands only where AWS has no narrower form."""

from collections.abc import Callable
from itertools import product

import pytest

from plan import Plan
from plan.values import Unknown
from policies.nodes import Node, Subject
from tests.stacks.reading import ENVIRONMENTS, of_type, only

POLICY = "iam/rolePolicy"

# Resources with a wildcard, by the action that needs it.
DOCUMENTED = {
    "ecr:GetAuthorizationToken": ("*",),  # takes no resource at all
    # GuardDuty's image lies in another account of AWS in each region.
    **dict.fromkeys(
        ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        (":*:repository/aws-guardduty-agent-fargate",),
    ),
    # A stream's name ends in the task's id, or is the collector's own of the metrics' group.
    "logs:CreateLogStream": (":log-stream:", "/metrics:*"),
    "logs:DescribeLogStreams": ("/metrics:*",),
    "logs:PutLogEvents": (":log-stream:", "/metrics:*"),
    "secretsmanager:GetSecretValue": ("-??????",),  # six characters that AWS draws
    "aps:RemoteWrite": (":workspace/",),  # a workspace's id is drawn by AWS, too
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("service", ["api", "prover"])
def test_a_service_role_names_every_action_and_resource(
    plan_of: Callable[[str], Plan], environment: str, service: str
) -> None:
    """No action has a wildcard, and no resource has one beyond the documented."""
    policies = [one for one in known(plan_of(environment)) if one.name.startswith(f"{service}-")]
    assert policies
    for statement in (s for one in policies for s in one.document("policy").nodes("Statement")):
        for action in statement.texts("Action"):
            assert "*" not in action
            for resource in statement.texts("Resource"):
                if "*" in resource or "?" in resource:
                    forms = DOCUMENTED.get(action, ())
                    assert any(form in resource for form in forms), (action, resource)


def test_what_starts_a_task_reaches_its_own_things_alone(plan_of: Callable[[str], Plan]) -> None:
    """The execution role of one service opens neither the log, image nor secrets of another."""
    plan = plan_of("production")
    resources = {
        resource
        for statement in statements(plan, "api-execution")
        for resource in statement.texts("Resource")
    }
    account = "us-east-1:333333333333"
    assert resources == {
        "*",
        f"arn:aws:logs:{account}:log-group:/slipway/production/api:log-stream:api/*",
        *(
            f"arn:aws:ssm:{account}:parameter/slipway/production/{place}"
            for place in ("cache/endpoint", "database/endpoint", "prometheus/remote-write")
        ),
        f"arn:aws:ecr:{account}:repository/slipway/collector",
        "arn:aws:ecr:us-east-1:*:repository/aws-guardduty-agent-fargate",
        f"arn:aws:ecr:{account}:repository/slipway/api",
        f"arn:aws:secretsmanager:{account}:secret:/slipway/production/api/API_SIGNING_KEY-??????",
    }


def test_only_the_service_with_a_queue_may_use_one(plan_of: Callable[[str], Plan]) -> None:
    """The prover works on its own queue; the API has no right to any."""
    plan = plan_of("production")
    (statement,) = statements(plan, "prover-task-queue")
    assert statement.texts("Resource") == [
        "arn:aws:sqs:us-east-1:333333333333:production-prover-jobs"
    ]
    assert all(action.startswith("sqs:") for action in statement.texts("Action"))
    assert "api-task-queue" not in {one.name for one in of_type(plan, POLICY)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_this_account_can_have_a_role_assumed_for_it(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Each role of a service names ECS, and the account on whose behalf that may act."""
    for service, purpose in product(("api", "prover"), ("execution", "task")):
        role = only(plan_of(environment), "iam/role", f"{service}-{purpose}")
        (statement,) = role.document("assumeRolePolicy").nodes("Statement")
        assert statement.node("Principal").text("Service") == "ecs-tasks.amazonaws.com"
        assert statement.node("Condition").node("StringEquals").has("aws:SourceAccount"), role.name


def test_a_policy_that_waits_for_an_apply_waits_for_one_thing(
    plan_of: Callable[[str], Plan],
) -> None:
    """Keys and the database cluster have ids that nobody knows before: no other policy waits."""
    waiting = {
        one.name: {urn.rpartition("::")[2] for urn in one.resource.property_dependencies["policy"]}
        for one in of_type(plan_of("production"), POLICY)
        if isinstance(one.resource.inputs["policy"], Unknown)
        and one.name.startswith(("api-", "prover-"))
    }
    assert waiting == {
        "api-execution-key": {"data"},
        "api-task-key": {"data"},
        "api-task-database": {"database"},
        "prover-task-database": {"database"},
        "prover-task-key": {"data"},
    }


def known(plan: Plan) -> list[Subject]:
    """The role policies whose text is known before an apply."""
    found = of_type(plan, POLICY)
    return [one for one in found if not isinstance(one.resource.inputs["policy"], Unknown)]


def statements(plan: Plan, name: str) -> list[Node]:
    """The statements of one role policy."""
    return only(plan, POLICY, name).document("policy").nodes("Statement")
