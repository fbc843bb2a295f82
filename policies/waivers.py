"""Waivers: who may leave which finding as it is, why, and until when. One reviewed file holds them.

What is waived stays in every report, with its waiver. A waiver that has expired, covers nothing or
covers too much fails the run, so that the file holds only what somebody still stands for.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Self, cast

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    Strict,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from policies.registry import rules

MAX_DAYS: Final = 90
"""A quarter: whoever accepts a risk has to look at it again in the next one."""

WARNING_DAYS: Final = 14
"""Two weeks: time to fix what was waived before the waiver's end stops a release."""

_URN: Final = re.compile(r"urn:pulumi:(?P<stack>[^:]+)::(?P<project>[^:]+)::[^:].*::.+", re.DOTALL)
_WILDCARD: Final = re.compile(r"[*?]")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverProblem:
    """What is wrong with a waiver, where it stands, and what to do about it."""

    where: str
    what: str
    remedy: str
    stops: bool = True
    """Whether it fails the run; else it is a warning."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class WaiversError(Exception):
    """The file of waivers cannot be used; holds every problem found in it."""

    def __init__(self, problems: Sequence[WaiverProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class Waiver(BaseModel):
    """One reviewed exception: a rule, an exact resource, a reason, two people and a last day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Text
    resource: Text
    """The URN, which names the stack, too."""
    reason: Annotated[Text, StringConstraints(min_length=10)]
    owner: Text
    approver: Text
    expires: Annotated[date, Strict()]
    """The last day on which it holds."""

    _place: str = PrivateAttr(default="")

    @property
    def place(self) -> str:
        """The file and line where it stands."""
        return self._place

    @property
    def project(self) -> str:
        """The project that the resource belongs to."""
        return self._segment("project")

    @property
    def stack(self) -> str:
        """The stack that the resource belongs to."""
        return self._segment("stack")

    def at(self, place: str) -> Self:
        """The same waiver, which stands at `place`."""
        made = self.model_copy()
        made._place = place  # noqa: SLF001 - its own class
        return made

    def _segment(self, name: str) -> str:
        match = _URN.fullmatch(self.resource)
        return match[name] if match else ""

    @field_validator("rule")
    @classmethod
    def _exists(cls, rule: str) -> str:
        if rule not in rules():
            close = get_close_matches(rule, rules(), n=3)
            hint = f"; closest: {', '.join(close)}" if close else ""
            message = f"there is no rule {rule!r}{hint}"
            raise ValueError(message)
        return rule

    @field_validator("resource")
    @classmethod
    def _is_exact(cls, resource: str) -> str:
        if _WILDCARD.search(resource):
            message = "too broad: it names one resource, without * or ?"
            raise ValueError(message)
        if _URN.fullmatch(resource) is None:
            message = (
                "not a URN, as reports print it: urn:pulumi:<stack>::<project>::<type>::<name>"
            )
            raise ValueError(message)
        return resource

    @model_validator(mode="after")
    def _has_two_people(self) -> Self:
        if self.owner.casefold() == self.approver.casefold():
            message = f"owner and approver are both {self.owner}: somebody else has to approve"
            raise ValueError(message)
        return self


def load_waivers(
    path: Path, today: date, *, stacks: Collection[str] | None = None
) -> tuple[Waiver, ...]:
    """The waivers in the file `path`; none where there is no such file.

    `stacks` are those of the project, if known: a waiver for another one is an error.

    Raises:
        WaiversError: the file is no list of waivers, or one of them is not valid, too broad, there
            twice or made for more than `MAX_DAYS`. Says all that is wrong.
    """
    waivers: list[Waiver] = []
    problems: list[WaiverProblem] = []
    seen: dict[tuple[str, str], str] = {}
    for line, entry, repeated in _entries(path):
        place = f"{path}:{line}"
        found = [f"key {key} stands twice" for key in repeated]
        try:
            waiver = Waiver.model_validate(entry).at(place)
        except ValidationError as error:
            found += [_sentence(one["loc"], one["msg"]) for one in error.errors()]
        else:
            found += _doubts(waiver, today, stacks)
            if first := seen.get((waiver.rule, waiver.resource)):
                found.append(f"{waiver.rule} is already waived for this resource at {first}")
            seen.setdefault((waiver.rule, waiver.resource), place)
            waivers.append(waiver)
        problems += [
            WaiverProblem(where=place, what=what, remedy="correct or remove the waiver")
            for what in found
        ]
    if problems:
        raise WaiversError(problems)
    return tuple(waivers)


def _doubts(waiver: Waiver, today: date, stacks: Collection[str] | None) -> list[str]:
    """What is wrong with a well-formed waiver, seen from `today`."""
    doubts: list[str] = []
    latest = today + timedelta(days=MAX_DAYS)
    if waiver.expires > latest:
        doubts.append(
            f"expires {waiver.expires} is more than {MAX_DAYS} days away: {latest} at most"
        )
    if stacks is not None and waiver.stack not in stacks:
        known = ", ".join(sorted(stacks))
        doubts.append(f"there is no stack {waiver.stack!r}, only: {known}")
    return doubts


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    """A pydantic error as one phrase: the key, then what is wrong with it."""
    key = ".".join(str(part) for part in location)
    message = message.removeprefix("Value error, ")
    return f"{key}: {message}" if key else message


def _entries(path: Path) -> list[tuple[int, object, list[str]]]:
    """Each entry of the file with its line, and the keys that stand in it twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, f"cannot be read: {error}") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        entries: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise _unreadable(where, f"is not YAML that can be read: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        where = f"{path}:{text.count(chr(10), 0, error.position) + 1}"
        what = f"the character U+{error.character:04X} is not allowed"
        raise _unreadable(where, f"is not YAML that can be read: {what}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(path, f"is not YAML that can be read: {error}") from None
    if entries is None:
        return []
    if not isinstance(root, yaml.SequenceNode) or not isinstance(entries, list):
        raise _unreadable(path, "is not a list of waivers")
    return [
        (node.start_mark.line + 1, entry, _repeated(node))
        for node, entry in zip(root.value, cast("list[object]", entries), strict=True)
    ]


def _repeated(node: yaml.Node) -> list[str]:
    """The keys of a mapping that stand in it more than once: YAML silently takes the last."""
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [str(key.value) for key, _ in node.value]
    return sorted({key for key in keys if keys.count(key) > 1})


def _unreadable(where: object, what: str) -> WaiversError:
    remedy = "write one list entry for each waiver, as the comment at its top says"
    return WaiversError([WaiverProblem(where=str(where), what=what, remedy=remedy)])
