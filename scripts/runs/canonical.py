"""Canonical JSON (RFC 8785) and its SHA-256: the one form in which a run's records are written.

What is secret never gets this far: a marked value and anything that looks like a credential is
refused, by its place and kind, never by its text.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, cast

import rfc8785
from pydantic import SecretBytes, SecretStr

from policies.credentials import credential_in

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

_LARGEST: Final = 2**53 - 1
"""The largest whole number that JSON holds exactly."""


class NotCanonicalError(ValueError):
    """A value that no record can hold."""


class SecretRefusedError(NotCanonicalError):
    """A secret was about to be written; the message says where and what kind, never the text."""


def canonical(value: Json) -> bytes:
    """`value` in the one form that RFC 8785 gives it.

    Raises:
        SecretRefusedError: it holds a `SecretStr` or `SecretBytes`, or looks like a credential.
        NotCanonicalError: it is not JSON, or holds a number beyond ±(2**53 - 1).
    """
    try:
        written = _written(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise NotCanonicalError(f"cannot be written as canonical JSON: {error}") from None
    if kind := credential_in(written.decode()):
        raise SecretRefusedError(f"looks like {kind}: a record holds no secrets")
    return written


def digest(value: Json) -> str:
    """The SHA-256 of `value` in canonical form, in hex."""
    return sha256(canonical(value))


def sha256(data: bytes) -> str:
    """The SHA-256 of `data`, in hex."""
    return hashlib.sha256(data).hexdigest()


def parse(text: bytes) -> Mapping[str, Json]:
    """The object that `text` is the canonical form of; any other spelling of it is refused.

    Raises:
        NotCanonicalError: it is no JSON object, or not in canonical form.
    """
    try:
        value = cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise NotCanonicalError("is no JSON object")
    found = cast("Mapping[str, Json]", value)
    if canonical(found) != text:
        raise NotCanonicalError("is not in canonical form (RFC 8785): it was edited or reformatted")
    return found


class _RareError(Exception):
    """A value that `json` may write in another form than RFC 8785, or that no record can hold."""


def _written(value: Json) -> bytes:
    """`value` by `json`, which is quick, or by `rfc8785` where the two would differ."""
    try:
        return _encode(_plain(value)).encode()
    except _RareError:
        _check(value, "")
        return rfc8785.dumps(value)


def _check(value: object, where: str) -> None:
    """Refuse secrets, and numbers that could not be read again, by their place."""
    if isinstance(value, SecretStr | SecretBytes):
        raise SecretRefusedError(f"{where or 'the value'} is a secret: a record holds none")
    if isinstance(value, float) and abs(value) > _LARGEST:
        # Written as digits, it would be read as a whole number that is too large.
        raise NotCanonicalError(f"{where or 'the value'} is {value}: at most {_LARGEST} is exact")
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            _check(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("Sequence[object]", value)):
            _check(item, f"{where}[{index}]")


def _plain(value: object) -> object:
    """`value` with floats that are whole as whole numbers, which is how RFC 8785 writes them."""
    if type(value) in _AS_IT_IS or isinstance(value, str):
        return value
    if isinstance(value, int | float) and abs(value) <= _LARGEST:
        if value == int(value):
            return int(value)
        if abs(value) >= _SMALL:
            return value
    elif isinstance(value, dict):
        items = cast("dict[object, object]", value)
        if all(isinstance(key, str) and key.isascii() for key in items):
            return {
                key: item if type(item) in _AS_IT_IS else _plain(item)
                for key, item in items.items()
            }
    elif isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    raise _RareError


_AS_IT_IS: Final = frozenset({str, bool, type(None)})
_SMALL: Final = 1e-4
"""Python writes numbers below it with an exponent, ECMAScript those below 1e-6."""
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
).encode
