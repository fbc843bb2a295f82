"""Finding and reading the environments of a project: one `Pulumi.<name>.yaml` each."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from ipaddress import IPv4Network
from pathlib import Path
from reprlib import Repr
from typing import Any, Final, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from environments.checks import broken
from environments.foundation import Foundation
from environments.model import Environment
from environments.ranges import overlaps
from environments.record import parts
from environments.settings import ConfigurationError, read_settings, value_of
from environments.stack import Kind, Stack

NAMESPACE: Final = "slipway:"

S = TypeVar("S", bound=Stack)

_SHOWN: Final = Repr()
"""What a message shows of a value: enough to know it by, on one line."""
_SHOWN.maxstring = _SHOWN.maxother = 80


def names(folder: Path) -> list[str]:
    """The environments that there are in the project `folder`, sorted by name."""
    return [name for name in stacks(folder) if not _is_foundation(folder, name)]


def foundations(folder: Path) -> list[str]:
    """The foundations that there are in the project `folder`, one an account, sorted by name."""
    return [name for name in stacks(folder) if _is_foundation(folder, name)]


def stacks(folder: Path) -> list[str]:
    """Every stack that there is in the project `folder`, sorted by name."""
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for path in folder.glob("Pulumi.*.yaml")
    )


def load(name: str, folder: Path) -> Environment:
    """The environment `name` of the project in `folder`.

    Raises:
        ConfigurationError: there is none, or its file is not as it must be.
    """
    path, content = _find(name, "environment", names(folder), folder)
    environment = _validated(Environment, path, content)
    problems = [
        f"{path.name}: {check.key}: {check.message(environment)} ({check.requirement})"
        for check in broken(environment)
    ]
    problems += [
        f"{path.name}: {problem}" for problem in overlaps(environment, _ranges(folder, name))
    ]
    if problems:
        raise ConfigurationError(problems)
    return environment


def _ranges(folder: Path, name: str) -> dict[str, IPv4Network]:
    """The address ranges of the environments beside `name`; what is wrong with one is its own."""
    ranges: dict[str, IPv4Network] = {}
    for other in sorted({*names(folder)} - {name}):
        path = folder / f"Pulumi.{other}.yaml"
        with suppress(ConfigurationError, ValueError):
            config = _mapping(path, _read(path).get("config"), "config")
            aws = _mapping(path, config.get(f"{NAMESPACE}aws"), "aws")
            network = _mapping(path, config.get(f"{NAMESPACE}network"), "network")
            if not aws.get("endpoint"):
                ranges[other] = IPv4Network(str(network.get("cidr")))
    return ranges


def load_foundation(name: str, folder: Path) -> Foundation:
    """The foundation `name` of the project in `folder`, with the environments that stand on it.

    Raises:
        ConfigurationError: there is none, or a file is not as it must be.
    """
    path, content = _find(name, "foundation", foundations(folder), folder)
    named = content.get("environments")
    if isinstance(named, list):
        wrong = [
            f"{path.name}: slipway:environments: there is no environment {one!r}, only: "
            f"{', '.join(names(folder))}"
            for one in cast("list[object]", named)
            if one not in names(folder)
        ]
        if wrong:
            raise ConfigurationError(wrong)
        content["environments"] = [load(one, folder) for one in cast("list[str]", named)]
    return _validated(Foundation, path, content)


def load_stack(name: str, folder: Path) -> Environment | Foundation:
    """The environment or the foundation `name` of the project in `folder`.

    Raises:
        ConfigurationError: there is neither, or its file is not as it must be.
    """
    if name in foundations(folder):
        return load_foundation(name, folder)
    return load(name, folder)


def _is_foundation(folder: Path, name: str) -> bool:
    """Whether a file says that it is a foundation's; a file that cannot be read says nothing."""
    path = folder / f"Pulumi.{name}.yaml"
    try:
        if not path.is_file() or b"slipway:kind" not in path.read_bytes():
            return False
        config = _mapping(path, _read(path).get("config"), "config")
    except (OSError, ConfigurationError):
        return False
    return config.get(f"{NAMESPACE}kind") == Kind.FOUNDATION


def _find(name: str, what: str, known: list[str], folder: Path) -> tuple[Path, dict[str, object]]:
    """The file of the stack `name`, and what it says to us."""
    if name not in known:
        all_ = stacks(folder)
        close = get_close_matches(name, set(all_) - {name}, n=1, cutoff=0.5)
        hint = f", did you mean {close[0]}?" if close and name not in all_ else "."
        there = ", ".join(known if name in all_ else all_) or "none; add a Pulumi.<name>.yaml"
        raise ConfigurationError([f"no {what} {name!r}{hint} There are: {there}"])
    path = folder / f"Pulumi.{name}.yaml"
    content = _read(path)
    config = _mapping(path, content.get("config"), "config")
    own = {key.removeprefix(NAMESPACE): value for key, value in _own(config)}
    return path, own | {"name": name, "secretsProvider": content.get("secretsprovider")}


def _validated(record: type[S], path: Path, content: dict[str, object]) -> S:
    try:
        return record.model_validate(content)
    except ValidationError as error:
        problems = [_problem(path, detail) for detail in error.errors()]
        raise ConfigurationError(problems) from None


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
        field.alias or name for record in parts() for name, field in record.model_fields.items()
    }
    key = str(location[-1])
    close = get_close_matches(key, known - {key}, n=1)
    return f": did you mean {close[0]}?" if close else ""
