"""The policy pack as the engine runs it: its own process, spoken to over gRPC."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias, cast

import grpc
import jsonschema
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import (
    UNKNOWN_BOOLEAN_VALUE,
    UNKNOWN_STRING_VALUE,
    UnknownValueError,
    unknown_checking_proxy,
)

from plan.graph import Graph
from plan.model import Plan, Resource
from plan.values import UNKNOWN, Unknown, Value
from policies.crossguard import policies, tier_of
from policies.examples import PROJECT, STACK, plan_of, urn
from policies.judgement import judge
from policies.nodes import Subject
from policies.outcomes import NotEvaluated, Outcome
from policies.registry import Example, Given, Ref, rules
from policies.settings import Settings
from standards import Tier

PACK = Path(__file__).parents[2] / "policies"
CLUSTER = "aws:rds/cluster:Cluster"
VPC = "aws:ec2/vpc:Vpc"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

Stub: TypeAlias = Any
"""A client of the pack; gRPC's stubs for it are not typed."""
Diagnostic: TypeAlias = Any


@contextmanager
def serving(folder: Path = PACK, tier: Tier = Tier.PRODUCTION) -> Generator[Stub, None, None]:
    """The pack in `folder`, started as the engine starts it."""
    process = _start(folder, tier)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        port = process.stdout.readline().strip()
        assert port.isdigit(), process.stderr.read()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.communicate()


