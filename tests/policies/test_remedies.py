"""The remedies: they make right what their rule refuses, and touch nothing else."""

from dataclasses import replace
from typing import cast

import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2

from plan.graph import Graph
from plan.model import Plan, Resource
from plan.values import UNKNOWN
from policies.examples import plan_of
from policies.judgement import judge
from policies.nodes import Subject
from policies.properties import decoded
from policies.registry import AnyRule, Given, rules
from policies.remediation import with_input
from policies.rules.stack import RequiredTags
from policies.settings import Settings
from tests.policies.protocol import (
    CANARY,
    Stub,
    configure,
    described,
    level_of,
    pack_of,
    secret,
)

REMEDIED = [rule for rule in rules().values() if rule.remedy]
TAGS = dict.fromkeys(("Environment", "Owner", "Service", "ManagedBy", "DataClass"), "told")
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

by_rule = pytest.mark.parametrize("rule", REMEDIED, ids=lambda rule: rule.id)


def _settings(rule: AnyRule) -> Settings:
    return (
        RequiredTags.model_validate({"values": TAGS})
        if rule.id == "required-tags"
        else (rule.settings())
    )


def _remedied(rule: AnyRule, plan: Plan) -> Plan:
    """`plan` with the remedy applied to each of its resources."""
    graph = Graph(plan)
    settings = _settings(rule)
    return replace(
        plan,
        resources=tuple(
            replace(resource, inputs=rule.remedy_for(Subject(resource), settings, graph))
            for resource in plan.resources
        ),
    )


def _fails(rule: AnyRule, plan: Plan) -> bool:
    judgement = judge(plan, [rule], _settings(rule))
    return bool(judgement.findings or judgement.errors)


def test_what_is_safe_and_expected_has_a_remedy() -> None:
    """Tags, log retention, the TLS policy, metadata tokens, public-access blocks, headers."""
    assert {
        "alb-drop-invalid-headers",
        "audit-log-retention",
        "ec2-imdsv2",
        "lb-tls-policy",
        "log-retention",
        "required-tags",
        "s3-account-block",
        "s3-block-public-access",
    } <= {rule.id for rule in REMEDIED}


@by_rule
def test_what_a_remedy_changes_passes_afterwards(rule: AnyRule) -> None:
    """It changes one failing example at least; what it cannot make right it leaves alone."""
    changed = 0
    for example in rule.failing:
        plan = plan_of(example)
        remedied = _remedied(rule, plan)
        if remedied != plan:
            changed += 1
            assert not _fails(rule, remedied)
            assert _remedied(rule, remedied) == remedied
    assert changed


@by_rule
def test_what_passes_is_left_alone(rule: AnyRule) -> None:
    """No resource of a passing example is another one afterwards."""
    for example in rule.passing:
        plan = plan_of(example)
        assert _remedied(rule, plan) == plan


@by_rule
def test_what_was_given_is_not_changed_in_place(rule: AnyRule) -> None:
    """The engine's inputs stay the engine's."""
    for example in (*rule.failing, *rule.passing):
        plan = plan_of(example)
        before = repr(plan)
        _remedied(rule, plan)
        assert repr(plan) == before


@pytest.mark.parametrize("rule", [rule for rule in rules().values() if not rule.remedy][:1])
def test_a_rule_without_a_remedy_changes_nothing(rule: AnyRule) -> None:
    """Most rules have none: what is right needs somebody to decide it."""
    for example in rule.failing:
        plan = plan_of(example)
        assert _remedied(rule, plan) == plan


def test_an_input_is_set_along_its_path() -> None:
    """Absent objects are made, lists keep their other items."""
    inputs = {"a": [{"b": 1, "c": 2}], "d": "text"}
    assert with_input(inputs, ("a", 0, "b"), 3) == {"a": [{"b": 3, "c": 2}], "d": "text"}
    assert with_input(inputs, ("e", "f"), 1) == {**inputs, "e": {"f": 1}}
    assert inputs == {"a": [{"b": 1, "c": 2}], "d": "text"}


