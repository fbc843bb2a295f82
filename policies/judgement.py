"""Judging a plan: every rule on every resource that it concerns."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from plan.graph import Graph
from plan.model import Plan, Resource
from policies.nodes import Subject
from policies.outcomes import Fail, NotApplicable, NotEvaluated, Outcome, Violation
from policies.registry import AnyRule
from policies.relations import PHYSICAL_NAMES
from policies.settings import Level, Settings
from policies.waivers import WARNING_DAYS, Waiver, WaiverProblem


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
    rules: tuple[AnyRule, ...] = ()
    """Those that ran."""

    findings: list[Finding] = field(default_factory=list[Finding])
    not_evaluated: list[Undecided] = field(default_factory=list[Undecided])
    errors: list[RuleError] = field(default_factory=list[RuleError])
    concerned: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """By rule id: the URNs of the resources that it concerns and could decide."""

    waiver_problems: list[WaiverProblem] = field(default_factory=list[WaiverProblem])

    @property
    def failed(self) -> bool:
        """Whether the run stops.

        It does for a mandatory finding without a waiver, a rule that raised, and a waiver that has
        expired or covers nothing.
        """
        return (
            bool(self.errors)
            or any(finding.stops for finding in self.findings)
            or any(problem.stops for problem in self.waiver_problems)
        )


def judge(
    plan: Plan, rules: Iterable[AnyRule], settings: Mapping[str, Settings] | Settings
) -> Judgement:
    """Run `rules` over `plan`. `settings` by rule id, or the same for all."""
    rules = tuple(rules)
    judgement = Judgement(plan=plan, rules=rules)
    graph = Graph(plan, PHYSICAL_NAMES)
    by_type: defaultdict[str, list[tuple[AnyRule, Settings, Level]]] = defaultdict(list)
    for rule in rules:
        told = settings if isinstance(settings, Settings) else settings[rule.id]
        for type_ in rule.types:
            by_type[type_].append((rule, told, rule.level(told.tier)))
    for resource in plan.resources:
        subject = Subject(resource)
        for rule, told, level in by_type.get(resource.type, ()):
            _record(judgement, rule, resource, _outcome(rule, subject, told, graph), level)
    return judgement


def apply_waivers(judgement: Judgement, waivers: Iterable[Waiver], today: date) -> Judgement:
    """The judgement with the `waivers` of its stack in force, and what is wrong with those.

    A waived finding stays, with its waiver, and no longer stops the run. An expired waiver covers
    nothing. One that covers no finding is a problem where its rule was decided on its resource, and
    where the resource is gone.
    """
    plan = judgement.plan
    own = {
        (waiver.rule, waiver.resource): waiver
        for waiver in waivers
        if (waiver.project, waiver.stack) == (plan.project, plan.stack)
    }
    valid = {key: waiver for key, waiver in own.items() if waiver.expires >= today}
    findings = [
        replace(finding, waiver=valid.get((finding.rule.id, finding.resource.urn)))
        for finding in judgement.findings
    ]
    used = {(finding.rule.id, finding.resource.urn) for finding in findings if finding.waiver}
    problems = [
        problem
        for key, waiver in own.items()
        for problem in _problems(judgement, waiver, today, used=key in used)
    ]
    return replace(judgement, findings=findings, waiver_problems=problems)


def _problems(
    judgement: Judgement, waiver: Waiver, today: date, *, used: bool
) -> Iterator[WaiverProblem]:
    """What is wrong with one waiver of the judged stack: nothing, or one thing."""
    covers = f"the waiver of {waiver.rule} for {waiver.resource}"
    plan = judgement.plan
    if waiver.expires < today:
        yield WaiverProblem(
            where=waiver.place,
            what=f"{covers} expired on {waiver.expires}",
            remedy="fix what it covers and remove it, or have it approved anew",
        )
    elif used and waiver.expires <= today + timedelta(days=WARNING_DAYS):
        yield WaiverProblem(
            where=waiver.place,
            what=f"{covers} expires on {waiver.expires}",
            remedy=f"fix what it covers until then; {waiver.owner} owns it",
            stops=False,
        )
    elif used:
        return
    elif waiver.resource in judgement.concerned.get(waiver.rule, ()):
        yield WaiverProblem(
            where=waiver.place,
            what=f"{covers} covers nothing: the resource meets the rule",
            remedy="remove it",
        )
    elif plan.complete and waiver.resource not in {resource.urn for resource in plan.resources}:
        yield WaiverProblem(
            where=waiver.place,
            what=f"{covers} covers nothing: the stack has no such resource",
            remedy="remove it, or name the resource as the report does",
        )
    elif plan.complete and _is_settled(judgement, waiver):
        yield WaiverProblem(
            where=waiver.place,
            what=f"{covers} covers nothing: the rule has nothing to say of this resource",
            remedy="remove it, or name rule and resource as the report does",
        )


def _is_settled(judgement: Judgement, waiver: Waiver) -> bool:
    """Whether the rule ran and will find nothing on the resource, once all is known, either."""
    return waiver.rule in {rule.id for rule in judgement.rules} and not any(
        (each.rule.id, each.resource.urn) == (waiver.rule, waiver.resource)
        for each in (*judgement.not_evaluated, *judgement.errors)
    )


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
    level: Level,
) -> None:
    match outcome:
        case str():
            judgement.errors.append(RuleError(rule=rule, resource=resource, message=outcome))
        case NotEvaluated(reason):
            judgement.not_evaluated.append(Undecided(rule=rule, resource=resource, reason=reason))
        case NotApplicable():
            pass
        case Fail(violations):
            judgement.findings.extend(
                Finding(rule=rule, resource=resource, violation=violation, level=level)
                for violation in violations
            )
            judgement.concerned.setdefault(rule.id, set()).add(resource.urn)
        case _:
            judgement.concerned.setdefault(rule.id, set()).add(resource.urn)
