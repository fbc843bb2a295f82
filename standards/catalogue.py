"""The requirements: what must hold, where, and the sentence that says so."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from standards.figures import Figure

FOLDER: Final = Path(__file__).parent / "requirements"


class UnknownRequirementError(LookupError):
    """No requirement, or no figure of it, has this name."""


class Kind(StrEnum):
    """How a requirement is met."""

    INFRASTRUCTURE = "infrastructure"
    POLICY = "policy"
    SCRIPT = "script"
    PIPELINE = "pipeline"
    DOCUMENT = "document"
    ORGANISATION = "organisation"


class Tier(StrEnum):
    """What an environment is for, in the order that a release moves through them (ENV-01)."""

    DEVELOPMENT = "development"
    INTEGRATION = "integration"
    STAGING = "staging"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement of the standards, as its file under `standards/requirements/` has it."""

    id: str
    title: str
    text: str
    kind: Kind
    also: tuple[Kind, ...] = ()
    environments: tuple[Tier, ...]
    sources: tuple[str, ...]
    values: Mapping[str, int | float] = field(default_factory=lambda: MappingProxyType({}))
    conflicts: str | None = None

    @property
    def theme(self) -> str:
        """The subject that the id opens with: `ENV`, `SCALE`, `SOL`."""
        return self.id.partition("-")[0]


@cache
def _files() -> Mapping[str, Path]:
    """The file of each theme, by theme."""
    return {path.stem.upper(): path for path in sorted(FOLDER.glob("*.toml"))}


@cache
def _theme(name: str) -> Mapping[str, Requirement]:
    """The requirements of one theme by id; a command that needs two figures reads two files."""
    entries = tomllib.loads(_files()[name].read_text(encoding="utf-8"))["requirement"]
    return {
        entry["id"]: Requirement(
            id=entry["id"],
            title=entry["title"],
            text=entry["text"],
            kind=Kind(entry["kind"]),
            also=tuple(Kind(kind) for kind in entry.get("also", ())),
            environments=tuple(Tier(tier) for tier in entry["environments"]),
            sources=tuple(entry["sources"]),
            values=MappingProxyType(entry.get("values", {})),
            conflicts=entry.get("conflicts"),
        )
        for entry in entries
    }


@cache
def requirements() -> Mapping[str, Requirement]:
    """Every requirement by id: themes by name, within a theme in the order of its file."""
    return MappingProxyType(
        {identifier: found for name in _files() for identifier, found in _theme(name).items()}
    )


def requirement(identifier: str) -> Requirement:
    """The requirement with this id.

    Raises:
        UnknownRequirementError: there is none; the message names the closest ids.
    """
    theme = identifier.partition("-")[0]
    known: Mapping[str, Requirement] = _theme(theme) if theme in _files() else {}
    if identifier not in known:
        close = get_close_matches(identifier.upper(), requirements(), n=3, cutoff=0.5)
        hint = f"; closest: {', '.join(close)}" if close else ""
        message = f"no requirement {identifier!r} in the standards{hint}"
        raise UnknownRequirementError(message)
    return known[identifier]


def figure(identifier: str, key: str) -> Figure:
    """The number that requirement `identifier` holds under `key`.

    Raises:
        UnknownRequirementError: no such requirement or key; the message names those there are.
    """
    values = requirement(identifier).values
    if key not in values:
        there = ", ".join(values) or "none"
        message = f"{identifier} has no figure {key!r}; it has: {there}"
        raise UnknownRequirementError(message)
    return Figure(identifier, key, values[key])
