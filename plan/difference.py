"""How two plans differ: of one stack at two commits, or of two stacks of one program."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from plan.model import PROVIDER_PREFIX, STACK_TYPE, Options, Plan, Resource, Urn
from plan.values import Value, leaves, path_text

_OPTIONS: Final = Options()
_ENGINE: Final = frozenset({"version", "plugin_download_url"})
"""Options that the SDK sets by itself, to what the packages are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An input or an option that is not the same; `None` where it is not set.

    A secret equals every other one, and so does a value that only an apply brings.
    """

    path: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A resource that both plans have, and what is not the same in it."""

    before: Resource
    after: Resource
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the second of two plans has more, less and otherwise than the first."""

    added: tuple[Resource, ...]
    removed: tuple[Resource, ...]
    changed: tuple[Changed, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(before: Plan, after: Plan) -> Difference:
    """How `after` differs from `before`; the stacks' own names do not count."""
    theirs = {_place(each.urn): each for each in before.resources if each.type != STACK_TYPE}
    ours = {_place(each.urn): each for each in after.resources if each.type != STACK_TYPE}
    common = [(each, ours[place]) for place, each in theirs.items() if place in ours]
    pairs = [(old, new, tuple(_changes(old, new))) for old, new in common]
    return Difference(
        added=tuple(each for place, each in ours.items() if place not in theirs),
        removed=tuple(each for place, each in theirs.items() if place not in ours),
        changed=tuple(
            Changed(before=old, after=new, changes=changes)
            for old, new, changes in pairs
            if changes
        ),
    )


def _place(urn: Urn) -> str:
    """What an URN says without the name of its stack: project, types, name."""
    _, _, rest = urn.partition("::")
    return rest


def _changes(before: Resource, after: Resource) -> Iterator[Change]:
    for old, new in (
        (dict(_inputs(before)), dict(_inputs(after))),
        (dict(_options(before)), dict(_options(after))),
    ):
        for path in sorted({*old, *new}):
            if _told(old.get(path)) != _told(new.get(path)):
                yield Change(path=path, before=old.get(path), after=new.get(path))


def _inputs(resource: Resource) -> Iterator[tuple[str, Value]]:
    if resource.type.startswith(PROVIDER_PREFIX):
        # The SDK adds the package's own version, which is no setting of the stack.
        inputs: Mapping[str, Value] = {
            key: value for key, value in resource.inputs.items() if key != "version"
        }
    else:
        inputs = resource.inputs
    for path, value in leaves(inputs):
        yield path_text(path), value


def _options(resource: Resource) -> Iterator[tuple[str, Value]]:
    for field in fields(Options):
        value = getattr(resource.options, field.name)
        if field.name == "aliases":
            value = tuple(map(_place, value))
        if field.name not in _ENGINE and value != getattr(_OPTIONS, field.name):
            yield f"({field.name.replace('_', ' ')})", value


def _told(value: Value) -> object:
    """What tells `value` from another: what a person would read of it, and what kind it is."""
    return type(value), repr(value)
