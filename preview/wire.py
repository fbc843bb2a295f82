"""Property values as the SDK sends them to the engine, turned into a plan's."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, cast

from google.protobuf import struct_pb2

from plan import SECRET, UNKNOWN, UNKNOWN_SECRET, Unknown, Value

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 the protocol's mark, no secret
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def properties(struct: struct_pb2.Struct) -> dict[str, Value]:
    """The properties in `struct`, without the engine's internal ones."""
    return {key: _value(field) for key, field in struct.fields.items() if not key.startswith("__")}


def struct(values: Mapping[str, Json]) -> struct_pb2.Struct:
    """`values` as the SDK expects an answer."""
    message = struct_pb2.Struct()
    message.update(values)
    return message


def with_dependencies(
    values: struct_pb2.Struct, urns: Mapping[str, Iterable[str]]
) -> struct_pb2.Struct:
    """`values`, each with the resources of `urns` that it was computed from.

    The engine hands properties to a transform in this form.
    """
    message = struct_pb2.Struct()
    for key, field in values.fields.items():
        message.fields[key].CopyFrom(_output(field, sorted(urns.get(key, ()))))
    return message


def dependencies(values: struct_pb2.Struct) -> dict[str, set[str]]:
    """The resources that the output values in each of `values` were computed from."""
    return {key: set(_dependencies(field)) for key, field in values.fields.items()}


def _output(field: struct_pb2.Value, urns: list[str]) -> struct_pb2.Value:
    if not urns:
        return field
    message = struct_pb2.Value()
    message.struct_value.update({SIGNATURE: _OUTPUT, "dependencies": urns})
    fields = message.struct_value.fields
    if _signature(field) == _SECRET:
        fields["secret"].bool_value = True
        field = field.struct_value.fields["value"]
    if field.string_value != _UNKNOWN:
        fields["value"].CopyFrom(field)
    return message


def _dependencies(field: struct_pb2.Value) -> Iterator[str]:
    kind = field.WhichOneof("kind")
    if kind == "list_value":
        for item in field.list_value.values:
            yield from _dependencies(item)
    elif kind == "struct_value":
        fields = field.struct_value.fields
        if _signature(field) == _OUTPUT and "dependencies" in fields:
            yield from (item.string_value for item in fields["dependencies"].list_value.values)
        for item in fields.values():
            yield from _dependencies(item)


def _signature(field: struct_pb2.Value) -> str | None:
    """The mark of a value that is no plain object, None for every other value."""
    if field.WhichOneof("kind") != "struct_value":
        return None
    fields = field.struct_value.fields
    return fields[SIGNATURE].string_value if SIGNATURE in fields else None


def _value(field: struct_pb2.Value) -> Value:  # noqa: PLR0911 one for each kind
    kind = field.WhichOneof("kind")
    if kind == "string_value":
        text = field.string_value
        return UNKNOWN if text == _UNKNOWN else text
    if kind == "bool_value":
        return field.bool_value
    if kind == "number_value":
        number = field.number_value
        return int(number) if number.is_integer() else number
    if kind == "list_value":
        return [_value(item) for item in field.list_value.values]
    if kind == "struct_value":
        fields = field.struct_value.fields
        if SIGNATURE in fields:
            return _marked(field)
        return {key: _value(item) for key, item in fields.items()}
    return None


def _marked(field: struct_pb2.Value) -> Value:
    fields = cast("Mapping[str, struct_pb2.Value]", field.struct_value.fields)
    signature = fields[SIGNATURE].string_value
    if signature == _SECRET:
        return _hidden(_value(fields["value"]))
    if signature == _RESOURCE:
        # A policy pack sees a resource that is passed whole as its id, a component as its URN.
        if "id" not in fields:
            return fields["urn"].string_value
        return _value(fields["id"]) or UNKNOWN
    if signature == _OUTPUT:
        known = _value(fields["value"]) if "value" in fields else UNKNOWN
        return _hidden(known) if "secret" in fields and fields["secret"].bool_value else known
    return {key: _value(item) for key, item in fields.items()}


def _hidden(value: Value) -> Value:
    return UNKNOWN_SECRET if isinstance(value, Unknown) else SECRET
