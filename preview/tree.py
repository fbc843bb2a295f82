"""A plan's resources as a tree: each below its parent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from plan import Graph, Resource

_PASSED: Final = "│  "
_ENDED: Final = "   "


@dataclass(frozen=True, slots=True)
class Branch:
    """A resource and its place in the tree: how deep, and the lines that lead to it in a text."""

    resource: Resource
    depth: int
    lines: str
    children: int


def branches(graph: Graph) -> Iterator[Branch]:
    """Every resource of the plan once: parents first, siblings by type and name.

    A resource whose parent is not in the plan stands at the top, and so does one of a circle of
    parents, which only a file from elsewhere can hold. Iterative, so that depth is no matter.
    """
    seen: set[str] = set()
    orphans = (
        resource
        for resource in graph.plan.resources
        if resource.parent is None or resource.parent not in graph.by_urn
    )
    for top in _next(orphans, seen):
        yield from _below(graph, top, seen)
    for resource in graph.plan.resources:
        for top in _next([resource], seen):
            yield from _below(graph, top, seen)


def _below(graph: Graph, top: Resource, seen: set[str]) -> Iterator[Branch]:
    # Of each resource still to come: its depth, its lines, and those that its children begin with.
    pending = [(top, 0, "", "")]
    while pending:
        resource, depth, lines, lead = pending.pop()
        children = _next(graph.children(resource.urn), seen)
        yield Branch(resource, depth, lines, len(children))
        inner = [(child, depth + 1, f"{lead}├─ ", lead + _PASSED) for child in children]
        if inner:
            inner[-1] = (children[-1], depth + 1, f"{lead}└─ ", lead + _ENDED)
        pending.extend(reversed(inner))


def _next(resources: Iterable[Resource], seen: set[str]) -> list[Resource]:
    """Those of `resources` that are not in the tree yet, in order; now they are."""
    found: list[Resource] = []
    for resource in sorted(resources, key=lambda each: (each.type, each.name)):
        if resource.urn not in seen:
            seen.add(resource.urn)
            found.append(resource)
    return found
