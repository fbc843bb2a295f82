"""What a configuration tells the pack: levels, settings, the tier, and the waivers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pulumi.runtime.proto import analyzer_pb2

from policies.configuration import RuleSettingsError
from policies.crossguard import Pack
from policies.examples import plan_of, urn
from policies.registry import Given, rules
from standards import Tier
from tests.policies.protocol import (
    PACK,
    Aborted,
    Diagnostic,
    Stub,
    analyze,
    configure,
    diagnostics,
    level_of,
    pack_of,
    start,
)

CLUSTER = "aws:rds/cluster:Cluster"
PLAN = plan_of((Given(CLUSTER, "database"),))


def _said(pack: Stub, rule: str) -> list[Diagnostic]:
    return [each for each in diagnostics(pack, PLAN) if each.policyName == rule]


@pytest.mark.parametrize("level", ["mandatory", "advisory"])
def test_a_level_is_taken_from_the_configuration(level: str) -> None:
    """Whoever configures the pack decides what a finding does."""
    pack = pack_of()
    number = analyzer_pb2.EnforcementLevel.Value(level.upper())
    configure(pack, {"rds-multi-az": {}, "rds-iam-auth": {}}, level=number)
    for rule in ("rds-multi-az", "rds-iam-auth"):
        assert {level_of(each) for each in _said(pack, rule)} == {level}


def test_a_rule_that_is_switched_off_says_nothing() -> None:
    """Neither that it passed, nor that it does not apply: the engine leaves it out itself."""
    pack = pack_of()
    configure(pack, {"rds-encrypted": {}}, level=analyzer_pb2.DISABLED)
    assert not _said(pack, "rds-encrypted")
    (response,) = analyze(pack, PLAN)
    assert "rds-encrypted" not in {each.policy_name for each in response.not_applicable}


def test_every_rule_can_be_switched_off() -> None:
    """The engine sends the level under `all` for each rule, and under `all` itself."""
    pack = pack_of()
    configure(
        pack, {**{identifier: {} for identifier in rules()}, "all": {}}, analyzer_pb2.DISABLED
    )
    assert not diagnostics(pack, PLAN)


def test_the_configuration_can_name_the_tier() -> None:
    """A project whose stacks do not say it gets the levels of that tier all the same."""
    pack = pack_of()
    assert {level_of(each) for each in _said(pack, "rds-multi-az")} == {"mandatory"}
    configure(pack, {"slipway": {"tier": "development"}})
    assert {level_of(each) for each in _said(pack, "rds-multi-az")} <= {"advisory"}
    configure(pack, {"slipway": {"tier": "development"}, "rds-multi-az": {}}, analyzer_pb2.DISABLED)
    assert not _said(pack, "rds-multi-az")


def test_the_settings_of_a_rule_are_those_of_the_stack_s_tier() -> None:
    """What production must do, development need not."""
    assert _said(pack_of(), "protect-stateful")
    assert not _said(pack_of(tier=Tier.DEVELOPMENT), "protect-stateful")


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"rds-encryptd": {}}, "rds-encryptd: there is no such rule; closest: rds-encrypted"),
        ({"rds-encrypted": {"key": "a"}}, "rds-encrypted.key: there is no such setting; there is"),
        ({"all": {"tier": "staging"}}, "all: takes a level alone; settings stand under their rule"),
        (
            {"slipway": {"teir": "staging"}},
            "slipway.teir: there is no such setting; there is",
        ),
        ({"slipway": {"tier": "prod"}}, "slipway.tier: Input should be 'development', 'integ"),
        ({"slipway": {"waivers": "waivers.yaml"}}, "slipway.waivers: waivers.yaml is relative"),
        ({"slipway": {"waivers": "/no/such.yaml"}}, "slipway.waivers: there is no file /no/such"),
    ],
)
def test_a_wrong_configuration_is_refused(
    configuration: Mapping[str, Mapping[str, str]], expected: str
) -> None:
    """The engine stops with what is wrong, and the pack judges as before."""
    pack = pack_of()
    before = [each.message for each in diagnostics(pack, PLAN)]
    with pytest.raises(Aborted) as caught:
        configure(pack, configuration)
    assert str(caught.value).startswith(f"INVALID_ARGUMENT: {expected}")
    assert [each.message for each in diagnostics(pack, PLAN)] == before


def _waivers(folder: Path) -> Path:
    path = folder / "waivers.yaml"
    entry = {
        "rule": "rds-encrypted",
        "resource": urn(CLUSTER, "database"),
        "reason": "Restored encrypted next week.",
        "owner": "ada@example.com",
        "approver": "grace@example.com",
        "expires": "DAY",
    }
    text = json.dumps([entry]).replace('"DAY"', datetime.now(UTC).date().isoformat())
    path.write_text(text, encoding="utf-8")
    return path


def test_another_project_brings_its_own_waivers(tmp_path: Path) -> None:
    """By the configuration, which wins, or by a variable of the environment."""
    path = _waivers(tmp_path)
    assert _said(pack_of(), "rds-encrypted")
    assert not _said(pack_of(waivers=path), "rds-encrypted")
    pack = pack_of()
    configure(pack, {"slipway": {"waivers": str(path)}})
    assert not _said(pack, "rds-encrypted")
    (tmp_path / "none.yaml").write_text("[]", encoding="utf-8")
    pack = pack_of(waivers=path)
    configure(pack, {"slipway": {"waivers": str(tmp_path / "none.yaml")}})
    assert _said(pack, "rds-encrypted")


def test_a_waived_resource_is_not_remedied(tmp_path: Path) -> None:
    """Somebody decided to leave it as it is."""
    path = _waivers(tmp_path)
    text = path.read_text(encoding="utf-8").replace("rds-encrypted", "required-tags")
    path.write_text(text, encoding="utf-8")
    request = analyzer_pb2.AnalyzeRequest(
        urn=urn(CLUSTER, "database"), type=CLUSTER, name="database"
    )
    told = {"required-tags": {"values": {"Owner": "platform"}}}
    remedied: list[int] = []
    for waivers in (None, path):
        pack = pack_of(waivers=waivers)
        configure(pack, told, level=analyzer_pb2.REMEDIATE)
        remedied.append(len(pack.Remediate(request).remediations))
    assert remedied == [1, 0]


def test_a_named_file_of_waivers_has_to_be_there() -> None:
    """A slip in its name must not look like a project without waivers."""
    with pytest.raises(RuleSettingsError, match="SLIPWAY_WAIVERS: there is no file /no/such"):
        Pack(PACK, rules(), {"SLIPWAY_WAIVERS": "/no/such.yaml"}, datetime.now(UTC).date())


def test_the_pack_says_why_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line on stderr, without a traceback."""
    monkeypatch.setenv("SLIPWAY_WAIVERS", "waivers.yaml")
    process = start(PACK, Tier.PRODUCTION)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert not out
    assert error.startswith("SLIPWAY_WAIVERS: waivers.yaml is relative")
    assert len(error.splitlines()) == 1
