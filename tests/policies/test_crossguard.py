"""The policy pack as the engine runs it: its own process, spoken to over gRPC."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import grpc
import jsonschema
import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE

from plan.graph import Graph
from plan.model import Plan
from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET, Value
from policies.configuration import PACK as PACK_KEY
from policies.examples import plan_of, urn
from policies.judgement import judge
from policies.nodes import Subject
from policies.outcomes import NotEvaluated, Outcome
from policies.properties import decoded
from policies.registry import Example, Given, Ref, rules
from policies.settings import Settings
from policies.stance import stack_configuration, tier_of
from standards import Tier
from tests.policies import doors
from tests.policies.protocol import (
    CANARY,
    EMPTY,
    PACK,
    Stub,
    analyze,
    analyze_stack,
    configure,
    described,
    diagnostics,
    level_of,
    pack_of,
    secret,
    serving,
    start,
    struct,
)

CLUSTER = "aws:rds/cluster:Cluster"
VPC = "aws:ec2/vpc:Vpc"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_UNDECIDED = "not evaluated, which is no pass"


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
    settings = {identifier: rule.settings() for identifier, rule in rules().items()}
    judgement = judge(every_example, rules().values(), settings)
    assert not judgement.errors
    title = {identifier: rule.title for identifier, rule in rules().items()}
    expected = sorted(
        (
            finding.rule.id,
            finding.resource.urn,
            finding.level.value,
            f"{finding.rule.title}\n{finding.resource.name}: {finding.violation.message}"
            + (f" ({finding.violation.path})" if finding.violation.path else ""),
        )
        for finding in judgement.findings
    )
    undecided = sorted(
        (
            doubt.rule.id,
            doubt.resource.urn,
            "advisory",
            f"{title[doubt.rule.id]}\n{_UNDECIDED}: {doubt.resource.name}: {doubt.reason}",
        )
        for doubt in judgement.not_evaluated
    )
    assert expected
    assert undecided
    said = [
        (each.policyName, each.urn, level_of(each), each.message)
        for each in diagnostics(pack, every_example)
    ]
    assert sorted(each for each in said if _UNDECIDED not in each[3]) == expected
    assert sorted(each for each in said if _UNDECIDED in each[3]) == undecided


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
    found = {each.policyName: each for each in diagnostics(pack, plan_of((group,)))}
    assert level_of(found["sg-no-world-ssh"]) == "mandatory"
    assert (
        "port 22 open to 0.0.0.0/0 (ingress[1].cidrBlocks[0])" in found["sg-no-world-ssh"].message
    )


def test_the_pack_describes_every_rule(pack: Stub) -> None:
    """The engine, and who browses the pack, see title, severity, ids, remediation and settings."""
    info = pack.GetAnalyzerInfo(EMPTY)
    assert info.name == "slipway"
    told = {policy.name: policy for policy in info.policies}
    assert set(told) == {*rules(), PACK_KEY}
    for identifier, rule in rules().items():
        policy = told[identifier]
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
    assert told["rds-encrypted"].url == "docs/policies/rds-encrypted.md"
    retention = told["audit-log-retention"].configSchema.properties
    assert retention["minDays"] == {
        "default": 365,
        "minimum": 365,
        "title": "Mindays",
        "type": "integer",
    }
    assert "tier" not in retention


def test_every_default_is_of_the_type_that_its_schema_names(pack: Stub) -> None:
    """The engine validates each default, and refuses the whole pack for one that does not hold."""
    info = pack.GetAnalyzerInfo(EMPTY)
    checked = 0
    for policy in info.policies:
        for key, schema in policy.configSchema.properties.items():
            wanted = json_format.MessageToDict(schema)
            if policy.name == PACK_KEY:
                assert "default" not in wanted
                continue
            assert "default" in wanted, f"{policy.name}.{key}"
            jsonschema.validate(wanted["default"], wanted)
            checked += 1
    assert checked


def test_a_configuration_reaches_the_rule() -> None:
    """`--policy-pack-config` changes what a rule asks for."""
    audit = Given(LOG_GROUP, "audit", {"tags": {"LogClass": "audit"}, "retentionInDays": 365})
    with serving() as pack:
        before = diagnostics(pack, plan_of((audit,)))
        configure(pack, {"audit-log-retention": {"minDays": 400}})
        after = diagnostics(pack, plan_of((audit,)))
        assert "audit-log-retention" not in {each.policyName for each in before}
        (found,) = [each for each in after if each.policyName == "audit-log-retention"]
        assert "365 days, fewer than 400" in found.message
        with pytest.raises(grpc.RpcError, match="greater than or equal to 365"):
            configure(pack, {"audit-log-retention": {"minDays": 30}})


def test_a_waived_violation_is_not_reported(tmp_path: Path) -> None:
    """An expired waiver is said beside the violation that it no longer covers."""
    today = datetime.now(UTC).date()
    waived, late = urn(CLUSTER, "waived"), urn(CLUSTER, "late")
    folder = _pack(tmp_path, [(waived, today), (late, today - timedelta(days=1))])
    plan = plan_of((Given(CLUSTER, "waived"), Given(CLUSTER, "late")))
    with serving(folder) as pack:
        found = [each for each in diagnostics(pack, plan) if each.policyName == "rds-encrypted"]
    (violation,) = found
    assert violation.urn == late
    assert "storage is not encrypted" in violation.message
    assert f"expired on {today - timedelta(days=1)}" in violation.message


def test_a_broken_file_of_waivers_stops_the_pack(tmp_path: Path) -> None:
    """The engine gets no port, so nothing is deployed, and the reason is on stderr."""
    folder = _pack(tmp_path, [])
    (folder / "waivers.yaml").write_text("- rule: '*'\n")
    process = start(folder, Tier.PRODUCTION)
    out, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert not out
    assert "there is no rule '*'" in error


def test_levels_follow_the_tier() -> None:
    """What stops production advises development, unless the standard names that, too."""
    levels = {
        tier: {
            policy.name: policy.enforcementLevel
            for policy in pack_of(tier=tier).GetAnalyzerInfo(EMPTY).policies
        }
        for tier in (Tier.DEVELOPMENT, Tier.PRODUCTION)
    }
    assert levels[Tier.PRODUCTION]["rds-multi-az"] == analyzer_pb2.MANDATORY
    assert levels[Tier.DEVELOPMENT]["rds-multi-az"] == analyzer_pb2.ADVISORY
    assert levels[Tier.DEVELOPMENT]["rds-encrypted"] == analyzer_pb2.MANDATORY


def test_the_stack_s_own_configuration_says_its_tier() -> None:
    """Newer engines send it, older ones leave it in the environment."""
    pack = pack_of()
    request = analyzer_pb2.AnalyzerStackConfigureRequest(config={"slipway:tier": "development"})
    pack.ConfigureStack(request)
    levels = {each.name: each.enforcementLevel for each in pack.GetAnalyzerInfo(EMPTY).policies}
    assert levels["rds-multi-az"] == analyzer_pb2.ADVISORY


def test_every_rule_that_did_not_judge_a_resource_says_so(pack: Stub) -> None:
    """The engine counts as passed whatever rule says nothing at all."""
    key = Given("aws:kms/key:Key", "signing", {"customerMasterKeySpec": "RSA_2048"})
    plan = plan_of((key,))
    settings = {identifier: rule.settings() for identifier, rule in rules().items()}
    judgement = judge(plan, rules().values(), settings)
    for relates, response in ((False, analyze(pack, plan)[0]), (True, analyze_stack(pack, plan))):
        silent = {each.policy_name for each in response.not_applicable}
        failed = {each.policyName for each in response.diagnostics}
        passed = {rule.id for rule in rules().values() if rule.relates is relates} - silent - failed
        own = {name for name in judgement.concerned if rules()[name].relates is relates}
        assert passed == own - failed
        assert relates or "kms-rotation" in silent


def test_a_rule_that_raises_is_a_violation_under_the_engine() -> None:
    """An exception would hide what the other rules say of the resource, and stop nothing."""

    def defect(_: Subject, __: Settings, ___: Graph) -> Outcome:
        message = "no such thing"
        raise LookupError(message)

    broken = replace(rules()["rds-encrypted"], check=defect)
    found = diagnostics(pack_of(broken), plan_of((Given(CLUSTER, "x"), Given(VPC, "y"))))
    ((name, message, level),) = {
        (each.urn, each.message.partition("\n")[2], level_of(each)) for each in found
    }
    assert name == urn(CLUSTER, "x")
    assert message == "x: the rule failed, which is a defect of it: LookupError: no such thing"
    assert level == "mandatory"


def test_a_resource_reaches_the_rule_as_a_plan_has_it() -> None:
    """Unknowns and secrets are marked, whole numbers whole."""
    seen: list[Value] = []

    def look(subject: Subject, _: Settings, __: Graph) -> Outcome:
        seen.append(subject.raw)
        return NotEvaluated("later")

    pack = pack_of(replace(rules()["rds-encrypted"], check=look))
    inputs = {
        "a": [UNKNOWN, {"b": UNKNOWN, "s": SECRET}],
        "c": 5.0,
        "d": 0.5,
        "e": None,
        "f": True,
        "g": [],
    }
    (only,) = diagnostics(pack, plan_of((Given(CLUSTER, "x", inputs),)))
    assert seen == [{**inputs, "c": 5}]
    assert only.message.endswith("not evaluated, which is no pass: x: later")
    assert level_of(only) == "advisory"
    assert only.urn == urn(CLUSTER, "x")


def test_an_unknown_secret_is_both() -> None:
    """It exists after the apply alone, and must not be shown then."""
    message = struct({"a": cast("Value", secret(UNKNOWN_BOOLEAN_VALUE))})
    assert decoded(message) == {"a": UNKNOWN_SECRET}


@pytest.mark.parametrize("identifier", rules())
def test_no_message_quotes_a_secret(identifier: str) -> None:
    """Whichever input of a failing example is a secret, its text stays where it is."""
    rule = rules()[identifier]
    pack = pack_of(rule)
    for example in rule.failing:
        for where, _ in [*doors.inputs(example), *doors.leaves(example)]:
            hidden = plan_of(doors.changed(example, where, SECRET))
            for each in diagnostics(pack, hidden):
                assert CANARY not in each.message


def test_a_message_is_one_line_of_text_that_can_be_printed() -> None:
    """What a program names and writes cannot colour, clear or flood the terminal."""
    hostile = "x\x1b[2J\n\u202e" + "y" * 10_000
    group = Given(LOG_GROUP, hostile, {"tags": {"LogClass": hostile}, "retentionInDays": 365})
    found = diagnostics(pack_of(rules()["log-retention"]), plan_of((group,)))
    (text,) = [each.message.removeprefix(each.description + "\n") for each in found]
    assert text.isprintable()
    assert "\\x1b[2J\\n\\u202e" in text
    assert text.endswith("(tags.LogClass)")
    assert len(text) < 600


def test_a_provider_that_the_engine_only_tells_beside_its_resources_is_found() -> None:
    """Its default tags count for what it makes."""
    pack = pack_of(rules()["data-class"])
    tags = {"defaultTags": {"tags": {"DataClass": "real"}}}
    provider = Given("pulumi:providers:aws", "aws", tags)
    plan = plan_of((provider, Given(CLUSTER, "database", provider="aws")))
    by_urn = {resource.urn: resource for resource in plan.resources}
    told = described(plan.resources[1], by_urn)
    reported: list[str] = []
    for _ in range(2):
        request = analyzer_pb2.AnalyzeStackRequest(
            resources=[analyzer_pb2.AnalyzerResource(**told)]
        )
        reported += [each.urn for each in pack.AnalyzeStack(request).diagnostics]
        told.pop("provider", None)
    assert reported == [urn(CLUSTER, "database")]


def test_the_pack_says_its_version_and_ends_when_asked(pack: Stub) -> None:
    """The version is the one in PulumiPolicy.yaml, which the engine prints."""
    assert f"version: {pack.GetPluginInfo(EMPTY).version}\n" in (
        (PACK / "PulumiPolicy.yaml").read_text(encoding="utf-8")
    )
    assert pack.Cancel(EMPTY) == EMPTY


def test_a_stack_without_resources_has_no_findings(pack: Stub) -> None:
    """The engine asks for it, too, when everything was deleted."""
    assert not pack.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest()).diagnostics


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
    assert tier_of(stack_configuration(configuration)) is tier


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