def _remediate(pack: Stub, resource: Resource) -> list[analyzer_pb2.Remediation]:
    request = analyzer_pb2.AnalyzeRequest(**described(resource, {}))
    return list(pack.Remediate(request).remediations)


def _remediating(*identifiers: str) -> Stub:
    pack = pack_of()
    configure(pack, {identifier: {} for identifier in identifiers}, level=analyzer_pb2.REMEDIATE)
    return pack


def test_nothing_is_remedied_unless_somebody_asks() -> None:
    """By default a rule says what is wrong, and changes nothing."""
    (group,) = plan_of((Given(LOG_GROUP, "api", {}),)).resources
    assert not _remediate(pack_of(), group)
    (only,) = _remediate(_remediating("log-retention"), group)
    assert only.policyName == "log-retention"
    assert decoded(only.properties) == {"retentionInDays": 30}


def test_what_stands_beside_a_remedy_reaches_the_provider_whole() -> None:
    """A secret stays a secret with its text, an unknown unknown."""
    template = Given(
        TEMPLATE, "workers", {"metadataOptions": [{"httpEndpoint": UNKNOWN}], "imageId": UNKNOWN}
    )
    (resource,) = plan_of((template,)).resources
    request = analyzer_pb2.AnalyzeRequest(**described(resource, {}))
    request.properties.update({"userData": cast("struct_pb2.Struct", secret(CANARY))})
    pack = _remediating("ec2-imds-hop-limit", "ec2-imdsv2")
    known = json_format.MessageToDict(request.properties)
    known["metadataOptions"] = [{"httpEndpoint": "enabled", "httpPutResponseHopLimit": 64}]
    request.properties.update(known)
    tokens_after_hops = list(pack.Remediate(request).remediations)
    assert [each.policyName for each in tokens_after_hops] == ["ec2-imds-hop-limit", "ec2-imdsv2"]
    assert json_format.MessageToDict(tokens_after_hops[-1].properties) == {
        **known,
        "metadataOptions": [
            {"httpEndpoint": "enabled", "httpPutResponseHopLimit": 1, "httpTokens": "required"}
        ],
    }


def test_a_remedy_that_cannot_be_found_yet_says_so() -> None:
    """The update goes on; the rule itself still judges the resource."""
    block = Given("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "closed")
    (resource,) = plan_of((replace(block, inputs={"blockPublicAcls": UNKNOWN}),)).resources
    (only,) = _remediate(_remediating("s3-block-public-access"), resource)
    assert not only.HasField("properties")
    assert only.diagnostic == "closed: not remedied: blockPublicAcls is known after apply"


def test_a_violation_left_over_by_a_remedy_stops_the_update() -> None:
    """Level `remediate` is no weaker than `mandatory`."""
    pack = _remediating("log-retention")
    (group,) = plan_of((Given(LOG_GROUP, "api", {"tags": {"LogClass": "misc"}}),)).resources
    assert not _remediate(pack, group)
    response = pack.Analyze(analyzer_pb2.AnalyzeRequest(**described(group, {})))
    (found,) = [each for each in response.diagnostics if each.policyName == "log-retention"]
    assert level_of(found) == "mandatory"


def test_the_tags_of_the_provider_are_not_overridden() -> None:
    """A remedy gives only what is missing, and only what it was told."""
    pack = pack_of()
    configure(
        pack,
        {"required-tags": {"values": {"Owner": "platform", "Service": "api"}}},
        level=analyzer_pb2.REMEDIATE,
    )
    provider = Given("pulumi:providers:aws", "aws", {"defaultTags": {"tags": {"Owner": "us"}}})
    plan = plan_of((provider, Given(BALANCER, "edge", {"tags": {"a": "b"}}, provider="aws")))
    told = described(plan.resources[1], {each.urn: each for each in plan.resources})
    response = pack.Remediate(analyzer_pb2.AnalyzeRequest(**told))
    (only,) = response.remediations
    assert decoded(only.properties) == {"tags": {"a": "b", "Service": "api"}}
