"""The role that releases may read what its smoke tests need, and of that no more."""

from collections.abc import Callable

import pytest

from plan import Plan
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import only

HERE = "us-east-1:333333333333"


@pytest.mark.parametrize(
    ("action", "resource", "said"),
    [
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{HERE}:secret:slipway/production/smoke-Sl1pWy",
            "Allow",
        ),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{HERE}:secret:slipway/production/api/API_SIGNING_KEY-Sl1pWy",
            "Deny",
        ),
        (
            "logs:FilterLogEvents",
            f"arn:aws:logs:{HERE}:log-group:/slipway/production/api:log-stream:api/api/1",
            "Allow",
        ),
        (
            "logs:FilterLogEvents",
            f"arn:aws:logs:{HERE}:log-group:/slipway/production/tasks:log-stream:tasks/1",
            "Deny",
        ),
        ("rum:PutRumEvents", f"arn:aws:rum:{HERE}:appmonitor/production-frontend", "Allow"),
        ("rum:GetAppMonitorData", f"arn:aws:rum:{HERE}:appmonitor/production-frontend", "Allow"),
    ],
)
def test_what_the_role_may_read(
    plan_of: Callable[[str], Plan], action: str, resource: str, said: str
) -> None:
    """By its own policy and by its boundary."""
    plan = plan_of("foundation")
    policy = only(plan, "iam/rolePolicy", "production-release").text("policy") or ""
    boundary = only(plan, "iam/policy", "production-boundary").text("policy") or ""
    request = Request(
        action=action, resource=resource, context={"aws:RequestedRegion": "us-east-1"}
    )
    both = {decision(policy, request), decision(boundary, request)}
    assert ("Allow" if both == {"Allow"} else "Deny") == said
