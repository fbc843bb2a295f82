"""Plans from what Pulumi's engine writes: `pulumi stack export` and `pulumi preview --json`.

Both hold resources in the form of the engine's state (`ResourceV3`, Pulumi SDK, `apitype/core.go`).
What the engine will delete, replaces or only reads is left out: no policy would see it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from plan.errors import PlanFileError, shape_error
from plan.model import Options, Plan, Resource, Source, Urn
from plan.values import SECRET, UNKNOWN, Value

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key that marks an object as standing for something else; the kinds are Pulumi's `sig`."""
_SECRET_KIND: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, no secret
_REFERENCE_KIND: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT_KIND: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_WITHHELD: Final = "[secret]"

_URN: Final = re.compile(
    r"urn:pulumi:(?P<stack>[^:]+)::(?P<project>[^:]+)::.+?::(?P<name>.+)", re.DOTALL
)
_POSITION: Final = re.compile(r"project:///(?P<file>(?!\.\./)[^#]+)#(?P<line>\d+)")
"""A line of a file inside the project, as the engine writes it."""
_LIBRARIES: Final = "site-packages"
_GONE: Final = frozenset(
    {
        *("delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"),
        *("read", "read-replacement"),
    }
)
"""Operations of a preview behind which the stack does not manage the resource."""

_FAILED: Final = (
    "the preview failed before its end, so rules that relate resources were not evaluated: "
    "mend the program and preview again"
)
_UNLISTED: Final = (
    "unchanged resources are not listed, so rules that relate resources were not evaluated: "
    "run `pulumi preview --json --show-sames`"
)

Text = Annotated[str, Field(min_length=1)]
Values = dict[str, Any]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)


class _Timeouts(_Entry):
    create: float = 0
    update: float = 0
    delete: float = 0


class _Frame(_Entry):
    source_position: str = ""


class _State(_Entry):
    """One resource in the engine's state."""

    urn: Annotated[str, Field(pattern=_URN.pattern)]
    type: Text
    id: str = ""
    inputs: Values = {}
    outputs: Values = {}
    parent: str = ""
    provider: str = ""
    dependencies: list[str] | None = None
    property_dependencies: dict[str, list[str] | None] | None = None
    delete: bool = False
    external: bool = False
    pending_replacement: bool = False
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    ignore_changes: list[str] | None = None
    replace_on_changes: list[str] | None = None
    aliases: list[str] | None = None
    additional_secret_outputs: list[str] | None = None
    custom_timeouts: _Timeouts | None = None
    source_position: str = ""
    stack_trace: list[_Frame] | None = None

    @property
    def positions(self) -> Iterator[str]:
        """Where the program declares the resource, the innermost frame first."""
        yield self.source_position
        for frame in self.stack_trace or ():
            yield frame.source_position

    @property
    def is_managed(self) -> bool:
        """Whether the stack keeps the resource."""
        return not (self.delete or self.external or self.pending_replacement)


class _Deployment(_Entry):
    resources: list[_State] | None = None


class _Export(_Entry):
    deployment: _Deployment


class _Step(_Entry):
    op: Text
    new_state: _State | None = None


class _Diagnostic(_Entry):
    severity: str = ""


class _Preview(_Entry):
    steps: list[_Step] = []
    change_summary: dict[str, int] = {}
    diagnostics: list[_Diagnostic] = []


def plan_of_export(document: object, name: str) -> Plan:
    """The plan of a stack as `pulumi stack export` wrote it: the whole estate, applied.

    Raises:
        PlanFileError: it is none, or lists no resource.
    """
    try:
        export = _Export.model_validate(document)
    except ValidationError as error:
        raise shape_error(error, name, "write it with `pulumi stack export`") from error
    states = [state for state in export.deployment.resources or [] if state.is_managed]
    return _plan(states, name)


def plan_of_preview(document: object, name: str) -> Plan:
    """The plan of a stack as `pulumi preview --json` wrote it: what it will be.

    It is complete where the program ran to its end and every unchanged resource is listed, which
    `--show-sames` does.

    Raises:
        PlanFileError: it is none, or lists no resource.
    """
    try:
        preview = _Preview.model_validate(document)
    except ValidationError as error:
        raise shape_error(error, name, "write it with `pulumi preview --json`") from error
    listed = sum(step.op == "same" for step in preview.steps)
    doubts = {
        _FAILED: any(diagnostic.severity == "error" for diagnostic in preview.diagnostics),
        _UNLISTED: listed < preview.change_summary.get("same", 0),
    }
    kept = [step.new_state for step in preview.steps if step.op not in _GONE]
    states = [state for state in kept if state and state.is_managed]
    return _plan(states, name, [doubt for doubt, applies in doubts.items() if applies])


