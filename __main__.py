"""The Pulumi program: the stack's name says which environment's file to declare."""

from pathlib import Path

from pulumi import RunError, get_stack

from environments import ConfigurationError, load
from stacks.declare import declare

try:
    environment = load(get_stack(), Path(__file__).parent)
except ConfigurationError as error:
    raise RunError(str(error)) from None
declare(environment)
