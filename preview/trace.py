"""Tracing: what serves each requirement of the standards, and what has nothing yet.

Nothing counts by being named. A rule serves a requirement where it cites it and judged a resource
of the environment; a resource where one of its inputs was built from the requirement's figure; the
configuration where a check, a bound or a comparison refuses what the requirement forbids; a job of
a workflow or a page where a proof finds in it all that the sentence asks; a step where a command's
plan has it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from environments.bounds import AtLeast
from environments.checks import CHECKS
from environments.parity import COMPARISONS
from environments.record import parts
from policies.judgement import Judgement
from policies.registry import AnyRule
from standards import Requirement, Tier


class Means(StrEnum):
    """What can serve a requirement."""

    RULE = "rule"
    RESOURCE = "resource"
    CONFIGURATION = "configuration"
    STEP = "step"
    GATE = "gate"
    WORKFLOW = "workflow"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Something outside of plans and records that serves a requirement, and in which tiers."""

    requirement: str
    by: Means
    name: str
    environments: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """One thing that serves a requirement, in the tiers where it does."""

    by: Means
    name: str
    environments: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """A requirement and what serves it."""

    requirement: Requirement
    served_by: tuple[Server, ...]

    @property
    def missing(self) -> tuple[Tier, ...]:
        """The tiers that the requirement names and nothing serves it in."""
        served = {tier for server in self.served_by for tier in server.environments}
        return tuple(tier for tier in self.requirement.environments if tier not in served)

    @property
    def is_served(self) -> bool:
        """Whether something serves the requirement in every tier that it names."""
        return not self.missing


def trace(
    requirements: Iterable[Requirement],
    rules: Collection[AnyRule],
    judgements: Mapping[Tier, Sequence[Judgement]],
    others: Iterable[Serving] = (),
) -> list[Traced]:
    """What serves each of `requirements`, by what `rules` said of the stacks of each tier.

    Those are one environment and the foundation that it stands on. `others` serve besides, each in
    its own tiers.
    """
    tiers: defaultdict[str, defaultdict[tuple[Means, str], list[Tier]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for tier, judged in judgements.items():
        serving = {server for one in judged for server in _serving(tier, rules, one)}
        for cited, means, name in serving:
            tiers[cited][means, name].append(tier)
    for other in others:
        tiers[other.requirement][other.by, other.name].extend(other.environments)
    return [
        Traced(requirement, tuple(_servers(requirement, tiers[requirement.id])))
        for requirement in requirements
    ]


def _servers(
    requirement: Requirement, found: Mapping[tuple[Means, str], Sequence[Tier]]
) -> Iterator[Server]:
    for (means, name), served in sorted(found.items()):
        where = tuple(tier for tier in requirement.environments if tier in served)
        if where:
            yield Server(means, name, where)


def _serving(
    tier: Tier, rules: Iterable[AnyRule], judgement: Judgement
) -> set[tuple[str, Means, str]]:
    """Requirement id, means and name of everything that serves in one environment."""
    judging = {
        (cited, Means.RULE, rule.id)
        for rule in rules
        if judgement.concerned.get(rule.id)
        for cited in rule.requirements
    }
    resources = {
        (cited.requirement, Means.RESOURCE, f"{resource.type} {resource.name} {cited.path}")
        for resource in judgement.plan.resources
        for cited in resource.figures
    }
    checks = {
        (check.requirement, Means.CONFIGURATION, check.key)
        for check in CHECKS
        if tier in check.tiers
    }
    comparisons = {
        (comparison.requirement, Means.CONFIGURATION, f"{comparison.name} against production")
        for comparison in COMPARISONS
        if tier in comparison.tiers
    }
    return judging | resources | checks | comparisons | set(_bounds())


def _bounds() -> Iterator[tuple[str, Means, str]]:
    """The keys of an environment's file that a figure of the standards bounds."""
    for record in parts():
        for name, field in record.model_fields.items():
            for bound in field.metadata:
                if isinstance(bound, AtLeast):
                    key = f"{record.__name__}.{field.alias or name}"
                    yield bound.least.figure.requirement, Means.CONFIGURATION, key
