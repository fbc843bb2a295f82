"""Finding and reading the environments of a project: one `Pulumi.<name>.yaml` each."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from environments.checks import broken
from environments.model import Environment
from environments.record import Record
from environments.settings import ConfigurationError, read_settings, value_of

NAMESPACE: Final = "slipway:"

_SHOWN: Final = Repr()
"""What a message shows of a value: enough to know it by, on one line."""
_SHOWN.maxstring = _SHOWN.maxother = 80


def names(folder: Path) -> list[str]:
    """The environments that there are in the project `folder`, sorted by name."""
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for path in folder.glob("Pulumi.*.yaml")
    )


def load(name: str, folder: Path) -> Environment:
    """The environment `name` of the project in `folder`.

    Raises:
        ConfigurationError: there is none, or its file is not as it must be.
    """
    known = names(folder)
    if name not in known:
        close = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f", did you mean {close[0]}?" if close else "."
        there = ", ".join(known) or "none; add a Pulumi.<name>.yaml"
        raise ConfigurationError([f"no environment {name!r}{hint} There are: {there}"])
    path = folder / f"Pulumi.{name}.yaml"
    content = _read(path)
    config = _mapping(path, content.get("config"), "config")
    own = {key.removeprefix(NAMESPACE): value for key, value in _own(config)}
    own |= {"name": name, "secretsProvider": content.get("secretsprovider")}
    try:
        environment = Environment.model_validate(own)
    except ValidationError as error:
        problems = [_problem(path, detail) for detail in error.errors()]
        raise ConfigurationError(problems) from None
    problems = [
        f"{path.name}: {check.key}: {check.message(environment)} ({check.requirement})"
        for check in broken(environment)
    ]
    if problems:
        raise ConfigurationError(problems)
    return environment


def _read(path: Path) -> Mapping[str, Any]:
    return _mapping(path, value_of(read_settings(path), path.name), "the file")


def _mapping(path: Path, value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        found = "empty" if value is None else f"a {type(value).__name__}"
        raise ConfigurationError([f"{path.name}: {what} should hold keys, and is {found}"])
    return cast("Mapping[str, Any]", value)


def _own(config: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in config.items() if str(key).startswith(NAMESPACE))


def _problem(path: Path, detail: ErrorDetails) -> str:
    """One line for one problem: file, key, what is wrong, the value."""
    location = detail["loc"]
    key = NAMESPACE + ".".join(str(part) for part in location) if location else "config"
    match detail["type"]:
        case "missing":
            return f"{path.name}: {key} is missing"
        case "extra_forbidden":
            return f"{path.name}: {key} is unknown{_closest(location)}"
        case "refused":
            return f"{path.name}: {key}: {detail['msg']}"
        case _:
            return f"{path.name}: {key}: {detail['msg']}, not {_SHOWN.repr(detail['input'])}"


def _closest(location: tuple[int | str, ...]) -> str:
    """A hint at the key that was meant, among all that the record and its parts have."""
    known = {
        field.alias or name
        for record in Record.__subclasses__()
        for name, field in record.model_fields.items()
    }
    key = str(location[-1])
    close = get_close_matches(key, known - {key}, n=1)
    return f": did you mean {close[0]}?" if close else ""
