"""What the pack tells the engine of its rules: the same as their pages, in the protocol's words."""

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2 as protocol

from plan.graph import Graph
from policies.description import described, severity
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome
from policies.registry import AnyRule, Controls, rule, rules
from policies.settings import Settings, Severity
from standards import Tier

BUCKET = "aws:s3/bucket:Bucket"


class Days(Settings):
    """What the example is told."""

    days: int = 30
    """How many there are."""


@rule(
    types=[BUCKET],
    severity=Severity.MEDIUM,
    requirements=["BAK-01"],
    controls=Controls(fsbp=("S3.1", "S3.2"), cis=("2.1",), checkov=("CKV_AWS_1",)),
    settings=Days,
    remediation="Do this.",
    passing=[],
    failing=[],
)
def told(bucket: Subject, settings: Days) -> Outcome:
    """A bucket has days.

    They count.
    """
    assert bucket.type == BUCKET
    assert settings.days
    return PASS


@rule(
    types=[BUCKET],
    severity=Severity.CRITICAL,
    requirements=["BAK-01", "LOG-05"],
    remediation="Do that.",
    passing=[],
    failing=[],
)
def related(_: Subject, _settings: Settings, _graph: Graph) -> Outcome:
    """A bucket is among others."""
    return PASS


def policy_of(rule: AnyRule, tier: Tier = Tier.PRODUCTION) -> protocol.PolicyInfo:
    """What the engine is told of one rule."""
    _, policy = described([rule], tier, "1.2.3").policies
    return policy


def test_the_pack_has_a_name_a_version_and_settings_of_its_own() -> None:
    """The engine takes settings for a policy alone, so the pack has one that judges nothing."""
    pack = described(rules().values(), Tier.PRODUCTION, "1.2.3")
    assert (pack.name, pack.displayName, pack.version) == ("slipway", "Slipway", "1.2.3")
    assert pack.supportsConfig
    whole, *policies = pack.policies
    assert [policy.name for policy in policies] == list(rules())
    assert json_format.MessageToDict(whole) == {
        "name": "slipway",
        "displayName": "Settings of the whole pack",
        "description": "Says which tier the stack is of and where its waivers are; judges nothing.",
        "policyType": "POLICY_TYPE_RESOURCE",
        "configSchema": {
            "properties": {
                "tier": {
                    "type": "string",
                    "title": "Tier",
                    "enum": ["development", "integration", "staging", "production"],
                },
                "waivers": {"type": "string", "title": "Waivers"},
            }
        },
    }
    assert whole.enforcementLevel == protocol.ADVISORY


def test_a_rule_is_told_with_all_that_it_carries() -> None:
    """Title, severity, remediation, the ids that it serves, its settings, and its page."""
    policy = policy_of(told)
    assert (policy.name, policy.displayName) == ("told", "A bucket has days")
    assert policy.description == "A bucket has days."
    assert policy.severity == protocol.POLICY_SEVERITY_MEDIUM
    assert policy.policy_type == protocol.POLICY_TYPE_RESOURCE
    assert policy.remediation_steps == "Do this."
    assert policy.url == "docs/policies/told.md"
    assert list(policy.tags) == ["BAK-01", "S3.1", "S3.2", "2.1", "CKV_AWS_1"]
    assert list(policy.configSchema.properties) == ["days"]
    assert policy.framework.name == "AWS Foundational Security Best Practices"
    assert (policy.framework.version, policy.framework.reference) == ("1.0.0", "S3.1, S3.2")


def test_a_rule_without_published_ids_serves_the_written_requirements() -> None:
    """One that relates resources is judged on the whole stack, and needs no settings."""
    policy = policy_of(related)
    assert policy.policy_type == protocol.POLICY_TYPE_STACK
    assert not policy.HasField("configSchema")
    assert (policy.framework.name, policy.framework.version) == ("slipway", "")
    assert policy.framework.reference == "BAK-01, LOG-05"
    assert severity(related) == protocol.POLICY_SEVERITY_CRITICAL


def test_the_level_is_that_of_the_tier() -> None:
    """The engine is told what a violation does in this stack."""
    assert policy_of(told, Tier.PRODUCTION).enforcementLevel == protocol.MANDATORY
    assert policy_of(told, Tier.DEVELOPMENT).enforcementLevel == protocol.ADVISORY
