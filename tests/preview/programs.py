"""Small Pulumi programs, written where a test runs and evaluated there."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from plan import Plan, Resource
from preview.fixtures import Fixtures
from preview.runner import evaluate

PRELUDE = """\
import pulumi
from pulumi import ComponentResource, CustomResource, Output, ResourceOptions

class Thing(CustomResource):
    value: Output[str]
    def __init__(self, name, props=None, opts=None):
        super().__init__("test:index:Thing", name, {"value": None, **(props or {})}, opts)

class Group(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("my:index:Group", name, None, opts)

class Cloud(pulumi.ProviderResource):
    def __init__(self, name, props=None, opts=None):
        super().__init__("test", name, props or {}, opts)

"""
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def write(folder: Path, text: str, **files: str) -> Path:
    """A program in `folder` with `text` behind the prelude; `files` are modules beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__main__.py").write_text(PRELUDE + dedent(text), encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.py").write_text(dedent(content), encoding="utf-8")
    return folder


def line(text: str, marker: str) -> int:
    """The number of the line of the written program that contains `marker`."""
    lines = (PRELUDE + dedent(text)).splitlines()
    return next(number for number, content in enumerate(lines, 1) if marker in content)


def plan_of(
    folder: Path,
    text: str,
    config: Mapping[str, str] | None = None,
    *,
    secret_keys: frozenset[str] = frozenset(),
    fixtures: Fixtures | None = None,
    **files: str,
) -> Plan:
    """The plan of a program in `folder` with `text` behind the prelude."""
    return evaluate(
        write(folder, text, **files),
        project="shop",
        stack="dev",
        config=config,
        secret_keys=secret_keys,
        fixtures=fixtures,
    )


def named(plan: Plan, name: str) -> Resource:
    """The one resource of `plan` with `name`."""
    (found,) = (resource for resource in plan.resources if resource.name == name)
    return found
