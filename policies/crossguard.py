"""The rules as a CrossGuard policy pack, which the engine runs with `--policy-pack policies`.

Each rule that looks at one resource becomes a resource policy, each that relates resources a stack
policy. What the engine hands over is turned into the plan's values first: pulumi_policy's own
proxies raise on touching an unknown, which would hide a second violation behind the first unknown
and let a mandatory rule pass. A rule that cannot be decided is reported as what the engine has for
that, an advisory "can't run policy … during preview"; it is no pass, and no reason to stop.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)
from pulumi_policy import Severity as EngineSeverity
from pulumi_policy.deserialize import serialize_properties

from plan.model import Options, Plan, Resource
from plan.values import UNKNOWN, Value
from policies.configuration import settings_by_rule
from policies.judgement import Finding, Judgement, apply_waivers, judge
from policies.registry import AnyRule, rules
from policies.schemas import schema_of
from policies.settings import Settings
from policies.waivers import Waiver, load_waivers
from standards import Tier

NAME: Final = "slipway"
_TIER_KEY: Final = "slipway:tier"
_FSBP: Final = "AWS Foundational Security Best Practices"
_FSBP_VERSION: Final = "1.0.0"
_UNKNOWNS: Final = frozenset(
    {
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
    }
)


class NotEvaluatedError(proxy.UnknownValueError):
    """What the engine's SDK reports as an advisory "can't run policy", in our words."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.message = "; ".join(reasons)
        Exception.__init__(self, self.message)


class Arguments(Protocol):
    """What the engine's SDK tells of one resource, in a resource policy and in a stack policy."""

    resource_type: str
    urn: str
    name: str
    props: Mapping[str, Any]
    opts: Any
    provider: Any


def serve(folder: Path) -> None:
    """Serve the pack in `folder` to the engine that started this process; never returns.

    The SDK prints the port that it listens on as the first line on stdout: print nothing before.
    """
    tier = tier_of(os.environ.get("PULUMI_CONFIG", ""))
    today = datetime.now(UTC).date()
    waivers = load_waivers(folder / "waivers.yaml", today)
    PolicyPack(
        name=NAME,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=policies(rules().values(), tier, waivers, today),
    )


def tier_of(configuration: str) -> Tier:
    """The tier in the stack's configuration, JSON; production where it does not say."""
    try:
        return Tier(json.loads(configuration)[_TIER_KEY])
    except (ValueError, KeyError, TypeError):
        return Tier.PRODUCTION


def policies(
    pack: Iterable[AnyRule], tier: Tier, waivers: Sequence[Waiver], today: date
) -> list[Policy]:
    """A policy for each rule of `pack`, as strict as a stack of `tier` needs it."""
    made = [_RulePolicy(rule, tier, waivers, today) for rule in pack]
    return [each.for_stacks() if each.rule.relates else each.for_resources() for each in made]


