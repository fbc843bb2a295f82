"""Judging a rule's example, as a whole or changed in one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, cast

from policies.examples import plan_of
from policies.judgement import Judgement, judge
from policies.registry import AnyRule, Example, Given, Ref, rules
from policies.settings import Settings

Where: TypeAlias = tuple[int, tuple[str | int, ...]]
"""A place in an example: which resource, and the path in its inputs."""

PASS, FAIL, UNDECIDED, SILENT, ERROR = "pass", "fail", "undecided", "not applicable", "error"


def judged(rule: AnyRule, example: Example, settings: Settings | None = None) -> Judgement:
    """What `rule` alone says of `example`, a stack of production unless `settings` say else."""
    return judge(plan_of(example), [rule], settings or rule.settings())


def verdict(
    rule: AnyRule, example: Example, settings: Settings | None = None, of: str | None = None
) -> str:
    """The judgement in one word, the worst one first; `of` asks for one resource, by its name."""
    judgement = judged(rule, example, settings)
    if judgement.errors:
        return ERROR
    if any(of in {None, finding.resource.name} for finding in judgement.findings):
        return FAIL
    if any(of in {None, undecided.resource.name} for undecided in judgement.not_evaluated):
        return UNDECIDED
    return PASS if judgement.concerned else SILENT


def says(
    rule_id: str, *example: Given, settings: Settings | None = None, of: str | None = None
) -> str:
    """The verdict of the rule called `rule_id`."""
    return verdict(rules()[rule_id], example, settings, of)


def messages(rule_id: str, *example: Given, settings: Settings | None = None) -> list[str]:
    """What the rule called `rule_id` finds wrong, or why it is undecided."""
    judgement = judged(rules()[rule_id], example, settings)
    found = [finding.violation.message for finding in judgement.findings]
    return found + [undecided.reason for undecided in judgement.not_evaluated]


def leaves(example: Example) -> Iterator[tuple[Where, object]]:
    """Every value in the inputs of `example` that is no list or object, or an empty one."""
    for index, given in enumerate(example):
        for path, value in _leaves(given.inputs, ()):
            yield (index, path), value


def inputs(example: Example) -> Iterator[tuple[Where, object]]:
    """Every top-level input of the resources of `example`."""
    for index, given in enumerate(example):
        for key, value in given.inputs.items():
            yield (index, (key,)), value


def changed(example: Example, where: Where, value: object) -> Example:
    """`example` with `value` at `where`."""
    index, path = where
    given = example[index]
    new = cast("Mapping[str, object]", _changed(given.inputs, path, value))
    return (*example[:index], replace(given, inputs=new), *example[index + 1 :])


def _leaves(
    value: object, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, Mapping) and value:
        for key, item in cast("Mapping[str, object]", value).items():
            yield from _leaves(item, (*path, key))
    elif _is_list(cast("object", value)) and value:
        for index, item in enumerate(cast("Sequence[object]", value)):
            yield from _leaves(item, (*path, index))
    elif path:
        yield path, value


def _changed(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    head, *rest = path
    if isinstance(value, Mapping):
        items = dict(cast("Mapping[str | int, object]", value))
        return {**items, head: _changed(items[head], tuple(rest), new)}
    listed = list(cast("Sequence[object]", value))
    listed[int(head)] = _changed(listed[int(head)], tuple(rest), new)
    return listed


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | Ref)
