"""What each rule says of its failing examples, as one text: `make messages` writes it anew."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

from plan.graph import Graph
from plan.values import UNKNOWN
from policies.examples import plan_of
from policies.nodes import Subject
from policies.outcomes import NotApplicable, NotEvaluated, Outcome
from policies.registry import AnyRule, Example, Given, rules
from policies.relations import PHYSICAL_NAMES
from policies.settings import Settings
from standards import Tier
from tests.policies.doors import changed, inputs, judged

FILE: Final = Path(__file__).with_name("messages.txt")

_PLAIN: Final = re.compile(r"\S+ is known after apply")


def reviewed() -> dict[str, list[str]]:
    """What stands in the file: the lines of each rule, by its id."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            lines = found.setdefault(line, [])
        lines.append(line)
    return found


def messages() -> str:
    """The sentences of every rule, by its id and the number of the example."""
    return "".join(f"{line}\n" for rule in rules().values() for line in said_by(rule))


def said_by(rule: AnyRule) -> Iterator[str]:
    """The sentences of one rule: where in the inputs, and what is wrong.

    Of each failing example by its number, in production and where another tier is told something
    else, and of a resource of each type that sets nothing; then
    why it leaves resources of its examples alone in some tier, or cannot decide on them.
    """
    yield rule.id
    for number, example in enumerate(rule.failing, start=1):
        found = list(_found(rule, example))
        yield from (f"  {number} {sentence}" for sentence in found)
        for tier in Tier:
            others = _found(rule, example, rule.settings(tier=tier))
            yield from (f"  {number} in {tier}: {each}" for each in others if each not in found)
    bare = (_found(rule, (Given(type_, "empty"),)) for type_ in rule.types)
    yield from dict.fromkeys(f"  - {sentence}" for sentences in bare for sentence in sentences)
    outcomes = list(_outcomes(rule))
    reasons = {f"  not applicable: {each.reason}" for each in outcomes if _is_other(each)}
    reasons |= {f"  not evaluated: {each.reason}" for each in outcomes if _is_undecided(each)}
    yield from sorted(reasons)


def _found(rule: AnyRule, example: Example, settings: Settings | None = None) -> Iterator[str]:
    for finding in judged(rule, example, settings).findings:
        violation = finding.violation
        where = f"{finding.resource.name} {violation.path}".strip()
        yield f"{where}: {violation.message}"


def _outcomes(rule: AnyRule) -> Iterator[Outcome]:
    """What a rule comes to on its examples in each tier, and where an input is not known."""
    for example in (*rule.passing, *rule.failing):
        for tier in Tier:
            yield from _judged(rule, example, rule.settings(tier=tier))
        for where, _ in inputs(example):
            for value in (UNKNOWN, "elsewhere"):
                yield from _judged(rule, changed(example, where, value), rule.settings())


def _judged(rule: AnyRule, example: Example, settings: Settings) -> Iterator[Outcome]:
    plan = plan_of(example)
    graph = Graph(plan, PHYSICAL_NAMES)
    for resource in plan.resources:
        if resource.type in rule.types:
            yield rule.judge(Subject(resource), settings, graph)


def _is_other(outcome: Outcome) -> TypeGuard[NotApplicable]:
    return isinstance(outcome, NotApplicable)


def _is_undecided(outcome: Outcome) -> TypeGuard[NotEvaluated]:
    """Whether a rule says why in words of its own: not just which input is not known."""
    return isinstance(outcome, NotEvaluated) and not _PLAIN.fullmatch(outcome.reason)


if __name__ == "__main__":
    FILE.write_text(messages(), encoding="utf-8")
