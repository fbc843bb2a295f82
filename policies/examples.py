"""Turning a rule's example into a plan, as a first preview would hold it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from plan.model import Options, Plan, Resource, Urn
from plan.values import UNKNOWN, Value
from policies.registry import Example, Given, Ref

PROJECT = "example"
STACK = "production"


def plan_of(example: Example) -> Plan:
    """The plan that holds the resources of `example`.

    A `Ref` is a value that is known after an apply, of which the plan records what it refers to.

    Raises:
        KeyError: a `Ref` names a resource that the example lacks.
    """
    urns: defaultdict[str, list[Urn]] = defaultdict(list)
    for given in example:
        urns[given.name].append(urn(given.type, given.name))
    return Plan(
        project=PROJECT,
        stack=STACK,
        resources=tuple(_resource(given, urns) for given in example),
    )


def urn(type_: str, name: str) -> Urn:
    """The URN of a resource without a parent."""
    return f"urn:pulumi:{STACK}::{PROJECT}::{type_}::{name}"


def _resource(given: Given, urns: Mapping[str, Sequence[Urn]]) -> Resource:
    own = urn(given.type, given.name)

    def find(name: str) -> Urn:
        """The other resource called `name`; as in a program, two types may share a name."""
        found = [each for each in urns.get(name, ()) if each != own]
        if not found:
            message = f"{given.name} refers to {name}, which the example lacks"
            raise KeyError(message)
        return found[0]

    dependencies = {
        key: tuple(dict.fromkeys(find(name) for name in _names(value)))
        for key, value in given.inputs.items()
    }
    return Resource(
        urn=own,
        type=given.type,
        name=given.name,
        provider=find(given.provider) if given.provider else None,
        inputs={key: _value(value) for key, value in given.inputs.items()},
        options=Options(protect=given.protect, ignore_changes=given.ignore_changes),
        dependencies=tuple(dict.fromkeys(urn for found in dependencies.values() for urn in found)),
        property_dependencies={key: found for key, found in dependencies.items() if found},
    )


def _names(value: object) -> list[str]:
    if isinstance(value, Ref):
        return [value.name]
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).values()
        return [name for item in items for name in _names(item)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [name for item in cast("Sequence[object]", value) for name in _names(item)]
    return []


def _value(value: object) -> Value:
    if isinstance(value, Ref):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(item) for item in cast("Sequence[object]", value)]
    return cast("Value", value)
