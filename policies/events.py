"""Which events a stack sends to somebody: an event rule that takes them, and its target."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import Outcome, all_of, met, some
from policies.relations import companions

EVENT_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET: Final = "aws:cloudwatch/eventTarget:EventTarget"


@lru_cache(maxsize=16)
def is_sent(graph: Graph, source: str, message: str) -> Outcome:
    """Whether an event rule of the stack takes what comes from `source` and has a target.

    Asked once a stack.
    """

    def sends(event_rule: Subject) -> Outcome:
        return all_of(
            some(
                event_rule.document("eventPattern").each("source"),
                lambda one: met(one.as_text() == source),
                "",
            ),
            met((event_rule.text("state") or "ENABLED").startswith("ENABLED")),
            met(companions(event_rule.resource, graph, [EVENT_TARGET], "rule")),
        )

    return some([Subject(one) for one in graph.of_type(EVENT_RULE)], sends, message)
