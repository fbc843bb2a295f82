"""Plans as files: JSON in the format that `docs/plan.md` describes."""

import math
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from plan.errors import PlanFileError, json_kind, shape_error
from plan.model import Cited, Options, Plan, Resource, Source
from plan.schema import OptionsEntry, PlanEntry, ResourceEntry
from plan.state import plan_of_export, plan_of_preview
from plan.values import (
    SECRET,
    UNKNOWN,
    UNKNOWN_SECRET,
    Secret,
    Unknown,
    Value,
    parse_path,
    path_text,
)
from plan.values import Path as PropertyPath

VERSION: Final = 1
SECRET_TEXT: Final = "[secret]"  # noqa: S105 - what stands in a secret's place
# A reader takes 200 levels of brackets; four stand round a resource's inputs.
DEPTH: Final = 190

_NO_OPTIONS: Final = Options()
_NOTHING: Final[Mapping[str, object]] = {}
_OPTION_KEYS: Final = {option.name: to_camel(option.name) for option in fields(Options)}

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def dump(plan: Plan) -> dict[str, Json]:
    """The JSON object that stands for `plan`.

    Raises:
        ValueError: a number is not finite, which JSON cannot say.
    """
    return {
        "version": VERSION,
        "project": plan.project,
        "stack": plan.stack,
        "complete": plan.complete,
        "warnings": list(plan.warnings),
        "resources": [_resource(resource) for resource in plan.resources],
    }


def dumps(plan: Plan) -> str:
    """The text of `plan`'s file.

    Raises:
        ValueError: a number is not finite, which JSON cannot say.
    """
    return to_json(dump(plan), indent=2).decode() + "\n"


