"""A rule: one decorated pure function with what it means, whom it cites and its examples.

The function's name is the rule's id (`rds_encrypted` is `rds-encrypted`), the first line of its
docstring says what holds, the rest says why. It takes what it needs, in this order: the resource,
the settings, and, where it relates resources, the plan's graph.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, TypeVar, cast

import policies.rules
from plan.graph import Graph
from plan.values import Value
from policies.nodes import Subject
from policies.outcomes import Fail, Outcome, attempt
from policies.settings import Level, Settings, Severity
from standards import Tier, requirement

S = TypeVar("S", bound=Settings)
Said = TypeVar("Said")

Check = (
    Callable[[Subject], Outcome]
    | Callable[[Subject, S], Outcome]
    | Callable[[Subject, S, Graph], Outcome]
)

Inputs = Mapping[str, Value]
Remedy = (
    Callable[[Subject], Inputs]
    | Callable[[Subject, S], Inputs]
    | Callable[[Subject, S, Graph], Inputs]
)

_TOLD = 2
_RELATING = 3
_STOPPING_SEVERITIES = frozenset({Severity.CRITICAL, Severity.HIGH})
_STOPPED_TIERS = frozenset({Tier.STAGING, Tier.PRODUCTION})


PAGES = "docs/policies"
"""The folder of the rules' pages."""


@dataclass(frozen=True, slots=True)
class Ref:
    """In an example: a reference to the resource called `name`, unknown before an apply."""

    name: str


@dataclass(frozen=True, slots=True)
class Given:
    """A resource of an example. Its inputs may hold `Ref`s to the other ones, at any depth."""

    type: str
    name: str
    inputs: Mapping[str, object] = field(default_factory=dict[str, object])
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    provider: str | None = None


Example = tuple[Given, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The ids that published standards give the same demand.

    `pss` are the parts of the Pod Security Standards: `baseline`, `restricted`, `admission`.
    """

    fsbp: tuple[str, ...] = ()
    cis: tuple[str, ...] = ()
    checkov: tuple[str, ...] = ()
    pss: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[S]):
    """One rule of the pack.

    `types` are the type tokens of the resources it judges. `absence_is_safe` says that a resource
    without inputs passes. `passing` and `failing` are whole examples: what it wants and refuses.
    `remedy` gives a resource of `remedied` the inputs that the rule wants, where that is safe.
    """

    id: str
    title: str
    description: str
    service: str
    types: tuple[str, ...]
    severity: Severity
    requirements: tuple[str, ...]
    controls: Controls
    remediation: str
    settings: type[S]
    passing: tuple[Example, ...]
    failing: tuple[Example, ...]
    absence_is_safe: bool
    relates: bool
    check: Callable[[Subject, S, Graph], Outcome]
    remedy: Callable[[Subject, S, Graph], Inputs] | None = None
    remedied: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """Where its page lies in the repository."""
        return f"{PAGES}/{self.id}.md"

    def judge(self, subject: Subject, settings: S, graph: Graph) -> Outcome:
        """What the rule says of `subject` among the resources of `graph`."""
        return attempt(lambda: self.check(subject, settings, graph))

    def remedy_for(self, subject: Subject, settings: S, graph: Graph) -> Inputs:
        """The inputs of `subject` as the rule wants them; its own where nothing can be remedied.

        What passes, and what cannot be decided, is left alone.

        Raises:
            UndecidedError: the remedy needs a value that is not known yet.
            WrongTypeError: the remedy met a value of a type that it cannot have.
        """
        inputs = subject.resource.inputs
        if self.remedy is None or subject.type not in self.remedied:
            return inputs
        judged = subject.type in self.types
        if judged and not isinstance(self.judge(subject, settings, graph), Fail):
            return inputs
        return self.remedy(subject, settings, graph)

    def level(self, tier: Tier) -> Level:
        """What a violation does in an environment of `tier`.

        Critical and high ones stop staging and production; any other stops an environment that a
        requirement cited by the rule names, since there the standard says must.
        """
        must = any(tier in requirement(cited).environments for cited in self.requirements)
        grave = self.severity in _STOPPING_SEVERITIES and tier in _STOPPED_TIERS
        return Level.MANDATORY if must or grave else Level.ADVISORY


AnyRule = Rule[Settings]


def rule(  # noqa: PLR0913 - each argument is a documented property of a rule
    *,
    types: Sequence[str],
    severity: Severity,
    remediation: str,
    passing: Sequence[Example],
    failing: Sequence[Example],
    requirements: Sequence[str] = (),
    controls: Controls | None = None,
    settings: type[S] = Settings,
    absence_is_safe: bool = False,
    remedy: Remedy[S] | None = None,
    remedied: Sequence[str] | None = None,
) -> Callable[[Check[S]], AnyRule]:
    """Make a rule of the function below.

    `remedied` are the types that the `remedy` changes, where they are not the judged ones.

    Raises:
        UnknownRequirementError: a cited requirement does not exist.
    """
    for cited in requirements:
        requirement(cited)

    def decorate(check: Check[S]) -> AnyRule:
        title, _, why = inspect.cleandoc(check.__doc__ or "").partition("\n")
        arguments = len(inspect.signature(check).parameters)
        made = Rule(
            id=check.__name__.replace("_", "-"),
            title=title,
            description=why.strip(),
            service=check.__module__.rpartition(".")[2],
            types=tuple(types),
            severity=severity,
            requirements=tuple(requirements),
            controls=controls or Controls(),
            remediation=inspect.cleandoc(remediation),
            settings=settings,
            passing=tuple(passing),
            failing=tuple(failing),
            absence_is_safe=absence_is_safe,
            relates=arguments == _RELATING,
            check=_with_all_arguments(check),
            remedy=_with_all_arguments(remedy) if remedy else None,
            remedied=tuple(types if remedied is None else remedied) if remedy else (),
        )
        return cast("AnyRule", made)

    return decorate


@cache
def rules() -> Mapping[str, AnyRule]:
    """Every rule by id: those in the modules of `policies/rules/`, in the order of their ids."""
    found: dict[str, AnyRule] = {}
    for module in pkgutil.iter_modules(policies.rules.__path__):
        members = vars(importlib.import_module(f"policies.rules.{module.name}"))
        for member in members.values():
            if isinstance(member, Rule):
                found[member.id] = cast("AnyRule", member)
    return dict(sorted(found.items()))


def _with_all_arguments(
    function: Callable[[Subject], Said]
    | Callable[[Subject, S], Said]
    | Callable[[Subject, S, Graph], Said],
) -> Callable[[Subject, S, Graph], Said]:
    """`function`, which takes only what it needs, taking everything."""
    arguments = len(inspect.signature(function).parameters)
    if arguments == _RELATING:
        return cast("Callable[[Subject, S, Graph], Said]", function)
    if arguments == _TOLD:
        told = cast("Callable[[Subject, S], Said]", function)
        return lambda subject, settings, _: told(subject, settings)
    alone = cast("Callable[[Subject], Said]", function)
    return lambda subject, _settings, _graph: alone(subject)
