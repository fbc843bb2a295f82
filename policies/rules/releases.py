"""Rules for what a release leaves in what it runs: the names of its images, its variables."""

import json
import re
from typing import Final

from pydantic import Field

from policies.images import RELEASE_TAG, image_of
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, every, fail, require
from policies.registry import Given, rule
from policies.settings import Settings, Severity
from policies.variables import FUNCTION, RUNNERS, TASK, variables
from policies.workloads import DEPLOYMENT, WORKLOADS, given, named, pod_of

_OURS: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
_DIGEST: Final = f"sha256:{'0' * 64}"


class ReleaseNames(Settings):
    """What the name of an image says."""

    tags: re.Pattern[str] = Field(
        default=RELEASE_TAG, description="The form of a tag that names a release and its commit."
    )


def _running(image: str) -> Given:
    containers = [{"name": "proxy", "image": f"{_OURS}/proxy:v2.0.1-89abcde@{_DIGEST}"}]
    containers.append({"name": "api", "image": image})
    return Given(TASK, "api", {"containerDefinitions": json.dumps(containers)})


@rule(
    types=[TASK, *WORKLOADS],
    severity=Severity.LOW,
    requirements=["ART-01", "ART-03"],
    settings=ReleaseNames,
    remediation="""
        Name the release and its commit beside the digest, as the pipeline pushed it:

            {"name": "api", "image":
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1.4.0-0a1b2c3@sha256:..."}
        """,
    passing=[
        (_running(f"{_OURS}/api:v1.4.0-0a1b2c3@{_DIGEST}"),),
        (_running(f"{_OURS}/api:v1.4.0-rc.1-0a1b2c3d4e5f"),),
        (given({"image": f"{_OURS}/api:v0.10.0-0a1b2c3@{_DIGEST}"}, type_=DEPLOYMENT),),
    ],
    failing=[
        (_running(f"{_OURS}/api@{_DIGEST}"),),
        (_running(f"{_OURS}/api:v1.4-0a1b2c3@{_DIGEST}"),),
        (_running(f"{_OURS}/api:v1.4.0@{_DIGEST}"),),
        (_running(f"{_OURS}/api:1.4.0-0a1b2c3@{_DIGEST}"),),
        (_running(f"{_OURS}/api:v1.4.0-0a1b2c"),),
        (_running(""),),
        (given({"image": f"{_OURS}/api@{_DIGEST}"}, type_=DEPLOYMENT),),
        (
            given(
                {"image": f"{_OURS}/api:v1.4.0-0a1b2c3@{_DIGEST}"},
                initContainers=[{"name": "migrate", "image": f"{_OURS}/migrate@{_DIGEST}"}],
            ),
        ),
    ],
)
def release_in_image_name(runner: Subject, settings: ReleaseNames) -> Outcome:
    """The name of each image says which version it is, and of which commit.

    A digest alone fixes what runs, and tells nobody what that is: with the tag beside it, whoever
    looks at a running task or pod reads its version and the commit to look up.
    """

    def names(container: Node) -> Outcome:
        tag = image_of(container.text("image") or "").tag
        what, path = named(container), container.at("image")
        if not tag:
            return fail(f"{what} has an image that names no version and commit", path)
        return require(
            settings.tags.fullmatch(tag), f"{what} has an image whose tag is {tag}", path
        )

    if runner.type != TASK:
        return pod_of(runner).of_each(names)
    containers = runner.documents("containerDefinitions")
    if not containers:
        return fail("defines no containers", "containerDefinitions")
    return every(containers, names)


_PLACEHOLDER: Final = re.compile(
    r"change[-_ ]?me|replace[-_ ]?me|fix[-_ ]?me|to[-_ ]?do|tbd|tba|placeholder|x{3,}|\?+|\.{3}"
    r"|null|undefined|<[^<>]*>|your[-_ ][\w-]+(-here)?",
    re.IGNORECASE,
)
"""The whole of a value that somebody meant to fill in."""

_UNFILLED: Final = re.compile(r"\$\{(?!env:)[^}]*\}|\{\{.*\}\}|%\([^)]*\)s|<%=.*%>", re.DOTALL)
"""The part of a value that a template was to fill in: no runtime does, but a collector of
OpenTelemetry reads `${env:NAME}` itself."""


class Variables(Settings):
    """Which variables may be as they are."""

    may_be_empty: tuple[str, ...] = Field(
        default=(), description="Names of variables that mean something without a value."
    )


def _told(value: object, name: str = "REGION") -> Given:
    variable = {"name": name, "value": value}
    containers = [{"name": "api", "environment": [{"name": "LOG", "value": "info"}, variable]}]
    return Given(TASK, "api", {"containerDefinitions": json.dumps(containers)})


@rule(
    types=RUNNERS,
    severity=Severity.LOW,
    requirements=["CFG-04"],
    settings=Variables,
    remediation="""
        Give the variable its value in the environment's file, or leave it out:

            aws.lambda_.Function("resize", environment={"variables": {"REGION": "eu-central-1"}})
        """,
    passing=[
        (_told("eu-central-1"),),
        (_told("https://example.com/{id}?to=do"),),
        (_told("exporters: {otlp: {endpoint: '${env:ENDPOINT}'}}", "AOT_CONFIG_CONTENT"),),
        (Given(FUNCTION, "resize", {"environment": {"variables": {"REGION": "eu-central-1"}}}),),
        (given({"env": [{"name": "HOST", "value": "$(NAME).example.com"}]}, type_=DEPLOYMENT),),
        (given({"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}),),
    ],
    failing=[
        (_told("changeme"),),
        (_told("<region>"),),
        (_told("TODO"),),
        (_told("your-region-here"),),
        (_told("https://${HOST}/api"),),
        (_told("{{ region }}"),),
        (_told(" "),),
        (_told(None),),
        (Given(FUNCTION, "resize", {"environment": {"variables": {"REGION": ""}}}),),
        (given({"env": [{"name": "HOST"}]}, type_=DEPLOYMENT),),
    ],
    absence_is_safe=True,
)
def variables_filled_in(runner: Subject, settings: Variables) -> Outcome:
    """Each variable has a value, and none that was meant to be replaced.

    A program that is told `changeme` starts, and fails at the first request that needs to know.
    """

    def is_filled(variable: Node) -> Outcome:
        name = variable.text("name")
        if variable.has("valueFrom") or name in settings.may_be_empty:
            return require(name, "has a variable without a name", variable.here)
        value = (variable.text("value") or "").strip()
        if not value:
            return fail(f"variable {name} has no value", variable.at("value"))
        return require(
            not _PLACEHOLDER.fullmatch(value) and not _UNFILLED.search(value),
            f"variable {name} still has a placeholder",
            variable.at("value"),
        )

    return every(variables(runner), is_filled)
