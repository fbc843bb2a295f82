"""The registry: written by the pipeline alone, never over, scanned and signed."""

import json
from collections.abc import Callable

import pytest

from environments import load_foundation
from plan import Plan
from tests.conftest import PROJECT
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import FOUNDATIONS, of_type, only

PlanOf = Callable[[str], Plan]


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_an_image_is_pushed_by_the_pipeline_alone(name: str, plan_of: PlanOf) -> None:
    """Whatever the account's policies say: everybody in it may pull, one role may push (ART-05)."""
    account = load_foundation(name, PROJECT).aws.account
    policies = of_type(plan_of(name), "ecr/repositoryPolicy")
    assert policies
    for policy in policies:
        document = policy.text("policy") or ""

        def asked(action: str, role: str, document: str = document) -> str | None:
            context = {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/{role}"}
            return decision(document, Request(action=action, context=context))

        assert asked("ecr:BatchGetImage", "production-api-execution") == "Allow"
        assert asked("ecr:PutImage", "foundation/production-apply") == "Deny"
        assert asked("ecr:BatchDeleteImage", "foundation/break-glass") == "Deny"
        assert asked("ecr:PutImage", "foundation/publish") is None


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_there_is_a_repository_for_every_image_that_environments_run(
    name: str, plan_of: PlanOf
) -> None:
    """Each with tags that cannot move (ART-02), which its file lists."""
    listed = load_foundation(name, PROJECT).registry.repositories
    repositories = of_type(plan_of(name), "ecr/repository")
    assert {one.text("name") for one in repositories} == set(listed)
    assert {one.text("imageTagMutability") for one in repositories} == {"IMMUTABLE"}


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_images_that_a_rollback_may_need_are_kept(name: str, plan_of: PlanOf) -> None:
    """The oldest go by count; a signature has no tag and goes with its image, never before it."""
    foundation = load_foundation(name, PROJECT)
    for policy in of_type(plan_of(name), "ecr/lifecyclePolicy"):
        (rule,) = policy.document("policy").nodes("rules")
        selection = rule.node("selection")
        assert selection.text("tagStatus") == "tagged"
        assert selection.number("countNumber") == foundation.registry.images_kept


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_images_are_signed_with_a_profile_that_exists(name: str, plan_of: PlanOf) -> None:
    """Every image, by the profile that the publisher may sign with (ART-08)."""
    foundation, plan = load_foundation(name, PROJECT), plan_of(name)
    configurations = of_type(plan, "cloudcontrol/resource")
    assert bool(configurations) == foundation.must("ART-08")
    for configuration in configurations:
        (rule,) = json.loads(configuration.text("desiredState") or "")["Rules"]
        profile = only(plan, "signer/signingProfile")
        assert rule["SigningProfileArn"].endswith(f"/signing-profiles/{profile.text('name')}")
        publishes = only(plan, "iam/rolePolicy", "publish").text("policy") or ""
        signs = Request(action="signer:SignPayload", resource=rule["SigningProfileArn"])
        assert decision(publishes, signs) == "Allow"
