"""Property values: JSON, and two things that JSON lacks, a value not known yet and a secret.

A secret's plain text is dropped where a plan is made, so that no report, log or file can show it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, final


@final
class Unknown:
    """A value that only exists after an apply, such as the id of a resource not yet created."""

    __slots__ = ("secret",)

    def __init__(self, *, secret: bool = False) -> None:
        self.secret: Final = secret

    def __repr__(self) -> str:
        return "UNKNOWN_SECRET" if self.secret else "UNKNOWN"


@final
class Secret:
    """A value that is set and must not be shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SECRET"


UNKNOWN: Final = Unknown()
UNKNOWN_SECRET: Final = Unknown(secret=True)
SECRET: Final = Secret()

Value: TypeAlias = (
    "bool | int | float | str | Unknown | Secret | Sequence[Value] | Mapping[str, Value] | None"
)
Path: TypeAlias = tuple[str | int, ...]

_BRACKETS: Final = r'\[(?P<index>0|[1-9][0-9]{0,8})\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]'
_KEY: Final = r'(?P<key>[^.\[\]"]+)'
_FIRST: Final = re.compile(rf"{_BRACKETS}|{_KEY}", re.DOTALL)
_SEGMENT: Final = re.compile(rf"{_BRACKETS}|\.{_KEY}", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def leaves(value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Every value below `value` that is neither a list nor an object, with its path.

    An empty list or object is a leaf too. Iterative, so that depth cannot exhaust the stack.
    """
    pending: list[tuple[Path, Value]] = [(path, value)]
    while pending:
        at, current = pending.pop()
        if isinstance(current, Mapping) and current:
            pending.extend(((*at, key), item) for key, item in reversed(list(current.items())))
        elif isinstance(current, Sequence) and not isinstance(current, str) and current:
            pending.extend(
                ((*at, index), current[index]) for index in range(len(current) - 1, -1, -1)
            )
        else:
            yield at, current


def path_text(path: Path) -> str:
    """`path` in Pulumi's property path syntax: `ingress[0].cidrBlocks`, `tags["a.b"]`."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif segment.isidentifier():
            text += f".{segment}" if text else segment
        else:
            escaped = segment.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def parse_path(text: str) -> Path:
    """The path that `path_text` wrote as `text`.

    Raises:
        ValueError: `text` is not a property path.
    """
    segments: list[str | int] = []
    position = 0
    while position < len(text):
        match = (_SEGMENT if position else _FIRST).match(text, position)
        if match is None:
            message = f"{text!r} is not a property path from character {position + 1} on"
            raise ValueError(message)
        if (index := match["index"]) is not None:
            segments.append(int(index))
        elif (quoted := match["quoted"]) is not None:
            segments.append(_ESCAPED.sub(r"\1", quoted))
        else:
            segments.append(match["key"])
        position = match.end()
    return tuple(segments)
