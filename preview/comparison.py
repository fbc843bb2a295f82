"""Two environments side by side: what their records and what they declare have apart, and why.

A setting may differ where ENV-07 has it on the list. What is declared may differ where it follows
from such settings alone. That is not guessed: the program is run a second time, as the first
environment with the second one's settings, and must then declare the same.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from environments import Environment, load
from environments.parity import Difference as Setting
from environments.parity import differences, parity_problems
from plan import Plan, Value
from plan.difference import Change, difference
from preview.environment import evaluate_environment

FOLLOWS: Final = "follows from the settings"
WHOLE: Final = ""
"""The path of a difference that is a whole resource."""
_DIGEST: Final = re.compile(
    r"(?<![0-9a-f])(?<!sha256:)(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,64}(?![0-9a-f])"
)
"""A digest of texts, in which their names are lost; an image's stays, since it is told apart."""
_LAYOUT: Final = re.compile(r"[\s\\]+")
"""What wraps a text in lines, at other places where names are longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An input, an option or a whole resource that is not the same in what two stacks declare.

    `allowed` says why it may differ, and is empty where it may not.
    """

    type: str
    name: str
    path: str
    ours: Value
    theirs: Value
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the environment `ours` differs from `theirs`, which it stands in for."""

    ours: Environment
    theirs: Environment
    settings: tuple[Setting, ...]
    problems: tuple[str, ...]
    """What of the settings must not be, in sentences."""
    declared: tuple[Declared, ...]
    names: int
    """How many inputs differ in nothing but names, which are not listed."""

    @property
    def failed(self) -> bool:
        """Whether anything differs that may not."""
        return bool(self.problems) or not all(each.allowed for each in self.declared)


def compare(ours: str, theirs: str, folder: Path) -> Comparison:
    """How the environment `ours` of the project in `folder` differs from `theirs`.

    Raises:
        ConfigurationError: one of them is not as it must be.
        ProjectError: the project's files cannot be read.
        ProgramError: the program raised.
    """
    first, second = load(ours, folder), load(theirs, folder)
    settings = differences(first, second)
    names = list(_names(settings))
    mine, yours = (evaluate_environment(each, folder) for each in (first, second))
    swapped, where = _with_settings_of(second, first.name, folder)
    # Only the name of the stack, and the place of the program, is left to tell these two apart.
    others = [(str(where), str(folder)), (first.name, second.name)]
    unexplained = {(each.type, each.name, each.path) for each in _declared(swapped, yours, others)}
    found = list(_declared(mine, yours, names))
    apart = [
        replace(each, allowed=_reason(each, settings))
        if (each.type, each.name, each.path) not in unexplained
        else each
        for each in found
    ]
    every = sum(len(each.changes) for each in difference(mine, yours).changed)
    inputs = sum(each.path != WHOLE for each in found)
    return Comparison(
        ours=first,
        theirs=second,
        settings=tuple(settings),
        problems=tuple(parity_problems(first, second)),
        declared=tuple(apart),
        names=every - inputs,
    )


def _with_settings_of(record: Environment, name: str, folder: Path) -> tuple[Plan, Path]:
    """What the stack `name` would declare with the settings of `record`, and where it was asked."""
    with TemporaryDirectory() as temporary:
        copy = Path(temporary).resolve()
        for path in folder.iterdir():
            # The files of the others are left out: it would stand beside the one that it copies.
            if not path.match("Pulumi.*.yaml") and not path.name.startswith("."):
                (copy / path.name).symlink_to(path)
        shutil.copyfile(folder / f"Pulumi.{record.name}.yaml", copy / f"Pulumi.{name}.yaml")
        return evaluate_environment(record.model_copy(update={"name": name}), copy), copy


def _declared(mine: Plan, yours: Plan, names: Sequence[tuple[str, str]]) -> Iterator[Declared]:
    """Every difference of two plans but those of `names` alone; none of them is allowed yet."""
    found = difference(mine, yours)
    for resources, (here, there) in (
        (found.removed, ("declared", None)),
        (found.added, (None, "declared")),
    ):
        for each in resources:
            yield Declared(
                type=each.type, name=each.name, path=WHOLE, ours=here, theirs=there, allowed=""
            )
    for changed in found.changed:
        for change in changed.changes:
            if not _in_names_only(change, names):
                yield Declared(
                    type=changed.after.type,
                    name=changed.after.name,
                    path=change.path,
                    ours=change.before,
                    theirs=change.after,
                    allowed="",
                )


def _names(settings: Sequence[Setting]) -> Iterator[tuple[str, str]]:
    """The texts in which the settings that may differ do, the longest first."""
    pairs = [
        pair for each in settings if each.allowed for pair in _texts(each.staging, each.production)
    ]
    yield from sorted(set(pairs), key=lambda pair: (-len(pair[0]), pair))


def _texts(ours: object, theirs: object) -> Iterator[tuple[str, str]]:
    if isinstance(ours, str) and isinstance(theirs, str) and ours:
        yield ours, theirs
    elif isinstance(ours, list) and isinstance(theirs, list):
        lists = cast("list[object]", ours), cast("list[object]", theirs)
        for one, other in zip(*lists, strict=False):
            yield from _texts(one, other)


def _in_names_only(change: Change, names: Sequence[tuple[str, str]]) -> bool:
    before, after = change.before, change.after
    if not isinstance(before, str) or not isinstance(after, str):
        return False
    for ours, theirs in names:
        before, after = before.replace(ours, theirs), after.replace(ours, theirs)
    return _bare(before) == _bare(after)


def _bare(text: str) -> str:
    """`text` without layout, and without digests of what differs elsewhere as well."""
    return _LAYOUT.sub("", _DIGEST.sub("", text))


def _reason(each: Declared, settings: Sequence[Setting]) -> str:
    """Why it may differ: the setting of the same name with the same two values, if there is one."""
    parts = set(each.name.split("-"))
    same = [
        setting.key
        for setting in settings
        if (setting.staging, setting.production) == (each.ours, each.theirs)
        and parts & set(setting.key.split("."))
    ]
    return f"follows from {same[0]}" if len(same) == 1 else FOLLOWS