def _plan(states: Iterable[_State], name: str, doubts: Sequence[str] = ()) -> Plan:
    """The plan of `states`; each of `doubts` says why a resource may be missing."""
    # A replacement has several steps of one URN; the last one says what will be there.
    by_urn: dict[Urn, _State] = {state.urn: state for state in states}
    if not by_urn:
        raise PlanFileError(
            name, "lists no resource", hint="preview or export a stack that has some"
        )
    stack, project = _parts(next(iter(by_urn)))[:2]
    return Plan(
        project=project,
        stack=stack,
        resources=tuple(_ordered([_resource(state) for state in by_urn.values()])),
        complete=not doubts,
        warnings=tuple(doubts),
    )


def _ordered(resources: Sequence[Resource]) -> Iterable[Resource]:
    """Parents before children, siblings by name and type; a lost parent's children come last."""
    children: dict[Urn | None, list[Resource]] = {}
    for resource in sorted(resources, key=lambda each: (each.name, each.type)):
        children.setdefault(resource.parent, []).append(resource)
    known = {resource.urn for resource in resources}
    lost: list[Urn | None] = [parent for parent in children if parent and parent not in known]
    pending = [*lost, None]
    while pending:
        below = children.get(pending.pop(), [])
        yield from below
        pending.extend(resource.urn for resource in reversed(below))


def _resource(state: _State) -> Resource:
    outputs = {key: _value(item) for key, item in state.outputs.items()}
    if state.id:
        outputs["id"] = _value(state.id)
    dependencies = state.property_dependencies or {}
    return Resource(
        urn=state.urn,
        type=state.type,
        name=_parts(state.urn)[2],
        parent=state.parent or None,
        provider=state.provider or None,
        inputs={key: _value(item) for key, item in state.inputs.items()},
        outputs=outputs or None,
        options=_options(state),
        dependencies=tuple(state.dependencies or ()),
        property_dependencies={key: tuple(urns) for key, urns in dependencies.items() if urns},
        source=_source(state.positions),
    )


def _options(state: _State) -> Options:
    timeouts = state.custom_timeouts.model_dump() if state.custom_timeouts else {}
    return Options(
        protect=state.protect,
        ignore_changes=tuple(state.ignore_changes or ()),
        replace_on_changes=tuple(state.replace_on_changes or ()),
        retain_on_delete=state.retain_on_delete,
        aliases=tuple(state.aliases or ()),
        additional_secret_outputs=tuple(state.additional_secret_outputs or ()),
        custom_timeouts={key: f"{seconds:g}s" for key, seconds in timeouts.items() if seconds},
        deleted_with=state.deleted_with or None,
    )


def _parts(urn: Urn) -> tuple[str, str, str]:
    """Stack, project and name of a URN, whose form has been checked."""
    found = cast("re.Match[str]", _URN.fullmatch(urn))
    return found["stack"], found["project"], found["name"]


def _source(positions: Iterable[str]) -> Source | None:
    """The first of `positions` that is the project's own, and no library's in its folder."""
    for position in positions:
        found = _POSITION.match(position)
        if found and _LIBRARIES not in found["file"]:
            return Source(found["file"], int(found["line"]))
    return None


def _value(value: object) -> Value:
    """A property's value in the engine's JSON, without the secrets that it may hold."""
    match value:
        case str() if value == _UNKNOWN_TEXT:
            return UNKNOWN
        case str() if value == _WITHHELD:
            return SECRET
        case dict():
            return _object(cast("dict[str, object]", value))
        case list():
            return [_value(item) for item in cast("list[object]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return cast("Value", value)


def _object(value: Mapping[str, object]) -> Value:
    match value.get(_SIGNATURE):
        case str(kind) if kind == _SECRET_KIND:
            return SECRET
        case str(kind) if kind == _REFERENCE_KIND:
            return _value(value.get("id") or value.get("urn"))
        case str(kind) if kind == _OUTPUT_KIND:
            if value.get("secret"):
                return SECRET
            return _value(value["value"]) if "value" in value else UNKNOWN
        case _:
            return {key: _value(item) for key, item in value.items() if key != _SIGNATURE}
