"""A foundation as a whole: what holds of every resource, and what the rules say of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from environments import load_foundation
from plan import Plan
from preview.environment import evaluate_environment, read_waivers
from preview.verdict import reach_verdict
from tests.conftest import PROJECT
from tests.stacks.reading import FOUNDATIONS, managed, of_type, only

PlanOf = Callable[[str], Plan]

_STATEFUL = ("cloudtrail/trail", "cloudwatch/logGroup", "ecr/repository", "kms/key", "s3/bucket")


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_a_foundation_has_no_mandatory_finding_and_no_waiver(name: str, plan_of: PlanOf) -> None:
    """It is judged as the strictest of its environments, and everything of it can be judged."""
    today = datetime.now(UTC).date()
    verdict = reach_verdict(plan_of(name), title=name, tier=load_foundation(name, PROJECT).tier)
    verdict = verdict.with_waivers(read_waivers(PROJECT, today), today)
    stops = [
        f"{finding.rule.id} on {finding.resource.name}: {finding.violation.message}"
        for finding in verdict.judgement.findings
        if finding.stops
    ]
    assert (stops, verdict.judgement.errors, verdict.waivers) == ([], [], ())


def test_everything_of_a_foundation_can_be_judged_before_it_exists(plan_of: PlanOf) -> None:
    """Its policies are built from names known before the first apply."""
    judgement = reach_verdict(
        plan_of("foundation"), title="foundation", tier=load_foundation("foundation", PROJECT).tier
    ).judgement
    assert {one.resource.name for one in judgement.not_evaluated} <= {"state-copy-keys"}


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_what_holds_state_is_protected_where_data_matters(name: str, plan_of: PlanOf) -> None:
    """A key, a bucket, an image or the trail of production cannot go by mistake."""
    protected = {one.urn for one in managed(plan_of(name)) if one.options.protect}
    stateful = {one.urn for one in managed(plan_of(name)) if one.type.split(":")[1] in _STATEFUL}
    foundation = load_foundation(name, PROJECT)
    assert protected == (stateful if foundation.is_stateful_protected else set())


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_a_foundation_goes_to_its_account_alone(name: str, plan_of: PlanOf) -> None:
    """Credentials of another account are refused, and every resource says whose it is."""
    foundation = load_foundation(name, PROJECT)
    for one in plan_of(name).resources:
        if one.type == "pulumi:providers:aws":
            given = json.loads(str(one.inputs["defaultTags"]))["tags"]
            assert given["Owner"] == foundation.owner
            assert given["DataClass"] == foundation.data_class
            allowed = json.loads(str(one.inputs.get("allowedAccountIds", "null")))
            assert allowed == (None if foundation.aws.endpoint else [foundation.aws.account])


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_the_account_is_safe_by_default(name: str, plan_of: PlanOf) -> None:
    """Also for what somebody makes by hand; an emulator has no disks and images to set it for."""
    plan = plan_of(name)
    assert only(plan, "iam/accountPasswordPolicy").flag("requireSymbols")
    if load_foundation(name, PROJECT).aws.endpoint is None:
        block = only(plan, "s3/accountPublicAccessBlock").resource.inputs
        assert [value for key, value in block.items() if "ublic" in key] == [True] * 4
        assert only(plan, "ebs/encryptionByDefault").flag("enabled")
        assert only(plan, "ec2/instanceMetadataDefaults").text("httpTokens") == "required"
        assert of_type(plan, "accessanalyzer/analyzer")


def test_two_evaluations_declare_the_same(plan_of: PlanOf) -> None:
    """Nothing in it depends on the time, on chance or on the order of a set."""
    again = evaluate_environment(load_foundation("foundation", PROJECT), PROJECT)
    assert again.resources == plan_of("foundation").resources
