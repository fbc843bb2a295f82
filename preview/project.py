"""A Pulumi project's settings files, read as the engine reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from yaml.nodes import MappingNode, Node, ScalarNode

from environments.settings import ConfigurationError, read_settings, value_of
from preview.errors import ProjectError

PLACEHOLDER: Final = "[encrypted]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What the files say of one stack: its settings by full key, structured ones as JSON."""

    name: str
    config: Mapping[str, str]
    secret_keys: frozenset[str]
    warnings: tuple[str, ...]


def find_project(start: Path) -> Path:
    """The folder of the Pulumi project that `start` is in.

    Raises:
        ProjectError: neither `start` nor a folder above it has a `Pulumi.yaml`.
    """
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise ProjectError(f"no Pulumi.yaml in {start} or above it: run slipway inside the project")


def read_project(folder: Path, stack: str) -> Project:
    """The settings of `stack`: the project's own, and over them those of the stack's file.

    An encrypted value is not decrypted: a placeholder takes its place, marked secret.

    Raises:
        ProjectError: a file is missing or malformed.
    """
    try:
        return _read_project(folder, stack)
    except ConfigurationError as error:
        raise ProjectError(str(error)) from None


def _read_project(folder: Path, stack: str) -> Project:
    project_path, stack_path = folder / "Pulumi.yaml", folder / f"Pulumi.{stack}.yaml"
    project, settings = _read(project_path), _read(stack_path)
    name = project.get("name")
    if not isinstance(name, ScalarNode) or not name.value:
        message = f"{project_path.name}: name: a project needs one"
        raise ProjectError(message)
    config: dict[str, str] = {}
    secret_keys: set[str] = set()
    for key, node in _entries(project_path, project.get("config")).items():
        given = _typed(node)
        if given is not None:
            _set(config, secret_keys, _full_key(name.value, key), given)
    for key, node in _entries(stack_path, settings.get("config")).items():
        _set(config, secret_keys, _full_key(name.value, key), node)
    warnings = tuple(
        f"{stack_path.name}: {key} is encrypted: a placeholder stands for it"
        for key in sorted(secret_keys)
    )
    return Project(
        name=name.value,
        config=config,
        secret_keys=frozenset(secret_keys),
        warnings=warnings,
    )


def _read(path: Path) -> dict[str, Node]:
    """The top-level entries of the YAML file `path`."""
    return _entries(path, read_settings(path))


def _entries(path: Path, node: Node | None) -> dict[str, Node]:
    if node is None or (isinstance(node, ScalarNode) and not node.value):
        return {}
    if not isinstance(node, MappingNode):
        message = f"{path.name}:{node.start_mark.line + 1}: keys with values were expected here"
        raise ProjectError(message)
    return {
        key.value: value
        for key, value in cast("list[tuple[Node, Node]]", node.value)
        if isinstance(key, ScalarNode)
    }


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _typed(node: Node) -> Node | None:
    """The value that a project's setting has, where it is written with a type or a default."""
    if not isinstance(node, MappingNode):
        return node
    fields = _entries(Path(), node)
    if fields.keys() <= {"type", "items", "description", "default", "value", "secret"}:
        return fields.get("value", fields.get("default"))
    return node


def _set(config: dict[str, str], secret_keys: set[str], key: str, node: Node) -> None:
    """Put the value of `node` under `key`: text as it is written, everything else as JSON."""
    if isinstance(node, ScalarNode):
        config[key] = node.value
        secret_keys.discard(key)
        return
    shown, encrypted = _without_encrypted(value_of(node, key))
    config[key] = shown if isinstance(shown, str) else json.dumps(shown)
    (secret_keys.add if encrypted else secret_keys.discard)(key)


def _without_encrypted(value: object) -> tuple[object, bool]:
    """`value` with placeholders for what is encrypted, and whether anything was."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if fields.keys() == {"secure"}:
            return PLACEHOLDER, True
        parts = {key: _without_encrypted(item) for key, item in fields.items()}
        return {key: part for key, (part, _) in parts.items()}, any(
            encrypted for _, encrypted in parts.values()
        )
    if isinstance(value, list):
        items = [_without_encrypted(item) for item in cast("list[object]", value)]
        return [item for item, _ in items], any(encrypted for _, encrypted in items)
    return value, False
