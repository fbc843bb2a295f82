"""The plain environment variables of what runs a program: tasks, pods and functions."""

from collections.abc import Mapping
from typing import Final

from policies.nodes import Node, Subject
from policies.workloads import WORKLOADS, pod_of

TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
FUNCTION: Final = "aws:lambda/function:Function"
RUNNERS: Final = (TASK, FUNCTION, *WORKLOADS)


def variables(subject: Subject) -> list[Node]:
    """Each variable of `subject`, with its `name` and, where it stands in plain text, its `value`.

    One that is not known is an item, too: reading it raises.
    """
    if subject.type == FUNCTION:
        given = subject.node("environment").node("variables")
        held = given.raw if isinstance(given.raw, Mapping) else {}
        return [
            Node({"name": name, "value": held[name]}, (*given.path, name)) for name in given.names()
        ]
    if subject.type == TASK:
        containers = subject.documents("containerDefinitions")
        return [one for container in containers for one in container.each("environment")]
    return [one for container in pod_of(subject).containers for one in container.each("env")]
