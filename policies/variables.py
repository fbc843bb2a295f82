"""The plain environment variables of what runs a program: tasks, pods and functions."""

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
        return [
            Node({"name": name, "value": value}, (*given.path, name))
            for name, value in given.items()
        ]
    if subject.type == TASK:
        containers = subject.documents("containerDefinitions")
        return [one for container in containers for one in container.each("environment")]
    return [one for container in pod_of(subject).containers for one in container.each("env")]
