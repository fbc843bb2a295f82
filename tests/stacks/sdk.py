"""What the SDK's argument classes know of a plan's inputs."""

import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from keyword import iskeyword
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from pulumi import Output

from plan import Resource, Value

_LATER: Final = {"Output": Output, "T": TypeVar("T")}
"""What annotations of the SDK name and its modules do not import."""


def arguments_of(resource: Resource) -> type:
    """The class of the arguments that `resource` of AWS is made from."""
    _, module, name = resource.type.split(":")
    package = module.partition("/")[0]
    package = f"{package}_" if iskeyword(package) else package
    sdk = importlib.import_module(f"pulumi_aws.{package}")
    found = getattr(sdk, f"{name}InitArgs", None) or getattr(sdk, f"{name}Args")
    assert isinstance(found, type)
    return found


def strangers(value: Value, hint: object, path: str = "") -> Iterator[str]:
    """Where in `value` a key stands that the argument class in `hint` does not have."""
    if isinstance(value, list):
        for item in value:
            yield from strangers(item, hint, path)
    elif isinstance(value, Mapping):
        known: dict[str, object] = {}
        for class_ in _classes(hint):
            known |= _properties(class_)
        for key, item in value.items() if known else ():
            here = f"{path}.{key}" if path else key
            if key in known:
                yield from strangers(item, known[key], here)
            else:
                yield here


@cache
def _properties(class_: type) -> dict[str, object]:
    """The properties of an argument class, as the engine calls them, with the type of each."""
    return {
        _camel(name): get_type_hints(member.fget, localns=_LATER)["return"]
        for name, member in vars(class_).items()
        if isinstance(member, property) and member.fget
    }


def _classes(hint: Any) -> Iterator[type]:  # noqa: ANN401 - a type hint is anything
    """The argument classes in a type hint."""
    if get_origin(hint) is None:
        if isinstance(hint, type) and hasattr(hint, "_pulumi_input_type"):
            yield hint
    else:
        for argument in get_args(hint):
            yield from _classes(argument)


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