class _RulePolicy:
    """One rule in the words of the engine's SDK."""

    def __init__(self, rule: AnyRule, tier: Tier, waivers: Sequence[Waiver], today: date) -> None:
        self.rule = rule
        self._tier = tier
        self._waivers = waivers
        self._today = today
        self._told: dict[str, dict[str, Settings]] = {}

    def for_resources(self) -> Policy:
        """The rule as a policy that sees one resource at a time."""

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            if args.resource_type not in self.rule.types:
                return
            resource = _resource(args)
            judgement = self._judge([resource], args.get_config())
            self._report(judgement, report)
            if not (judgement.findings or judgement.errors or judgement.concerned):
                args.not_applicable(f"does not concern {resource.name}")

        return ResourceValidationPolicy(validate=validate, **self._described())

    def for_stacks(self) -> Policy:
        """The rule as a policy that sees all resources together."""

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            if any(resource.resource_type in self.rule.types for resource in args.resources):
                self._report(self._judge(_resources(args), args.get_config()), report)

        return StackValidationPolicy(validate=validate, **self._described())

    def _described(self) -> dict[str, Any]:
        rule = self.rule
        controls = rule.controls
        properties = schema_of(rule.settings)
        fsbp = next(iter(controls.fsbp), None)
        return {
            "name": rule.id,
            "display_name": rule.title.rstrip("."),
            "description": rule.title,
            "enforcement_level": EnforcementLevel(rule.level(self._tier).value),
            "severity": EngineSeverity(rule.severity.value),
            "config_schema": PolicyConfigSchema(properties) if properties else None,
            "framework": PolicyComplianceFramework(
                name=_FSBP, version=_FSBP_VERSION, reference=", ".join(controls.fsbp)
            )
            if fsbp
            else PolicyComplianceFramework(name=NAME, reference=", ".join(rule.requirements)),
            "tags": [*rule.requirements, *controls.fsbp, *controls.cis, *controls.checkov],
            "remediation_steps": rule.remediation,
            "url": rule.page,
        }

    def _judge(self, resources: Sequence[Resource], configuration: Mapping[str, Any]) -> Judgement:
        key = json.dumps(configuration, sort_keys=True)
        if key not in self._told:
            given = {self.rule.id: {name: _value(told) for name, told in configuration.items()}}
            self._told[key] = settings_by_rule([self.rule], self._tier, given)
        project, stack = _project_and_stack(resources)
        plan = Plan(project=project, stack=stack, resources=tuple(resources))
        judgement = judge(plan, [self.rule], self._told[key])
        return apply_waivers(judgement, self._waivers, self._today)

    def _report(self, judgement: Judgement, report: ReportViolation) -> None:
        """Report what is wrong and not waived, then what could not be decided."""
        for finding in judgement.findings:
            if finding.waiver is None:
                report(self._message(finding), finding.resource.urn)
        for error in judgement.errors:
            report(
                f"{error.resource.name}: the rule failed, which is a defect of it: {error.message}",
                error.resource.urn,
            )
        if judgement.not_evaluated:
            raise NotEvaluatedError(
                f"{undecided.resource.name}: {undecided.reason}"
                for undecided in judgement.not_evaluated
            )

    def _message(self, finding: Finding) -> str:
        """What is wrong where, and the waiver that no longer holds, if there was one."""
        path = f" ({finding.violation.path})" if finding.violation.path else ""
        message = f"{finding.resource.name}: {finding.violation.message}{path}"
        key = (finding.rule.id, finding.resource.urn)
        for waiver in self._waivers:
            if (waiver.rule, waiver.resource) == key:
                message += f"\nIts waiver ({waiver.place}) expired on {waiver.expires}."
        return message


def _project_and_stack(resources: Sequence[Resource]) -> tuple[str, str]:
    """What the URN of the first resource says; it opens with `urn:pulumi:STACK::PROJECT::`."""
    stack, project, *_ = resources[0].urn.removeprefix("urn:pulumi:").split("::")
    return project, stack


def _resources(args: StackValidationArgs) -> list[Resource]:
    """The resources of the stack, and the providers that the engine only tells of beside them."""
    found = {resource.urn: _related(resource) for resource in args.resources}
    for resource in args.resources:
        provider = resource.provider
        if provider is not None and provider.urn not in found:
            found[provider.urn] = Resource(
                urn=provider.urn,
                type=provider.resource_type,
                name=provider.name,
                inputs=_properties(provider.props),
            )
    return list(found.values())


def _related(args: Any) -> Resource:  # noqa: ANN401 - the SDK's class, which it does not type
    """A resource of a stack policy; its properties are outputs, which hold the inputs, too."""
    resource = _resource(args)
    return Resource(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        parent=args.parent.urn if args.parent else None,
        provider=resource.provider,
        inputs=resource.inputs,
        outputs=resource.inputs,
        options=resource.options,
        dependencies=tuple(other.urn for other in args.dependencies),
        property_dependencies={
            key: tuple(other.urn for other in others)
            for key, others in args.property_dependencies.items()
        },
    )


def _resource(args: Arguments) -> Resource:
    return Resource(
        urn=args.urn,
        type=args.resource_type,
        name=args.name,
        provider=args.provider.urn if args.provider else None,
        inputs=_properties(args.props),
        options=Options(
            protect=args.opts.protect,
            ignore_changes=tuple(args.opts.ignore_changes),
            aliases=tuple(args.opts.aliases),
        ),
    )


def _properties(props: Mapping[str, Any]) -> dict[str, Value]:
    raw = cast("Mapping[str, object]", serialize_properties(props))
    return {key: _value(value) for key, value in raw.items()}


def _value(value: object) -> Value:
    """A raw property as a plan has it: unknowns marked, whole numbers whole."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWNS else value
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_value(item) for item in cast("list[object]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return cast("Value", value)
