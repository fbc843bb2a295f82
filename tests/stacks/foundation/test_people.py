"""People: which groups an environment admits, and the way in for emergencies."""

from collections.abc import Callable

import pytest

from environments import load_foundation
from plan import Graph, Plan
from policies.nodes import Subject
from standards import Tier
from tests.conftest import PROJECT
from tests.stacks.reading import FOUNDATIONS, of_type, only

PlanOf = Callable[[str], Plan]

_GROUPS = {
    Tier.DEVELOPMENT: {"developers"},
    Tier.INTEGRATION: {"developers", "qa"},
    Tier.STAGING: {"qa", "operations"},
    Tier.PRODUCTION: {"slipway-production"},
}


def trusted(role: Subject) -> Subject | None:
    """The role, where people take it on."""
    (trust,) = role.document("assumeRolePolicy").nodes("Statement")
    return role if trust.node("Principal").has("AWS") else None


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_an_environment_admits_the_groups_of_its_tier(name: str, plan_of: PlanOf) -> None:
    """And nobody else: each by the role that single sign-on gives it (ENV-03)."""
    for environment in load_foundation(name, PROJECT).environments:
        role = only(plan_of(name), "iam/role", f"{environment.name}-access")
        (trust,) = role.document("assumeRolePolicy").nodes("Statement")
        principals = trust.node("Principal").texts("AWS")
        assert {one.rpartition("/")[2] for one in principals} == _GROUPS[environment.tier]
        assert role.number("maxSessionDuration") == 3600


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_people_enter_by_two_roles(name: str, plan_of: PlanOf) -> None:
    """One looks into the environment, the other is for emergencies."""
    foundation = load_foundation(name, PROJECT)
    roles = [one.name for one in of_type(plan_of(name), "iam/role") if trusted(one)]
    expected = [f"{one.name}-access" for one in foundation.environments]
    assert sorted(roles) == sorted([*expected, "break-glass"])


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_glass_is_broken_by_those_named_with_a_second_factor(name: str, plan_of: PlanOf) -> None:
    """And whoever does it finds the roles and the record bounded all the same."""
    role = only(plan_of(name), "iam/role", "break-glass")
    (trust,) = role.document("assumeRolePolicy").nodes("Statement")
    foundation = load_foundation(name, PROJECT)
    assert trust.node("Principal").texts("AWS") == list(foundation.break_glass)
    factor = trust.node("Condition").node("Bool").text("aws:MultiFactorAuthPresent")
    assert factor == "true"
    (boundary,) = Graph(plan_of(name)).references(role.resource, "permissionsBoundary")
    assert boundary.name == "account-boundary"


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_the_program_is_signed_for_by_its_deployer_alone(name: str, plan_of: PlanOf) -> None:
    """With a key of Solana's kind, whose private half nobody has; its use is all the role has."""
    plan = plan_of(name)
    for environment in load_foundation(name, PROJECT).environments:
        purpose = f"{environment.name}-program"
        if not environment.must("SEC-12"):
            assert not [one for one in of_type(plan, "kms/key") if one.name == purpose]
            continue
        key = only(plan, "kms/key", purpose)
        assert key.text("customerMasterKeySpec") == "ECC_NIST_EDWARDS25519"
        assert key.text("keyUsage") == "SIGN_VERIFY"
        statements = {one.text("Sid"): one for one in key.document("policy").nodes("Statement")}
        assert set(statements) == {"Administration", "Signs"}
        principals = statements["Signs"].node("Principal").texts("AWS")
        assert [one.rpartition("/")[2] for one in principals] == [purpose]
        assert not [one for one in of_type(plan, "iam/rolePolicy") if one.name == purpose]
        attached = of_type(plan, "iam/rolePolicyAttachment")
        assert not [one for one in attached if one.name.startswith(purpose)]
