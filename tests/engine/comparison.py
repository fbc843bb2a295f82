"""How what a pack sees under the engine may differ from the offline plan, and nothing else may.

The engine shows inputs behind the provider's `Check`. Offline no provider is asked, so these
differences, and only these, are allowed:

- a property, at the top or nested, that only the engine has: a default, a name made up by the
  provider, `tagsAll`;
- a value unknown offline and known to the engine, where it was computed from another resource:
  the provider knows some outputs before an apply (a name that it made up);
- a number or flag written as text, or the other way round: `Check` turns it into the schema's type;
- an empty list, object or text that `Check` leaves out;
- aliases that the engine does not show, as it does for a resource that has no state yet;
- further secret outputs that the provider or the SDK's schema asks for.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeGuard, cast

from plan import SECRET, UNKNOWN, UNKNOWN_SECRET, Plan, Resource, Unknown, Value
from plan.values import parse_path
from tests.engine.engine import Json, Recording, Shown

Values: TypeAlias = "Mapping[str, Value]"

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 the protocol's mark, no secret
_UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def differences(plan: Plan, recording: Recording) -> list[str]:
    """Every difference between `plan` and what the engine showed that is not allowed."""
    offline = {resource.urn: resource for resource in plan.resources}
    found = [f"{urn}: only offline" for urn in offline.keys() - recording.alone.keys()]
    found += [f"{urn}: only under the engine" for urn in recording.alone.keys() - offline.keys()]
    for urn in sorted(offline.keys() & recording.alone.keys()):
        alone, together = recording.alone[urn], recording.together.get(urn, {})
        found += [f"{urn}: {text}" for text in _resource(offline[urn], alone, together)]
    return found


def _resource(resource: Resource, alone: Shown, together: Shown) -> Iterator[str]:
    options = _object(alone.get("options"))
    provider = _object(alone.get("provider"))
    facts: dict[str, tuple[object, object]] = {
        "type": (resource.type, alone.get("type")),
        "name": (resource.name, alone.get("name")),
        "parent": (resource.parent or "", options.get("parent", "")),
        "provider": (resource.provider, provider.get("urn")),
        "protect": (resource.options.protect, options.get("protect", False)),
        "ignoreChanges": (list(resource.options.ignore_changes), options.get("ignoreChanges", [])),
        "deleteBeforeReplace": (
            resource.options.delete_before_replace,
            options.get("deleteBeforeReplace", False)
            if options.get("deleteBeforeReplaceDefined")
            else None,
        ),
        "customTimeouts": (
            {key: _seconds(text) for key, text in resource.options.custom_timeouts.items()},
            {key: value for key, value in _object(options.get("customTimeouts")).items() if value},
        ),
        "dependencies": (list(resource.dependencies), sorted(_texts(together.get("dependencies")))),
        "propertyDependencies": (
            {key: list(urns) for key, urns in resource.property_dependencies.items()},
            {
                key: sorted(urns)
                for key, item in _object(together.get("propertyDependencies")).items()
                if (urns := _texts(_object(item).get("urns")))
            },
        ),
    }
    for name, (offline, engine) in facts.items():
        if offline != engine:
            yield f"{name}: offline {offline!r}, engine {engine!r}"
    secret = {*_texts(options.get("additionalSecretOutputs"))}
    if not secret.issuperset(resource.options.additional_secret_outputs):
        yield f"additionalSecretOutputs: offline has more than {sorted(secret)}"
    aliases = _texts(options.get("aliases"))
    if aliases and sorted(aliases) != sorted(resource.options.aliases):
        yield f"aliases: offline {resource.options.aliases}, engine {aliases}"
    yield from _value("", resource.inputs, _from_wire(alone.get("properties") or {}), resource)


def _value(path: str, offline: Value, engine: Value, resource: Resource) -> Iterator[str]:
    if isinstance(offline, Mapping) and isinstance(engine, Mapping):
        for key, item in offline.items():
            here = f"{path}.{key}" if path else key
            if key in engine:
                yield from _value(here, item, engine[key], resource)
            elif not _is_empty(item):
                yield f"input {here}: offline {item!r}, none under the engine"
    elif _is_list(offline) and _is_list(engine) and len(offline) == len(engine):
        for index, (one, other) in enumerate(zip(offline, engine, strict=True)):
            yield from _value(f"{path}[{index}]", one, other, resource)
    elif isinstance(offline, Unknown):
        computed = parse_path(path)[0] in resource.property_dependencies
        if offline is not engine and (isinstance(engine, Unknown) or not computed):
            yield f"input {path}: offline {offline!r}, engine {engine!r}"
    elif offline != engine and not _same_text(offline, engine):
        yield f"input {path}: offline {offline!r}, engine {engine!r}"


def _is_list(value: Value) -> TypeGuard[Sequence[Value]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_empty(value: Value) -> bool:
    return value in (None, "", [], {})


def _same_text(one: Value, other: Value) -> bool:
    scalars = (bool, int, float, str)
    return (
        isinstance(one, scalars)
        and isinstance(other, scalars)
        and str(one).lower() == str(other).lower()
    )


def _from_wire(value: Json) -> Value:
    """A value as the engine sends it, in the terms of a plan."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWNS else value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_from_wire(item) for item in value]
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            hidden = _from_wire(value.get("value"))
            return UNKNOWN_SECRET if isinstance(hidden, Unknown) else SECRET
        return {key: _from_wire(item) for key, item in value.items()}
    return value


def _object(value: Json) -> Shown:
    return value if isinstance(value, dict) else {}


def _texts(value: Json) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else []


def _seconds(text: str) -> float:
    """A timeout as the engine shows it: `30m` is 1800."""
    return float(text[:-1]) * _SECONDS[text[-1]]
