"""Reading a resource's inputs safely: typed, with absence, unknowns and hostile values in mind.

Absent and null read alike. An unknown value satisfies "is set" and nothing else: reading it raises,
and the rule is not evaluated. A value of a wrong type fails the rule.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast

from plan.model import Options, Resource
from plan.values import Path, Secret, Unknown, Value, path_text
from policies.outcomes import UnknownValueError, WrongTypeError

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}([.][0-9]{1,15})?")
_LARGEST: Final = 2**53
"""Beyond it a number that came as JSON is no longer exact; no input of AWS takes one. Nor NaN."""
_TRUTHS: Final = {"true": True, "false": False}
_NOTHING: Final[Mapping[str, Value]] = {}
_HIDDEN: Final = (Unknown, Secret)
_OBJECT: Final = (dict, Mapping)


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
    def path(self) -> Path:
        """Where this stands in the resource's inputs."""
        return self._path

    @property
    def here(self) -> str:
        """The property path of this object."""
        return path_text(self._path)

    def has(self, key: str) -> bool:
        """Whether `key` is set to anything, known or not; empty text, list and object are not."""
        value = self._object().get(key)
        return value is not None and value not in ("", [], {}, ())

    def has_text(self, key: str) -> bool:
        """Whether `key` is set to a text, known or not; a blank one is not set.

        Raises:
            WrongTypeError: it is set to something else.
        """
        value = self._object().get(key)
        if isinstance(value, str):
            return bool(value.strip())
        if value is None or isinstance(value, _HIDDEN):
            return value is not None
        raise WrongTypeError((*self._path, key), "text", value)

    def text(self, key: str) -> str | None:
        """The text under `key`, `None` where absent; a number or truth value reads as its text."""
        value = self._known(key)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
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
        if isinstance(value, str) and value in _TRUTHS:
            return _TRUTHS[value]
        raise WrongTypeError((*self._path, key), "true or false", value)

    def number(self, key: str) -> float | None:
        """The number under `key`, `None` where absent; AWS takes a number as text, too."""
        value = self._known(key)
        if value is None:
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= _LARGEST
        ):
            return value
        raise WrongTypeError((*self._path, key), "a number", value)

    def node(self, key: str) -> "Node":
        """The object under `key`; an empty one where absent. A list of one reads as its item."""
        value = self._known(key)
        path = (*self._path, key)
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
            value, path = value[0], (*path, 0)
        if value is None:
            value = _NOTHING
        if not isinstance(value, (Mapping, *_HIDDEN)):
            raise WrongTypeError(path, "an object", value)
        return Node(value, path)

    def nodes(self, key: str) -> "list[Node]":
        """The items of the list under `key`; none where absent. Anything else is a list of one.

        An unknown item is an item: reading it raises, `every` and `some` see it.
        """
        value = self._known(key)
        if value is None:
            return []
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [Node(item, (*self._path, key, index)) for index, item in enumerate(value)]
        return [Node(value, (*self._path, key))]

    def each(self, key: str) -> "list[Node]":
        """Like `nodes`, but a list that is not known reads as one unknown item.

        For what must hold of every item: an unknown part then hides nothing that is known.
        """
        value = self._object().get(key)
        if isinstance(value, _HIDDEN):
            return [Node(value, (*self._path, key))]
        return self.nodes(key)

    def has_texts(self, key: str) -> bool:
        """Whether the list under `key` holds a text, known or not; a blank one is none.

        Raises:
            WrongTypeError: it holds something else.
        """
        return any(
            isinstance(item._value, _HIDDEN) or item.as_text().strip()  # noqa: SLF001 - its own class
            for item in self.each(key)
        )

    @property
    def raw(self) -> Value:
        """What stands here, whatever it is; for `leaves` and for telling kinds apart."""
        return self._value

    @property
    def is_object(self) -> bool:
        """Whether an object stands here, rather than a text or a list."""
        return isinstance(self._value, Mapping)

    def as_text(self) -> str:
        """The text that stands here instead of an object."""
        value = self._value
        if isinstance(value, _HIDDEN):
            raise UnknownValueError(self._path, secret=isinstance(value, Secret))
        if not isinstance(value, str):
            raise WrongTypeError(self._path, "text", value)
        return value

    def texts(self, key: str) -> list[str]:
        """The texts in the list under `key`; none where absent. One text is a list of one.

        Raises:
            UnknownValueError: the list or one of its items is not known.
        """
        return [item.as_text() for item in self.nodes(key)]

    def document(self, key: str) -> "Node":
        """The JSON text under `key` as an object; an empty one where absent.

        Raises:
            WrongTypeError: the text is no JSON object.
        """
        value = self._json(key)
        if value is None:
            value = _NOTHING
        if not isinstance(value, Mapping):
            raise WrongTypeError((*self._path, key), "a JSON object", value)
        return Node(value, (*self._path, key))

    def documents(self, key: str) -> "list[Node]":
        """The JSON text under `key` as a list of objects; none where absent.

        Raises:
            WrongTypeError: the text is no JSON list of objects.
        """
        value = self._json(key)
        path = (*self._path, key)
        if value is None:
            value = ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise WrongTypeError(path, "a JSON list", value)
        for index, item in enumerate(value):
            if not isinstance(item, (Mapping, *_HIDDEN)):
                raise WrongTypeError((*path, index), "an object", item)
        return [Node(item, (*path, index)) for index, item in enumerate(value)]

    def names(self) -> list[str]:
        """The keys of this object.

        Raises:
            UnknownValueError: the object is not known.
        """
        return list(self._object())

    def items(self) -> list[tuple[str, Value]]:
        """The keys of this object, each with what stands there.

        Raises:
            UnknownValueError: the object is not known.
        """
        return list(self._object().items())

    def _object(self) -> Mapping[str, Value]:
        value = self._value
        if isinstance(value, _OBJECT):  # a dict is told at once, any other mapping slowly
            return value
        if isinstance(value, _HIDDEN):
            raise UnknownValueError(self._path, secret=isinstance(value, Secret))
        raise WrongTypeError(self._path, "an object", value)

    def _known(self, key: str) -> Value:
        value = self._object().get(key)
        if isinstance(value, _HIDDEN):
            raise UnknownValueError((*self._path, key), secret=isinstance(value, Secret))
        return value

    def _json(self, key: str) -> Value:
        """What the text under `key` holds; a program may also give the value itself."""
        value = self._known(key)
        if not isinstance(value, str):
            return value
        try:
            return cast("Value", json.loads(value))
        except (ValueError, RecursionError):
            raise WrongTypeError((*self._path, key), "a JSON document", value) from None


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
