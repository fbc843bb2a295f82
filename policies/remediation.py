"""Changing a resource's inputs for a remedy: what was given stays as it is."""

from collections.abc import Mapping, Sequence

from plan.values import Path, Value


def with_input(inputs: Mapping[str, Value], path: Path, value: Value) -> Mapping[str, Value]:
    """`inputs` with `value` at `path`, as new objects along the way; absent ones are made."""
    head, *rest = path
    return {**inputs, str(head): _set(inputs.get(str(head)), tuple(rest), value)}


def _set(current: Value, path: Path, value: Value) -> Value:
    if not path:
        return value
    head, *rest = path
    if isinstance(current, Sequence) and not isinstance(current, str):
        items = list(current)
        items[int(head)] = _set(items[int(head)], tuple(rest), value)
        return items
    return with_input(current if isinstance(current, Mapping) else {}, path, value)