def read_plan(path: Path) -> Plan:
    """The plan in the file at `path`: one of ours, or an export or a preview of Pulumi's.

    Raises:
        PlanFileError: there is no readable plan there.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise PlanFileError(str(path), f"cannot be read: {error.strerror}") from error
    return loads(text, str(path))


def loads(text: str | bytes, name: str) -> Plan:
    """The plan that `text` holds; errors call it `name`.

    Raises:
        PlanFileError: it holds none that can be read.
    """
    try:
        document: object = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        hint = "the file is damaged or cut off: write it again"
        raise PlanFileError(name, f"is not JSON: {error}", hint=hint) from error
    keys = cast("dict[str, object]", document) if isinstance(document, dict) else _NOTHING
    if "deployment" in keys:
        return plan_of_export(keys, name)
    if "steps" in keys or "changeSummary" in keys:
        return plan_of_preview(keys, name)
    _check_version(keys, name)
    try:
        entry = PlanEntry.model_validate(document)
    except ValidationError as error:
        raise shape_error(error, name, "docs/plan.schema.json has the format") from error
    seen: dict[str, int] = {}
    resources: list[Resource] = []
    for number, item in enumerate(entry.resources):
        where = f"resources[{number}]"
        if item.urn in seen:
            problem = f"has the URN of resources[{seen[item.urn]}], {item.urn}"
            raise PlanFileError(name, problem, where, "list each resource once")
        seen[item.urn] = number
        resources.append(_read_resource(item, name, where))
    return Plan(
        project=entry.project,
        stack=entry.stack,
        resources=tuple(resources),
        complete=entry.complete,
        warnings=tuple(entry.warnings),
    )


def _resource(resource: Resource) -> dict[str, Json]:
    inputs = _Writer()
    outputs = _Writer()
    source = resource.source
    entry: dict[str, Json] = {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "parent": resource.parent,
        "provider": resource.provider,
        "inputs": inputs.write(resource.inputs),
        "outputs": None if resource.outputs is None else outputs.write(resource.outputs),
        "options": _options(resource.options),
        "dependencies": list(resource.dependencies),
        "propertyDependencies": {
            key: list(urns) for key, urns in resource.property_dependencies.items()
        },
        "secrets": inputs.secrets,
        "unknowns": inputs.unknowns,
        "figures": [
            {"path": cited.path, "requirement": cited.requirement, "key": cited.key}
            for cited in resource.figures
        ],
        "source": None if source is None else {"file": source.file, "line": source.line},
    }
    if outputs.secrets:
        entry["outputSecrets"] = outputs.secrets
    if outputs.unknowns:
        entry["outputUnknowns"] = outputs.unknowns
    return entry


class _Writer:
    """Turns the properties of a resource into JSON, and notes where JSON cannot say it all."""

    def __init__(self) -> None:
        self.secrets: list[Json] = []
        self.unknowns: list[Json] = []

    def write(self, value: Value, path: PropertyPath = ()) -> Json:
        if value is None or isinstance(value, str | int):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                message = f"{path_text(path)} is {value}, which JSON cannot say"
                raise ValueError(message)
            return value
        if isinstance(value, Secret):
            self.secrets.append(path_text(path))
            return SECRET_TEXT
        if isinstance(value, Unknown):
            self.unknowns.append(path_text(path))
            if value.secret:
                self.secrets.append(path_text(path))
            return None
        if len(path) > DEPTH:
            message = f"{path_text(path[:3])} nests more than {DEPTH} levels deep"
            raise ValueError(message)
        if isinstance(value, Mapping):
            return {key: self.write(item, (*path, key)) for key, item in value.items()}
        return [self.write(item, (*path, index)) for index, item in enumerate(value)]


def _options(options: Options) -> dict[str, Json]:
    entry: dict[str, Json] = {}
    for name, key in _OPTION_KEYS.items():
        value: bool | str | tuple[str, ...] | Mapping[str, str] | None = getattr(options, name)
        if value == getattr(_NO_OPTIONS, name):
            continue
        if isinstance(value, tuple):
            entry[key] = list(value)
        else:
            entry[key] = dict(value) if isinstance(value, Mapping) else value
    return entry


def _check_version(document: Mapping[str, object], name: str) -> None:
    if "version" not in document:
        hint = "`slipway plan ENVIRONMENT --output FILE` writes one"
        raise PlanFileError(name, "is not a plan: it has no `version`", hint=hint)
    version = document["version"]
    if type(version) is not int or version != VERSION:
        shown = version if isinstance(version, int | str) else json_kind(version)
        problem = f"is {shown!r}; this release reads version {VERSION}"
        raise PlanFileError(name, problem, "version", "write the plan again with this release")


def _read_resource(entry: ResourceEntry, name: str, where: str) -> Resource:
    source = entry.source
    inputs = _Reader(name, f"{where}.inputs", entry.inputs)
    inputs.mark(f"{where}.unknowns", entry.unknowns, f"{where}.secrets", entry.secrets)
    outputs = _Reader(name, f"{where}.outputs", entry.outputs or {})
    outputs.mark(
        *(f"{where}.outputUnknowns", entry.output_unknowns),
        *(f"{where}.outputSecrets", entry.output_secrets),
    )
    return Resource(
        urn=entry.urn,
        type=entry.type,
        name=entry.name,
        parent=entry.parent,
        provider=entry.provider,
        inputs=entry.inputs,
        outputs=entry.outputs,
        options=_read_options(entry.options) if entry.options.model_fields_set else _NO_OPTIONS,
        dependencies=tuple(entry.dependencies),
        property_dependencies={
            key: tuple(urns) for key, urns in entry.property_dependencies.items()
        },
        source=None if source is None else Source(source.file, source.line),
        figures=tuple(Cited(item.path, item.requirement, item.key) for item in entry.figures),
    )


def _read_options(entry: OptionsEntry) -> Options:
    return Options(
        protect=entry.protect,
        ignore_changes=tuple(entry.ignore_changes),
        replace_on_changes=tuple(entry.replace_on_changes),
        delete_before_replace=entry.delete_before_replace,
        retain_on_delete=entry.retain_on_delete,
        aliases=tuple(entry.aliases),
        additional_secret_outputs=tuple(entry.additional_secret_outputs),
        custom_timeouts=entry.custom_timeouts,
        deleted_with=entry.deleted_with,
        import_id=entry.import_id,
        version=entry.version,
        plugin_download_url=entry.plugin_download_url,
    )


class _Reader:
    """Puts back, in the properties of a resource, what the file's paths say of them."""

    def __init__(self, name: str, where: str, properties: dict[str, Any]) -> None:
        self.name = name
        self.where = where
        self.properties = properties

    def mark(
        self, unknowns_at: str, unknowns: list[str], secrets_at: str, secrets: list[str]
    ) -> None:
        """Mark the values at the paths in `unknowns` and `secrets`."""
        for number, text in enumerate(unknowns):
            self._replace(text, f"{unknowns_at}[{number}]", self._unknown)
        for number, text in enumerate(secrets):
            self._replace(text, f"{secrets_at}[{number}]", self._secret)

    def _replace(self, text: str, at: str, replacement: Callable[[Any, str], Value]) -> None:
        try:
            path = parse_path(text)
        except ValueError as error:
            raise PlanFileError(self.name, str(error), at, "write it as in docs/plan.md") from error
        holder: Any = self.properties
        try:
            for segment in path[:-1]:
                holder = _item(holder, segment)
            value = _item(holder, path[-1])
        except LookupError:
            problem = f"{text!r} names nothing in {self.where}"
            hint = "list only paths that are there"
            raise PlanFileError(self.name, problem, at, hint) from None
        holder[path[-1]] = replacement(value, at)

    def _unknown(self, value: object, at: str) -> Value:
        if value is not None and not isinstance(value, Unknown):
            problem = f"points to {json_kind(value)} in {self.where}, and an unknown value is null"
            raise PlanFileError(self.name, problem, at, "write null there, or drop the path")
        return UNKNOWN

    @staticmethod
    def _secret(value: object, _at: str) -> Value:
        """A secret, whatever the file has in its place: a plain text goes no further."""
        return UNKNOWN_SECRET if isinstance(value, Unknown) else SECRET


def _item(holder: object, segment: str | int) -> object:
    """What `holder` has at `segment`; a key fits objects alone, an index arrays."""
    if isinstance(segment, str) and isinstance(holder, MutableMapping):
        return cast("MutableMapping[str, object]", holder)[segment]
    if isinstance(segment, int) and isinstance(holder, MutableSequence):
        return cast("MutableSequence[object]", holder)[segment]
    raise LookupError(segment)
