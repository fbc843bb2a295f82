"""Reading a resource's inputs safely: typed, with absence, unknowns and hostile values in mind.

Absent and null read alike. An unknown value satisfies "is set" and nothing else: reading it raises,
and the rule is not evaluated. A value of a wrong type fails the rule.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

from plan.model import Options, Resource
from plan.values import UNKNOWN, Path, Secret, Unknown, Value, path_text
from policies.outcomes import UnknownValueError, WrongTypeError

_TRUTHS: Final = {"true": True, "false": False}
_NOTHING: Final[Mapping[str, Value]] = {}


class Node:
    """An object somewhere inside a resource's inputs, which knows its path there."""

    __slots__ = ("_path", "_value")

    def __init__(self, value: Value, path: Path = ()) -> None:
        self._value = value
        self._path = path

    def at(self, key: str) -> str:
        """The property path of `key`, for a violation to name."""
        return path_text((*self._path, key))

    @property
    def here(self) -> str:
        """The property path of this object."""
        return path_text(self._path)

    def has(self, key: str) -> bool:
        """Whether `key` is set to anything, known or not; empty text, list and object are not."""
        value = self._raw(key)
        return value is not None and value not in ("", [], {}, ())

    def is_known(self, key: str) -> bool:
        """Whether `key` can be compared: absent or known, and no secret."""
        return not isinstance(self._raw(key), Unknown | Secret)

    def text(self, key: str) -> str | None:
        """The text under `key`, `None` where absent; a number or truth value reads as its text."""
        value = self._known(key)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if value is None or isinstance(value, str):
            return value
        raise WrongTypeError((*self._path, key), "text", value)

    def flag(self, key: str) -> bool | None:
        """The truth value under `key`, `None` where absent; AWS takes "true" as text, too."""
        value = self._known(key)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
        raise WrongTypeError((*self._path, key), "true or false", value)

    def number(self, key: str) -> float | None:
        """The number under `key`, `None` where absent; AWS takes a number as text, too."""
        value = self._known(key)
        if isinstance(value, bool):
            raise WrongTypeError((*self._path, key), "a number", value)
        if value is None or isinstance(value, int | float):
            return value
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                pass
        raise WrongTypeError((*self._path, key), "a number", value)

    def node(self, key: str) -> "Node":
        """The object under `key`; an empty one where absent. A list of one reads as its item."""
        value = self._known(key)
        path = (*self._path, key)
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
            value, path = value[0], (*path, 0)
        if value is None:
            value = _NOTHING
        if not isinstance(value, Mapping | Unknown | Secret):
            raise WrongTypeError(path, "an object", value)
        return Node(value, path)

    def nodes(self, key: str) -> "list[Node]":
        """The objects in the list under `key`; none where absent. One object is a list of one.

        An unknown item is an item: reading it raises, `every` and `some` see it.
        """
        value = self._known(key)
        if value is None:
            return []
        if isinstance(value, Mapping):
            return [Node(value, (*self._path, key))]
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise WrongTypeError((*self._path, key), "a list of objects", value)
        return [Node(item, (*self._path, key, index)) for index, item in enumerate(value)]

    def texts(self, key: str) -> list[str]:
        """The texts in the list under `key`; none where absent. One text is a list of one.

        Raises:
            UnknownValueError: the list or one of its items is not known.
        """
        value = self._known(key)
        if value is None:
            return []
        items = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
        found: list[str] = []
        for index, item in enumerate(items):
            path = (*self._path, key, index)
            if isinstance(item, Unknown | Secret):
                raise UnknownValueError(path, secret=isinstance(item, Secret))
            if not isinstance(item, str):
                raise WrongTypeError(path, "text", item)
            found.append(item)
        return found

    def document(self, key: str) -> "Node":
        """The JSON text under `key` as an object; an empty one where absent.

        Raises:
            WrongTypeError: the text is no JSON object.
        """
        value = self._known(key)
        path = (*self._path, key)
        if isinstance(value, str):
            try:
                value = cast("Value", json.loads(value))
            except (ValueError, RecursionError):
                raise WrongTypeError(path, "a JSON document", value) from None
        if value is None:
            value = _NOTHING
        if not isinstance(value, Mapping):
            raise WrongTypeError(path, "a JSON object", value)
        return Node(value, path)

    def keys(self) -> list[str]:
        """The keys of this object.

        Raises:
            UnknownValueError: the object is not known.
        """
        return list(self._object())

    def _object(self) -> Mapping[str, Value]:
        value = self._value
        if isinstance(value, Unknown | Secret):
            raise UnknownValueError(self._path, secret=isinstance(value, Secret))
        if not isinstance(value, Mapping):
            raise WrongTypeError(self._path, "an object", value)
        return value

    def _raw(self, key: str) -> Value:
        if isinstance(self._value, Unknown):
            return UNKNOWN
        return self._object().get(key)

    def _known(self, key: str) -> Value:
        value = self._object().get(key)
        if isinstance(value, Unknown | Secret):
            raise UnknownValueError((*self._path, key), secret=isinstance(value, Secret))
        return value


class Subject(Node):
    """The resource that a rule judges: its inputs, and what the engine knows of it."""

    __slots__ = ("resource",)

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.inputs)
        self.resource = resource

    @property
    def type(self) -> str:
        """The type token, as Pulumi prints it."""
        return self.resource.type

    @property
    def name(self) -> str:
        """The logical name."""
        return self.resource.name

    @property
    def options(self) -> Options:
        """The resource options; under the engine only `protect` and `aliases` are known."""
        return self.resource.options