def _start(folder: Path, tier: Tier) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PULUMI_PROJECT": PROJECT,
        "PULUMI_STACK": STACK,
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": json.dumps({"slipway:tier": tier.value}),
    }
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)]
    return subprocess.Popen(  # noqa: S603 - the pack, as the engine starts it
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def pack() -> Iterator[Stub]:
    """This project's pack in an environment of production."""
    with serving() as stub:
        yield stub


@pytest.fixture(scope="module")
def every_example() -> Plan:
    """One stack that holds every example of every rule, and what is not known yet."""
    examples = [example for rule in rules().values() for example in (*rule.passing, *rule.failing)]
    examples.append((Given(CLUSTER, "unknown", {"storageEncrypted": UNKNOWN}),))
    examples.append(
        (Given(VPC, "vpc"), Given("aws:ec2/flowLog:FlowLog", "log", {"vpcId": UNKNOWN}))
    )
    together = [
        given for index, example in enumerate(examples) for given in _renamed(example, f"e{index}-")
    ]
    return plan_of(tuple(together))


def test_the_pack_says_the_same_as_the_rules_in_process(pack: Stub, every_example: Plan) -> None:
    """Findings, and what could not be evaluated, do not depend on who runs the rules."""
    diagnostics = _diagnostics(pack, every_example)
    settings = {identifier: rule.settings() for identifier, rule in rules().items()}
    judgement = judge(every_example, rules().values(), settings)
    assert not judgement.errors
    expected = {
        (finding.rule.id, finding.resource.urn, finding.level.value, finding.violation.message)
        for finding in judgement.findings
    }
    found = {
        (each.policyName, each.urn, _level(each), text)
        for each in diagnostics
        if "can't run policy" not in each.message
        for text in [finding[3] for finding in expected if finding[3] in each.message]
        if (each.policyName, each.urn, _level(each), text) in expected
    }
    assert found == expected
    assert len([each for each in diagnostics if "can't run" not in each.message]) == len(
        judgement.findings
    )
    undecided = {(doubt.rule.id, doubt.reason) for doubt in judgement.not_evaluated}
    assert undecided
    unrun = [each for each in diagnostics if "can't run policy" in each.message]
    assert {each.policyName for each in unrun} == {rule for rule, _ in undecided}
    for rule, reason in undecided:
        assert any(each.policyName == rule and reason in each.message for each in unrun)
    assert {_level(each) for each in unrun} == {"advisory"}


def test_a_violation_is_not_hidden_behind_an_unknown(pack: Stub) -> None:
    """A mandatory rule stays mandatory for what is known."""
    group = Given(
        "aws:ec2/securityGroup:SecurityGroup",
        "open",
        {
            "ingress": [
                {"protocol": UNKNOWN, "cidrBlocks": [UNKNOWN]},
                {"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]},
            ]
        },
    )
    found = {each.policyName: each for each in _diagnostics(pack, plan_of((group,)))}
    assert _level(found["sg-no-world-ssh"]) == "mandatory"
    assert (
        "port 22 open to 0.0.0.0/0 (ingress[1].cidrBlocks[0])" in found["sg-no-world-ssh"].message
    )


def test_the_pack_describes_every_rule(pack: Stub) -> None:
    """The engine, and who browses the pack, see title, severity, ids, remediation and settings."""
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "slipway"
    described = {policy.name: policy for policy in info.policies}
    assert set(described) == set(rules())
    for identifier, rule in rules().items():
        policy = described[identifier]
        assert policy.description == rule.title
        assert policy.remediation_steps == rule.remediation
        assert set(rule.requirements) <= set(policy.tags)
        assert policy.framework.name
        assert policy.severity == analyzer_pb2.PolicySeverity.Value(
            f"POLICY_SEVERITY_{rule.severity.value.upper()}"
        )
        assert policy.policy_type == (
            analyzer_pb2.POLICY_TYPE_STACK if rule.relates else analyzer_pb2.POLICY_TYPE_RESOURCE
        )
    assert described["rds-encrypted"].url == "docs/policies/rds-encrypted.md"
    retention = described["log-retention"].configSchema.properties
    assert retention["audit"] == {
        "default": 365,
        "minimum": 365,
        "title": "Audit",
        "type": "integer",
    }
    assert "tier" not in retention


def test_every_default_is_of_the_type_that_its_schema_names(pack: Stub) -> None:
    """The engine validates each default, and refuses the whole pack for one that does not hold."""
    info = pack.GetAnalyzerInfo(empty_pb2.Empty())
    checked = 0
    for policy in info.policies:
        for key, schema in policy.configSchema.properties.items():
            wanted = cast("dict[str, Any]", json_format.MessageToDict(schema))
            assert "default" in wanted, f"{policy.name}.{key}"
            jsonschema.validate(wanted["default"], wanted)
            checked += 1
    assert checked


def test_a_configuration_reaches_the_rule() -> None:
    """`--policy-pack-config` changes what a rule asks for."""
    audit = Given(LOG_GROUP, "audit", {"tags": {"LogClass": "audit"}, "retentionInDays": 365})
    with serving() as pack:
        before = _diagnostics(pack, plan_of((audit,)))
        _configure(pack, {"log-retention": {"audit": 400}})
        after = _diagnostics(pack, plan_of((audit,)))
        assert "log-retention" not in {each.policyName for each in before}
        (found,) = [each for each in after if each.policyName == "log-retention"]
        assert "365 days, fewer than 400" in found.message
        _configure(pack, {"log-retention": {"audit": 30}})
        with pytest.raises(grpc.RpcError, match="greater than or equal to 365"):
            _diagnostics(pack, plan_of((audit,)))


def test_a_waived_violation_is_not_reported(tmp_path: Path) -> None:
    """An expired waiver is said beside the violation that it no longer covers."""
    today = datetime.now(UTC).date()
    waived, late = urn(CLUSTER, "waived"), urn(CLUSTER, "late")
    folder = _pack(tmp_path, [(waived, today), (late, today - timedelta(days=1))])
    plan = plan_of((Given(CLUSTER, "waived"), Given(CLUSTER, "late")))
    with serving(folder) as pack:
        found = [each for each in _diagnostics(pack, plan) if each.policyName == "rds-encrypted"]
    (violation,) = found
    assert violation.urn == late
    assert "storage is not encrypted" in violation.message
    assert f"expired on {today - timedelta(days=1)}" in violation.message


def test_a_broken_file_of_waivers_stops_the_pack(tmp_path: Path) -> None:
    """The engine gets no port, so nothing is deployed, and the reason is on stderr."""
    folder = _pack(tmp_path, [])
    (folder / "waivers.yaml").write_text("- rule: '*'\n")
    process = _start(folder, Tier.PRODUCTION)
    out, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert not out
    assert "there is no rule '*'" in error


def test_levels_follow_the_tier() -> None:
    """What stops production advises development, unless the standard names that, too."""
    levels = {
        tier: {
            policy.name: policy.enforcement_level
            for policy in policies(rules().values(), tier, (), date.max)
        }
        for tier in (Tier.DEVELOPMENT, Tier.PRODUCTION)
    }
    assert levels[Tier.PRODUCTION]["rds-multi-az"] is EnforcementLevel.MANDATORY
    assert levels[Tier.DEVELOPMENT]["rds-multi-az"] is EnforcementLevel.ADVISORY
    assert levels[Tier.DEVELOPMENT]["rds-encrypted"] is EnforcementLevel.MANDATORY


def test_a_rule_that_does_not_concern_a_resource_says_so(pack: Stub) -> None:
    """The engine tells what did not apply from what passed."""
    key = Given("aws:kms/key:Key", "signing", {"customerMasterKeySpec": "RSA_2048"})
    (resource,) = plan_of((key,)).resources
    response = pack.Analyze(analyzer_pb2.AnalyzeRequest(**_described(resource, {})))
    reasons = {each.policy_name: each.reason for each in response.not_applicable}
    assert reasons == {"kms-rotation": "does not concern signing"}


def test_a_rule_that_raises_is_a_violation_under_the_engine() -> None:
    """An exception would hide what the other rules say of the resource, and stop nothing."""

    def defect(_: Subject, __: Settings, ___: Graph) -> Outcome:
        message = "no such thing"
        raise LookupError(message)

    broken = replace(rules()["rds-encrypted"], check=defect)
    (policy,) = policies([broken], Tier.PRODUCTION, (), date.max)
    assert isinstance(policy, ResourceValidationPolicy)
    reported: list[tuple[str, str | None]] = []

    def report(message: str, urn: str | None = None) -> None:
        reported.append((message, urn))

    for type_ in (CLUSTER, VPC):
        _validate(policy, _arguments(type_, {"storageEncrypted": True}), report)
    assert reported == [
        (
            "x: the rule failed, which is a defect of it: LookupError: no such thing",
            urn(CLUSTER, "x"),
        )
    ]


def test_what_is_not_known_reaches_the_rule_as_unknown() -> None:
    """The SDK's proxies would raise on the first touch of one; whole numbers stay whole."""
    seen: list[Value] = []

    def look(subject: Subject, _: Settings, __: Graph) -> Outcome:
        seen.append(subject.raw)
        return NotEvaluated("later")

    looking = replace(rules()["rds-encrypted"], check=look)
    (policy,) = policies([looking], Tier.PRODUCTION, (), date.max)
    assert isinstance(policy, ResourceValidationPolicy)
    inputs = {"a": [UNKNOWN_STRING_VALUE, {"b": UNKNOWN_BOOLEAN_VALUE}], "c": 5.0, "d": 0.5}
    with pytest.raises(UnknownValueError) as caught:
        _validate(policy, _arguments(CLUSTER, inputs), lambda _, __=None: None)
    assert caught.value.message == "x: later"  # pyright: ignore[reportUnknownMemberType] - not typed
    assert seen == [{"a": [UNKNOWN, {"b": UNKNOWN}], "c": 5, "d": 0.5}]


def test_a_provider_that_the_engine_only_tells_beside_its_resources_is_found() -> None:
    """Its default tags count for what it makes."""
    (policy,) = policies([rules()["data-class"]], Tier.PRODUCTION, (), date.max)
    assert isinstance(policy, StackValidationPolicy)
    provider = PolicyProviderResource(
        "pulumi:providers:aws",
        unknown_checking_proxy({"defaultTags": {"tags": {"DataClass": "real"}}}),
        urn("pulumi:providers:aws", "aws"),
        "aws",
    )
    reported: list[str | None] = []
    for provided in (provider, None):
        resource = PolicyResource(
            CLUSTER,
            unknown_checking_proxy({}),
            urn(CLUSTER, "database"),
            "database",
            _options(),
            provided,
            None,
            [],
            {},
        )
        _validate(policy, StackValidationArgs([resource]), lambda _, urn=None: reported.append(urn))
    assert reported == [urn(CLUSTER, "database")]


@pytest.mark.parametrize(
    ("configuration", "tier"),
    [
        ('{"slipway:tier": "staging"}', Tier.STAGING),
        ('{"slipway:tier": "playground"}', Tier.PRODUCTION),
        ('{"other:tier": "staging"}', Tier.PRODUCTION),
        ("[]", Tier.PRODUCTION),
        ("", Tier.PRODUCTION),
        ("{", Tier.PRODUCTION),
    ],
)
def test_a_stack_that_does_not_say_its_tier_is_judged_as_production(
    configuration: str, tier: Tier
) -> None:
    """Silence is never lenient."""
    assert tier_of(configuration) is tier


def test_no_module_of_the_pack_shadows_the_standard_library() -> None:
    """The engine runs Python in the pack's folder, where a `secrets.py` would replace `secrets`."""
    modules = {path.stem for path in PACK.glob("*.py")} | {
        path.name for path in PACK.iterdir() if path.is_dir()
    }
    assert not modules - {"__init__", "__main__"} & set(sys.stdlib_module_names)


def _pack(folder: Path, waivers: Sequence[tuple[str, date]]) -> Path:
    """A pack with other waivers than the project's own."""
    for name in ("__main__.py", "PulumiPolicy.yaml"):
        shutil.copy(PACK / name, folder)
    entries = [
        {
            "rule": "rds-encrypted",
            "resource": resource,
            "reason": "Restored encrypted next week.",
            "owner": "ada@example.com",
            "approver": "grace@example.com",
            "expires": "DAY",
        }
        for resource, _ in waivers
    ]
    text = json.dumps(entries)
    for _, expires in waivers:
        text = text.replace('"DAY"', expires.isoformat(), 1)
    (folder / "waivers.yaml").write_text(text)
    return folder


def _configure(pack: Stub, configuration: Mapping[str, Mapping[str, Any]]) -> None:
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for rule, told in configuration.items():
        request.policyConfig[rule].enforcementLevel = analyzer_pb2.MANDATORY
        request.policyConfig[rule].properties.update(dict(told))
    pack.Configure(request)


def _diagnostics(pack: Stub, plan: Plan) -> list[Diagnostic]:
    """What the pack says of each resource of `plan`, and then of all together."""
    resources = plan.resources
    by_urn = {resource.urn: resource for resource in plan.resources}
    found: list[Diagnostic] = []
    for resource in resources:
        request = analyzer_pb2.AnalyzeRequest(**_described(resource, by_urn))
        for diagnostic in pack.Analyze(request).diagnostics:
            diagnostic.urn = resource.urn  # as the engine does
            found.append(diagnostic)
    stack = analyzer_pb2.AnalyzeStackRequest()
    for resource in resources:
        entry = analyzer_pb2.AnalyzerResource(
            **_described(resource, by_urn),
            parent=resource.parent or "",
            dependencies=resource.dependencies,
        )
        for key, urns in resource.property_dependencies.items():
            entry.propertyDependencies[key].urns.extend(urns)
        stack.resources.append(entry)
    return found + list(pack.AnalyzeStack(stack).diagnostics)


def _described(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    """What the engine tells of a resource in both calls."""
    provider = by_urn.get(resource.provider or "")
    described: dict[str, Any] = {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "properties": _struct(resource.inputs),
        "options": analyzer_pb2.AnalyzerResourceOptions(
            protect=resource.options.protect, ignoreChanges=resource.options.ignore_changes
        ),
    }
    if provider is not None:
        described["provider"] = analyzer_pb2.AnalyzerProviderResource(
            urn=provider.urn,
            type=provider.type,
            name=provider.name,
            properties=_struct(provider.inputs),
        )
    return described


def _struct(inputs: Mapping[str, Value]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(cast("dict[str, Any]", _wire(inputs)))
    return struct


def _wire(value: Value) -> object:
    """A value as the engine sends it."""
    if isinstance(value, Unknown):
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_wire(item) for item in value]
    return value if isinstance(value, bool | int | float | str | None) else "hunter2"


def _renamed(example: Example, prefix: str) -> list[Given]:
    """The resources of an example under names that no other example has."""

    def renamed(value: object) -> object:
        if isinstance(value, Ref):
            return Ref(prefix + value.name)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            return {key: renamed(item) for key, item in items}
        if isinstance(value, list | tuple):
            return [renamed(item) for item in cast("Sequence[object]", value)]
        return value

    return [
        replace(
            given,
            name=prefix + given.name,
            provider=prefix + given.provider if given.provider else None,
            inputs=cast("Mapping[str, object]", renamed(given.inputs)),
        )
        for given in example
    ]


def _validate(policy: Any, arguments: object, report: ReportViolation) -> None:  # noqa: ANN401 - the SDK does not type what it returns
    """Run a policy as the SDK does."""
    policy.validate(arguments, report)


def _arguments(type_: str, inputs: dict[str, Any]) -> ResourceValidationArgs:
    """What the SDK hands to a resource policy."""
    props = unknown_checking_proxy(inputs)
    return ResourceValidationArgs(type_, props, urn(type_, "x"), "x", _options(), None)


def _options() -> PolicyResourceOptions:
    timeouts = PolicyCustomTimeouts(0, 0, 0)
    return PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=timeouts,
        additional_secret_outputs=[],
    )


def _level(diagnostic: Diagnostic) -> str:
    return analyzer_pb2.EnforcementLevel.Name(diagnostic.enforcementLevel).lower()
