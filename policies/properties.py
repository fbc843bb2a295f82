"""Property values as the engine sends them to a policy pack, turned into a plan's and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from google.protobuf import json_format, struct_pb2
from pulumi_policy import proxy

from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET, Unknown, Value

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark, no secret
_UNKNOWNS: Final = frozenset(
    {
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
    }
)


def decoded(struct: struct_pb2.Struct) -> dict[str, Value]:
    """The properties in `struct`: unknowns marked, secrets dropped, whole numbers whole."""
    return {key: _decoded(field) for key, field in struct.fields.items()}


def encoded(
    struct: struct_pb2.Struct, before: Mapping[str, Value], after: Mapping[str, Value]
) -> struct_pb2.Struct:
    """`struct`, which holds `before`, changed to hold `after`.

    What stays the same is copied as it came, so that a secret, an unknown or an asset beside a
    change reaches the provider whole.
    """
    raw = json_format.MessageToDict(struct)
    message = struct_pb2.Struct()
    message.update(cast("dict[str, Any]", _merged(raw, before, after)))
    return message


def _decoded(field: struct_pb2.Value) -> Value:
    kind = field.WhichOneof("kind")
    if kind == "string_value":
        text = field.string_value
        return UNKNOWN if text in _UNKNOWNS else text
    if kind == "number_value":
        number = field.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return field.bool_value
    if kind == "list_value":
        return [_decoded(item) for item in field.list_value.values]
    if kind == "struct_value":
        return _object(field.struct_value)
    return None


def _object(struct: struct_pb2.Struct) -> Value:
    fields = struct.fields
    if _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET:
        hidden = _decoded(fields["value"]) if "value" in fields else None
        return UNKNOWN_SECRET if isinstance(hidden, Unknown) else SECRET
    return decoded(struct)


def _merged(raw: object, before: Value, after: Value) -> object:
    """`raw`, which stands for `before`, changed to stand for `after`."""
    if after is before or (type(after) is type(before) and after == before):
        return raw
    if isinstance(after, Mapping):
        if not isinstance(raw, Mapping) or not isinstance(before, Mapping):
            raw, before = {}, {}
        raws = cast("Mapping[str, object]", raw)
        return {key: _merged(raws.get(key), before.get(key), item) for key, item in after.items()}
    if isinstance(after, Sequence) and not isinstance(after, str):
        same = isinstance(raw, list) and isinstance(before, Sequence) and len(before) == len(after)
        if same:
            pairs = zip(cast("list[object]", raw), cast("Sequence[Value]", before), strict=True)
            return [
                _merged(old_raw, old, item)
                for (old_raw, old), item in zip(pairs, after, strict=True)
            ]
        return [_merged(None, None, item) for item in after]
    return after
