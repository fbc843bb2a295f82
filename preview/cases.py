"""What became of each rule on each resource that it looks at: passed, failed, waived, and so on."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from plan import Resource
from policies.judgement import Finding, Judgement
from policies.registry import AnyRule


class State(StrEnum):
    """What a rule came to on a resource."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule on one resource: `reason` says why it was not evaluated, or which error it met."""

    rule: AnyRule
    resource: Resource
    state: State
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    is_error: bool = False

    @property
    def stops(self) -> bool:
        """Whether a finding stops the update."""
        return any(finding.stops for finding in self.findings)


def cases(judgement: Judgement) -> Iterator[Case]:
    """Every rule of `judgement` on every resource of its types, in the order of rules and plan.

    A judgement keeps no list of what does not apply: that is what it neither decided nor left open.
    """
    by_type: defaultdict[str, list[Resource]] = defaultdict(list)
    for resource in judgement.plan.resources:
        by_type[resource.type].append(resource)
    findings: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        findings[finding.rule.id, finding.resource.urn].append(finding)
    undecided = {(each.rule.id, each.resource.urn): each for each in judgement.not_evaluated}
    errors = {(each.rule.id, each.resource.urn): each for each in judgement.errors}
    for rule in judgement.rules:
        decided = judgement.concerned.get(rule.id, ())
        for resource in (one for type_ in dict.fromkeys(rule.types) for one in by_type[type_]):
            key = rule.id, resource.urn
            if error := errors.get(key):
                yield Case(
                    rule=rule,
                    resource=resource,
                    state=State.NOT_EVALUATED,
                    reason=error.message,
                    is_error=True,
                )
            elif doubt := undecided.get(key):
                yield Case(
                    rule=rule, resource=resource, state=State.NOT_EVALUATED, reason=doubt.reason
                )
            elif own := findings.get(key):
                waived = all(finding.waiver for finding in own)
                state = State.WAIVED if waived else State.FAILED
                yield Case(rule=rule, resource=resource, state=state, findings=tuple(own))
            else:
                state = State.PASSED if resource.urn in decided else State.NOT_APPLICABLE
                yield Case(rule=rule, resource=resource, state=state)
