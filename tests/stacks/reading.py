"""Reading a plan in a test: the resources of a type, as rules read them."""

from environments import foundations, names
from plan import Plan, Resource
from policies.nodes import Node, Subject
from tests.conftest import PROJECT

ENVIRONMENTS = names(PROJECT)
"""Every environment of the project."""
FOUNDATIONS = foundations(PROJECT)
"""Every foundation of the project."""
ON_AWS = [name for name in ENVIRONMENTS if name != "development"]
"""Those whose edge meets the internet."""


def of_type(plan: Plan, type_: str) -> list[Subject]:
    """The resources of `type_`, as the service and resource of its token: `ec2/subnet`."""
    return [Subject(one) for one in plan.resources if one.type.startswith(f"aws:{type_}:")]


def only(plan: Plan, type_: str, name: str | None = None) -> Subject:
    """The one resource of `type_` that there is, or that is called `name`."""
    (found,) = (one for one in of_type(plan, type_) if name in {None, one.name})
    return found


def statements(policy: Subject) -> dict[str, Node]:
    """The statements of the policy text of a resource, by their `Sid`."""
    found = policy.document("policy").nodes("Statement")
    return {statement.text("Sid") or "": statement for statement in found}


def managed(plan: Plan) -> list[Resource]:
    """The resources that a provider manages."""
    return [one for one in plan.resources if one.type.startswith("aws:")]
