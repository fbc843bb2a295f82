"""Which region of AWS a resource is in."""

from plan.graph import Graph
from policies.nodes import Subject

_REGION = 3
_PARTS = 6


def region_of(subject: Subject, graph: Graph) -> str | None:
    """The region that the resource names, else its provider's; `None` where neither does.

    Raises:
        UnknownValueError: it is known after an apply.
    """
    own = subject.text("region")
    if own:
        return own
    reference = subject.resource.provider or ""
    provider = graph.by_urn.get(reference) or graph.by_urn.get(reference.rpartition("::")[0])
    return Subject(provider).text("region") if provider else None


def region_in(arn: str) -> str:
    """The region that stands in `arn`; empty where none does."""
    parts = arn.split(":", _PARTS)
    return parts[_REGION] if len(parts) > _REGION and parts[0] == "arn" else ""
