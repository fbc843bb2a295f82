"""Rules for the images that tasks of ECS run."""

import json
from typing import Final

from policies.images import Images, is_release
from policies.nodes import Subject
from policies.outcomes import Outcome, every, fail
from policies.registry import Given, rule
from policies.settings import Severity
from policies.variables import TASK

_OURS: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
_DIGEST: Final = f"sha256:{'0' * 64}"


def _running(*images: str) -> Given:
    """A task with a container for each of `images`, for the examples."""
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return Given(TASK, "api", {"containerDefinitions": json.dumps(containers)})


@rule(
    types=[TASK],
    severity=Severity.MEDIUM,
    requirements=["ART-07", "POD-01"],
    settings=Images,
    remediation="""
        Take the image from the team's own registry, by its digest:

            {"name": "api", "image":
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1.4.0-0a1b2c3@sha256:..."}
        """,
    passing=[
        (_running(f"{_OURS}/api@{_DIGEST}"),),
        (_running(f"{_OURS}/api:v1.4.0-0a1b2c3@{_DIGEST}", f"{_OURS}/proxy@{_DIGEST}"),),
    ],
    failing=[
        (_running("api"),),
        (_running(f"{_OURS}/api:v1.4.0-0a1b2c3"),),
        (_running(f"{_OURS}/api:latest@{_DIGEST}"),),
        (_running(f"{_OURS}/api:1.4@{_DIGEST}"),),
        (_running(f"public.ecr.aws/team/api@{_DIGEST}"),),
        (_running(f"{_OURS}/api@{_DIGEST}", "busybox:latest"),),
    ],
)
def ecs_image_pinned(task: Subject, settings: Images) -> Outcome:
    """Every image of a task is named by its digest, from a registry of one's own.

    A tag can be moved: two tasks of one release then run different code, and nobody reviewed the
    second. Where an image has a tag, it says which release and commit it is.
    """
    containers = task.documents("containerDefinitions")
    if not containers:
        return fail("defines no containers", "containerDefinitions")
    return every(
        containers,
        lambda one: is_release(one, "image", f"container {one.text('name')}", settings),
    )
