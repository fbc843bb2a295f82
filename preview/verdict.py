"""What a report tells of one plan: the rules' judgement, summed up and put in order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final, Self

from plan import Cited, Plan, Resource, Value
from plan.model import PROVIDER_PREFIX, STACK_TYPE
from plan.values import parse_path
from policies.configuration import settings_by_rule
from policies.judgement import Finding, Judgement, apply_waivers, judge
from policies.registry import AnyRule, rules
from policies.settings import Severity
from policies.waivers import Waiver
from standards import Tier

_GRAVITY: Final = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The findings of one rule: its sentence, its remedy and what it cites are told once."""

    rule: AnyRule
    findings: tuple[Finding, ...]

    @property
    def by_resource(self) -> tuple[tuple[Resource, tuple[Finding, ...]], ...]:
        """The findings of each resource."""
        found: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            found[finding.resource.urn].append(finding)
        return tuple((own[0].resource, tuple(own)) for own in found.values())

    @property
    def stops(self) -> bool:
        """Whether one of the findings stops the update."""
        return any(finding.stops for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """The resources on which one rule could not be decided for one reason."""

    rule: AnyRule
    reason: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A value of the plan that was built from a figure of the standards."""

    resource: Resource
    cited: Cited
    value: Value


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rules say of one plan; `title` is the environment or the file that it came from."""

    title: str
    tier: Tier
    plan: Plan
    judgement: Judgement
    limits: tuple[str, ...] = ()
    """What cannot be known of it."""

    def with_waivers(self, waivers: Iterable[Waiver], today: date) -> Self:
        """The same verdict with those of `waivers` in force that name its stack."""
        return replace(self, judgement=apply_waivers(self.judgement, waivers, today))

    @property
    def failed(self) -> bool:
        """Whether the run fails: see `Judgement.failed`."""
        return self.judgement.failed

    @cached_property
    def managed(self) -> tuple[Resource, ...]:
        """The resources that a provider makes: neither components nor providers."""
        return tuple(each for each in self.plan.resources if is_managed(each))

    @cached_property
    def services(self) -> dict[str, int]:
        """How many resources each service has, by its name in the type, the largest first."""
        counted = Counter(service(each) for each in self.managed)
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The findings by rule: those that stop the update first, then the gravest."""
        found: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in sorted(self.judgement.findings, key=_place):
            found[finding.rule.id].append(finding)
        groups = [Group(rule=own[0].rule, findings=tuple(own)) for own in found.values()]
        return tuple(sorted(groups, key=lambda group: (not group.stops, _gravity(group.rule))))

    @cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """What could not be evaluated, by rule and reason."""
        found: defaultdict[tuple[str, str], list[Resource]] = defaultdict(list)
        by_id: dict[str, AnyRule] = {}
        for undecided in self.judgement.not_evaluated:
            by_id[undecided.rule.id] = undecided.rule
            found[undecided.rule.id, undecided.reason].append(undecided.resource)
        return tuple(
            Doubt(rule=by_id[rule], reason=reason, resources=tuple(resources))
            for (rule, reason), resources in sorted(found.items())
        )

    @cached_property
    def uses(self) -> dict[str, tuple[Use, ...]]:
        """The values that were built from figures of the standards, by requirement."""
        found: defaultdict[str, list[Use]] = defaultdict(list)
        for resource in self.plan.resources:
            for use in uses_of(resource):
                found[use.cited.requirement].append(use)
        return {requirement: tuple(found[requirement]) for requirement in sorted(found)}

    @cached_property
    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers in force: those that a finding met."""
        met = (finding.waiver for finding in self.judgement.findings if finding.waiver)
        return tuple(dict.fromkeys(met))

    @property
    def checks(self) -> int:
        """How many times a rule decided on a resource."""
        return sum(len(resources) for resources in self.judgement.concerned.values())

    @cached_property
    def counts(self) -> Counter[str]:
        """How many findings there are by what they do: `mandatory`, `advisory`, `waived`."""
        return Counter(
            "waived" if finding.waiver else finding.level.value
            for finding in self.judgement.findings
        )


def reach_verdict(plan: Plan, *, title: str, tier: Tier, limits: tuple[str, ...] = ()) -> Verdict:
    """What the rules say of `plan`, a stack of `tier`, with no waiver in force.

    `limits` say what the plan cannot show; what it warns of comes behind them.
    """
    pack = rules().values()
    return Verdict(
        title=title,
        tier=tier,
        plan=plan,
        judgement=judge(plan, pack, settings_by_rule(pack, tier)),
        limits=(*limits, *plan.warnings),
    )


def uses_of(resource: Resource) -> Iterator[Use]:
    """The inputs of `resource` that were built from figures of the standards."""
    for cited in resource.figures:
        yield Use(resource=resource, cited=cited, value=value_at(resource, cited.path))


def is_managed(resource: Resource) -> bool:
    """Whether a provider makes `resource`; a component or a provider exists in the state alone."""
    return not (
        resource.is_component
        or resource.type == STACK_TYPE
        or resource.type.startswith(PROVIDER_PREFIX)
    )


def service(resource: Resource) -> str:
    """The service of `resource`: `ec2` of `aws:ec2/vpc:Vpc`; another package's name comes first."""
    package, _, rest = resource.type.partition(":")
    module = rest.partition(":")[0].partition("/")[0]
    if package == "aws":
        return module
    return package if module in {"", "index"} else f"{package} {module}"


def value_at(resource: Resource, path: str) -> Value:
    """The input of `resource` at `path`, `None` where there is none."""
    value: Value = resource.inputs
    for segment in parse_path(path):
        if isinstance(value, Mapping):
            value = value.get(str(segment))
        elif isinstance(value, Sequence) and isinstance(segment, int) and segment < len(value):
            value = value[segment]
        else:
            return None
    return value


def _gravity(rule: AnyRule) -> tuple[int, str]:
    return _GRAVITY[rule.severity], rule.id


def _place(finding: Finding) -> tuple[bool, str, str, str]:
    """Within a rule: findings with a waiver last, then by resource and message."""
    resource, violation = finding.resource, finding.violation
    return finding.waiver is not None, resource.type, resource.name, violation.message
