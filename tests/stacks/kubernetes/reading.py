"""Reading what a plan declares inside the cluster."""

from collections.abc import Mapping
from typing import Any, Final, cast

from plan import Plan, Resource
from plan.values import UNKNOWN
from policies.nodes import Subject

WITH_CLUSTER: Final = ("integration", "staging", "production")
"""The environments of the project that have a cluster (POD-03)."""


def inside(plan: Plan) -> list[Resource]:
    """Everything that is declared inside the cluster."""
    return [one for one in plan.resources if one.type.startswith("kubernetes:")]


def the(plan: Plan, kind: str, name: str = "mcp") -> Subject:
    """The one resource of `kind` inside the cluster that is called `name`."""
    (found,) = (one for one in inside(plan) if one.type.endswith(f":{kind}") and one.name == name)
    return Subject(found)


def manifest(resource: Resource) -> dict[str, Any]:
    """What the cluster is given, with a stand-in for what is known after an apply alone."""
    return cast("dict[str, Any]", _known(resource.inputs))


def pod(plan: Plan) -> dict[str, Any]:
    """The pod that the workload runs."""
    return cast(
        "dict[str, Any]", manifest(the(plan, "Deployment").resource)["spec"]["template"]["spec"]
    )


def _known(value: object) -> object:
    if value is UNKNOWN:
        return "known-after-apply"
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_known(item) for item in cast("list[object]", value)]
    return value
