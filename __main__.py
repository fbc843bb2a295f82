"""The Pulumi program: the stack's name says which file to declare, the file what it is of."""

from pathlib import Path

from pulumi import RunError, get_stack

from environments import ConfigurationError, Foundation, load_stack

try:
    stack = load_stack(get_stack(), Path(__file__).parent)
except ConfigurationError as error:
    raise RunError(str(error)) from None
# Each imports what it declares, and only that: loading the SDK takes longer than declaring.
if isinstance(stack, Foundation):
    from stacks.foundation.declare import declare_foundation

    declare_foundation(stack)
else:
    from stacks.declare import declare

    declare(stack)
