"""What the pack tells the engine of its rules, before it judges anything."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from pulumi.runtime.proto import analyzer_pb2 as protocol

from policies.configuration import PACK
from policies.registry import AnyRule
from policies.schemas import schema_of
from policies.settings import Level
from standards import Tier

_FSBP: Final = "AWS Foundational Security Best Practices"
_FSBP_VERSION: Final = "1.0.0"
_PACK_SETTINGS: Final = {
    "tier": {"type": "string", "title": "Tier", "enum": [tier.value for tier in Tier]},
    "waivers": {"type": "string", "title": "Waivers"},
}

EngineLevel: TypeAlias = "protocol.EnforcementLevel.ValueType"
"""What a violation does, in the protocol's numbers: it has `disabled` and `remediate`, too."""

LEVELS: Final[Mapping[Level, EngineLevel]] = {
    Level.MANDATORY: protocol.MANDATORY,
    Level.ADVISORY: protocol.ADVISORY,
}
"""The protocol's number for what a violation does."""


def described(pack: Iterable[AnyRule], tier: Tier, version: str) -> protocol.AnalyzerInfo:
    """The `pack` as the engine lists it, as strict as a stack of `tier` needs it."""
    return protocol.AnalyzerInfo(
        name=PACK,
        displayName="Slipway",
        version=version,
        supportsConfig=True,
        policies=[_whole_pack(), *(_policy(rule, tier) for rule in pack)],
    )


def severity(rule: AnyRule) -> "protocol.PolicySeverity.ValueType":
    """The protocol's number for how bad a violation is."""
    return protocol.PolicySeverity.Value(f"POLICY_SEVERITY_{rule.severity.value.upper()}")


def _whole_pack() -> protocol.PolicyInfo:
    """What a configuration can say of the whole pack: the engine takes it for a policy alone."""
    return protocol.PolicyInfo(
        name=PACK,
        displayName="Settings of the whole pack",
        description="Says which tier the stack is of and where its waivers are; judges nothing.",
        enforcementLevel=protocol.ADVISORY,
        policy_type=protocol.POLICY_TYPE_RESOURCE,
        configSchema=_schema(_PACK_SETTINGS),
    )


def _policy(rule: AnyRule, tier: Tier) -> protocol.PolicyInfo:
    controls = rule.controls
    properties = schema_of(rule.settings)
    return protocol.PolicyInfo(
        name=rule.id,
        displayName=rule.title.rstrip("."),
        description=rule.title,
        enforcementLevel=LEVELS[rule.level(tier)],
        severity=severity(rule),
        policy_type=(protocol.POLICY_TYPE_STACK if rule.relates else protocol.POLICY_TYPE_RESOURCE),
        configSchema=_schema(properties) if properties else None,
        framework=_framework(rule),
        tags=[*rule.requirements, *controls.fsbp, *controls.cis, *controls.checkov],
        remediation_steps=rule.remediation,
        url=rule.page,
    )


def _framework(rule: AnyRule) -> protocol.PolicyComplianceFramework:
    """The published standard that the rule serves first; else the written requirements."""
    fsbp = rule.controls.fsbp
    if fsbp:
        return protocol.PolicyComplianceFramework(
            name=_FSBP, version=_FSBP_VERSION, reference=", ".join(fsbp)
        )
    return protocol.PolicyComplianceFramework(name=PACK, reference=", ".join(rule.requirements))


def _schema(properties: Mapping[str, Mapping[str, Any]]) -> protocol.PolicyConfigSchema:
    schema = protocol.PolicyConfigSchema()
    schema.properties.update(dict(properties))
    return schema
