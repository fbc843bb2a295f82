"""Judging a plan: every rule on every resource that it concerns."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from plan.graph import Graph
from plan.model import Plan, Resource
from policies.nodes import Subject
from policies.outcomes import Fail, NotApplicable, NotEvaluated, Outcome, Violation
from policies.registry import AnyRule
from policies.settings import Level, Settings
from policies.waivers import Waiver


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One violation: which rule, which resource, what is wrong; and the waiver in force, if any."""

    rule: AnyRule
    resource: Resource
    violation: Violation
    level: Level
    waiver: Waiver | None = None

    @property
    def stops(self) -> bool:
        """Whether the finding stops the update."""
        return self.level is Level.MANDATORY and self.waiver is None


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """A rule that could not be decided on a resource, and why."""

    rule: AnyRule
    resource: Resource
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuleError:
    """A rule that raised on a resource: a defect of the rule, which fails the run."""

    rule: AnyRule
    resource: Resource
    message: str


@dataclass(kw_only=True)
class Judgement:
    """What the rules say of one plan."""

    plan: Plan
    findings: list[Finding] = field(default_factory=list[Finding])
    not_evaluated: list[Undecided] = field(default_factory=list[Undecided])
    errors: list[RuleError] = field(default_factory=list[RuleError])
    concerned: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """By rule id: the URNs of the resources that it concerns and could decide."""

    @property
    def failed(self) -> bool:
        """Whether the run stops: a mandatory finding without a waiver, or a rule that raised."""
        return bool(self.errors) or any(finding.stops for finding in self.findings)


def judge(
    plan: Plan, rules: Iterable[AnyRule], settings: Mapping[str, Settings] | Settings
) -> Judgement:
    """Run `rules` over `plan`. `settings` by rule id, or the same for all."""
    judgement = Judgement(plan=plan)
    graph = Graph(plan)
    by_type: defaultdict[str, list[AnyRule]] = defaultdict(list)
    for rule in rules:
        for type_ in rule.types:
            by_type[type_].append(rule)
    for resource in plan.resources:
        subject = Subject(resource)
        for rule in by_type.get(resource.type, ()):
            told = settings if isinstance(settings, Settings) else settings[rule.id]
            _record(judgement, rule, resource, _outcome(rule, subject, told, graph), told)
    return judgement


def _outcome(rule: AnyRule, subject: Subject, settings: Settings, graph: Graph) -> Outcome | str:
    if rule.relates and not graph.plan.complete:
        return NotEvaluated("the plan lists only some of the stack's resources")
    try:
        return rule.judge(subject, settings, graph)
    except Exception as error:  # noqa: BLE001 - a rule's defect must not hide the other rules' findings
        return f"{type(error).__name__}: {error}"


def _record(
    judgement: Judgement,
    rule: AnyRule,
    resource: Resource,
    outcome: Outcome | str,
    settings: Settings,
) -> None:
    match outcome:
        case str():
            judgement.errors.append(RuleError(rule=rule, resource=resource, message=outcome))
        case NotEvaluated(reason):
            judgement.not_evaluated.append(Undecided(rule=rule, resource=resource, reason=reason))
        case NotApplicable():
            pass
        case Fail(violations):
            level = rule.level(settings.tier)
            judgement.findings.extend(
                Finding(rule=rule, resource=resource, violation=violation, level=level)
                for violation in violations
            )
            judgement.concerned.setdefault(rule.id, set()).add(resource.urn)
        case _:
            judgement.concerned.setdefault(rule.id, set()).add(resource.urn)
