"""What part of a stack a resource belongs to."""

from collections.abc import Iterator
from typing import Final

from plan import Graph, Resource
from plan.model import STACK_TYPE
from preview.verdict import is_managed

_SERVICE_COMPONENT: Final = "slipway:services:Service"


def part_of(resource: Resource, graph: Graph) -> str:
    """The service that `resource` belongs to, else the part of the stack, else AWS's service."""
    part = ""
    for above in _ancestors(resource, graph):
        if above.type == _SERVICE_COMPONENT:
            return above.name
        if above.type != STACK_TYPE and not is_managed(above):
            part = above.name
    return part or resource.type.partition(":")[2].partition("/")[0]


def _ancestors(resource: Resource, graph: Graph) -> Iterator[Resource]:
    seen = {resource.urn}
    parent = graph.by_urn.get(resource.parent or "")
    while parent is not None and parent.urn not in seen:
        seen.add(parent.urn)
        yield parent
        parent = graph.by_urn.get(parent.parent or "")
