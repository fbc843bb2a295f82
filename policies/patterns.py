"""Matching names and ARNs with the patterns that AWS takes."""

from fnmatch import fnmatchcase
from typing import Final

_LONGEST: Final = 2048
"""The most characters of an ARN."""


def fits(text: str, pattern: str) -> bool:
    """Whether `text` is as `pattern` says: `*` is any text in it, `?` any character.

    A pattern longer than an ARN fits nothing.
    """
    return len(pattern) <= _LONGEST and fnmatchcase(text, pattern.replace("[", "[[]"))
