"""How the resources of a plan relate: by parent, by reference, by type. Indexed once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar, cast

from plan.model import Plan, Resource, Urn
from plan.values import Secret, Unknown, Value

Index = TypeVar("Index")


class Graph:
    """An index over one plan.

    A reference is followed through the property's recorded dependencies, and through the target's
    id, ARN or name where both are known. `names` tells by type which input holds the name.
    """

    def __init__(self, plan: Plan, names: Mapping[str, str] = MappingProxyType({})) -> None:
        self.plan = plan
        self._names = names
        self._made: dict[object, object] = {}
        self._unresolved: dict[tuple[str, tuple[str, ...]], Resource | None] = {}

    @cached_property
    def by_urn(self) -> dict[Urn, Resource]:
        """Every resource by its URN."""
        return {resource.urn: resource for resource in self.plan.resources}

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        index: defaultdict[str, list[Resource]] = defaultdict(list)
        for resource in self.plan.resources:
            index[resource.type].append(resource)
        return index

    @cached_property
    def _children(self) -> dict[Urn | None, list[Resource]]:
        index: defaultdict[Urn | None, list[Resource]] = defaultdict(list)
        for resource in self.plan.resources:
            index[resource.parent].append(resource)
        return index

    @cached_property
    def _by_identity(self) -> dict[str, list[Resource]]:
        """Resources by each known text that others may refer to them with."""
        index: defaultdict[str, list[Resource]] = defaultdict(list)
        for resource in self.plan.resources:
            for text in self._identities(resource):
                index[text].append(resource)
        return index

    def _identities(self, resource: Resource) -> Iterator[str]:
        """The known texts that name `resource` to others."""
        outputs = resource.outputs or {}
        name = resource.inputs.get(self._names.get(resource.type, ""))
        for value in (outputs.get("id"), outputs.get("arn"), name):
            if isinstance(value, str) and value:
                yield value

    @cached_property
    def _referrers(self) -> dict[Urn, list[tuple[Resource, str]]]:
        index: defaultdict[Urn, list[tuple[Resource, str]]] = defaultdict(list)
        for resource in self.plan.resources:
            for key in dict.fromkeys((*resource.inputs, *resource.property_dependencies)):
                for target in self.references(resource, key):
                    index[target.urn].append((resource, key))
        return index

    def once(self, make: Callable[["Graph"], Index]) -> Index:
        """What `make` makes of this graph, made once: an index needed over and over."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("Index", self._made[make])

    def of_type(self, *types: str) -> Sequence[Resource]:
        """The resources whose type is one of `types`."""
        if len(types) == 1:
            return self._by_type.get(types[0], ())
        return [resource for name in types for resource in self._by_type.get(name, ())]

    def children(self, urn: Urn | None) -> Sequence[Resource]:
        """The resources directly below `urn`; those without a parent for `None`."""
        return self._children.get(urn, ())

    def references(self, resource: Resource, key: str) -> tuple[Resource, ...]:
        """The other resources that the top-level input `key` of `resource` refers to."""
        found: dict[Urn, Resource] = {}
        for urn in resource.property_dependencies.get(key, ()):
            target = self.by_urn.get(urn)
            if target is not None:
                found[urn] = target
        for text in _texts(resource.inputs.get(key)):
            for target in self._by_identity.get(text, ()):
                found[target.urn] = target
        found.pop(resource.urn, None)
        return tuple(found.values())

    def referrers(self, target: Resource, *types: str, key: str | None = None) -> list[Resource]:
        """The resources of `types` that refer to `target`, through the input `key` if given."""
        return [
            resource
            for resource, through in self._referrers.get(target.urn, ())
            if (not types or resource.type in types) and (key is None or key == through)
        ]

    def unresolved(self, key: str, *types: str) -> Resource | None:
        """One of the resources of `types` whose `key` may refer to anything; asked once a key."""
        if (key, types) not in self._unresolved:
            candidates = (one for one in self.of_type(*types) if self.has_unresolved(one, key))
            self._unresolved[key, types] = next(candidates, None)
        return self._unresolved[key, types]

    def has_unresolved(self, resource: Resource, key: str) -> bool:
        """Whether `key` is unknown or secret and nothing recorded says what it refers to."""
        return not self.references(resource, key) and any(
            isinstance(value, Unknown | Secret) for value in _walk(resource.inputs.get(key))
        )


def _walk(value: Value) -> Iterator[Value]:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, Sequence):
            pending.extend(current)
        elif isinstance(current, Mapping):
            pending.extend(current.values())
        else:
            yield current


def _texts(value: Value) -> Iterator[str]:
    return (item for item in _walk(value) if isinstance(item, str))
