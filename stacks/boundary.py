"""The boundary that the foundation sets to an environment, on every role that its stack makes."""

from pulumi import ResourceTransformationArgs, ResourceTransformationResult
from pulumi.runtime import register_stack_transformation

from environments import Environment
from stacks.foundation.identities import Identities
from stacks.naming import Names

_ROLE = "aws:iam/role:Role"


def bind_roles(environment: Environment) -> None:
    """Give every role that is declared from now on the boundary of `environment`.

    The pipeline may make no role without it: one that may do more than the pipeline itself would
    be a way around its own boundary.
    """
    boundary = Identities(Names(environment)).boundary(environment.name)

    def bind(arguments: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if arguments.type_ != _ROLE:
            return None
        props = {**arguments.props, "permissions_boundary": boundary}
        return ResourceTransformationResult(props, arguments.opts)

    register_stack_transformation(bind)
