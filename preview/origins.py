"""Where resources come from: the line that declares each, and the figures that its inputs hold."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Protocol, TypeGuard, cast, runtime_checkable

from pulumi import Resource, ResourceTransformationArgs

from plan import Cited, Source, Value
from plan.values import Path as PropertyPath
from plan.values import path_text
from preview.errors import ProgramError, chain
from preview.names import child_urn

_HERE: Final = str(Path(__file__).parent)
_DEPTH: Final = 50  # deeper than any provider's inputs; ends the walk of a list that holds itself


@runtime_checkable
class _Figure(Protocol):
    requirement: str
    key: str


@dataclass(frozen=True, slots=True)
class _Number:
    """A standard's number among the raw properties, at a path of the program's own key names.

    `amount` is what stands there: the number, or the text that was written from it.
    """

    path: PropertyPath
    amount: float | str
    figure: _Figure


@dataclass(frozen=True, slots=True)
class Origin:
    """What the program's side knows of a resource and never sends to the engine."""

    source: Source | None = None
    numbers: tuple[_Number, ...] = ()

    def cited(self, inputs: Mapping[str, Value]) -> tuple[Cited, ...]:
        """The figures that reached `inputs`, the recorded properties."""
        found: list[Cited] = []
        for number in self.numbers:
            path = _recorded_path(inputs, number)
            if path is not None:
                figure = number.figure
                found.append(Cited(path_text(path), figure.requirement, figure.key))
        return tuple(found)


class Origins:
    """Notes the origin of every resource as it is constructed; `note` is a stack transformation."""

    def __init__(self, folder: Path, stack_urn: str) -> None:
        self._folder: Final = folder
        self._stack_urn: Final = stack_urn
        self._urns: Final[dict[Resource, str]] = {}
        self._origins: Final[dict[str, Origin]] = {}
        self._file: Final = cache(partial(project_file, folder=folder))

    def note(self, args: ResourceTransformationArgs) -> None:
        """Remember the line and the figures of the resource under construction.

        Raises:
            ProgramError: another resource has its URN, which the engine refuses.
        """
        parent = args.opts.parent
        parent_urn = self._urns.get(parent) if parent else self._stack_urn
        if parent_urn is None:
            return  # below a resource of another program, which is never recorded here
        urn = child_urn(parent_urn, args.type_, args.name)
        self._urns[args.resource] = urn
        if args.opts.urn is not None:
            return  # a second object for a resource that was registered before
        source = self._source(args.resource)
        if urn in self._origins:
            first = self._origins[urn].source
            message = f"Duplicate resource URN '{urn}', as at {first}; try giving it a unique name"
            raise ProgramError(message, source=source)
        self._origins[urn] = Origin(source, tuple(_numbers(args.props)))

    def of(self, urn: str) -> Origin:
        """The origin of the resource `urn`, an empty one for what the engine makes itself."""
        return self._origins.get(urn, Origin())

    def _source(self, resource: Resource) -> Source | None:
        """The innermost line of the project that is not the resource's own constructor."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] the documented way to a caller's frame
        while frame is not None:
            file = self._file(frame.f_code.co_filename)
            if file is not None and not (
                frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is resource
            ):
                return Source(file, frame.f_lineno)
            frame = frame.f_back
        return None


def project_file(file: str, folder: Path) -> str | None:
    """`file` relative to `folder`; None for what is not the project's: libraries, this package."""
    path = Path(file)
    if not path.is_relative_to(folder) or path.is_relative_to(_HERE):
        return None
    relative = path.relative_to(folder)
    if "site-packages" in relative.parts:
        return None
    return relative.as_posix()


def raised_at(error: BaseException, folder: Path) -> Source | None:
    """The innermost line of the project in the traceback of `error` or of what caused it."""
    for seen in chain(error):
        if isinstance(seen, SyntaxError) and seen.filename:
            file = project_file(seen.filename, folder)
            if file is not None:
                return Source(file, seen.lineno or 1)
        found = _innermost(seen.__traceback__, folder)
        if found is not None:
            return found
    return None


def _innermost(traceback: TracebackType | None, folder: Path) -> Source | None:
    found: Source | None = None
    while traceback is not None:
        file = project_file(traceback.tb_frame.f_code.co_filename, folder)
        if file is not None:
            found = Source(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def _numbers(properties: object) -> Iterable[_Number]:
    """Every number and text below `properties` that remembers a figure, inside input types too."""
    pending: list[tuple[PropertyPath, object]] = [((), properties)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, bool | None) or len(path) > _DEPTH:
            continue
        if isinstance(value, str):
            figures = cast("Iterable[object]", getattr(value, "figures", ()))
            yield from (_Number(path, value, each) for each in figures if isinstance(each, _Figure))
            continue
        if isinstance(value, int | float):
            figure = getattr(value, "figure", None)
            if isinstance(figure, _Figure):
                yield _Number(path, value, figure)
        elif isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            pending.extend(((*path, key), item) for key, item in items)
        elif isinstance(value, Sequence):
            items = enumerate(cast("Sequence[object]", value))
            pending.extend(((*path, index), item) for index, item in items)
        elif _is_input_type(value):
            pending.extend(((*path, key), item) for key, item in vars(value).items())


def _is_input_type(value: object) -> TypeGuard[object]:
    """Whether `value` is an instance of a class that the SDK generated for nested inputs."""
    return hasattr(type(value), "_pulumi_input_type")


def _recorded_path(inputs: Mapping[str, Value], number: _Number) -> PropertyPath | None:
    """Where `number` stands in `inputs`, None where it did not arrive as it was."""
    path: list[str | int] = []
    current: Value = inputs
    for segment in number.path:
        step = _recorded_step(current, segment)
        if step is None:
            return None
        key, current = step
        path.append(key)
    same = isinstance(current, int | float | str) and current == number.amount
    return tuple(path) if same else None


def _recorded_step(recorded: Value, segment: str | int) -> tuple[str | int, Value] | None:
    """The key that the SDK sent `segment` as, itself or its camelCase form, and what it holds."""
    if isinstance(recorded, list) and isinstance(segment, int) and segment < len(recorded):
        return segment, recorded[segment]
    if isinstance(recorded, dict) and isinstance(segment, str):
        plain = segment.replace("_", "").lower()
        keys = (segment, *(key for key in recorded if key.lower() == plain))
        return next(((key, recorded[key]) for key in keys if key in recorded), None)
    return None
