"""Environment files to break: the project's own, changed one key at a time."""

from pathlib import Path
from typing import Any, cast

import yaml

PROJECT = Path(__file__).parents[2]


def content_of(name: str) -> dict[str, Any]:
    """The parsed `Pulumi.<name>.yaml` of this project."""
    text = (PROJECT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def changed(content: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """`content` with the dotted `key` of the record set to `value`, or taken out for `...`."""
    if key == "secretsProvider":
        return {**content, "secretsprovider": value}
    first, *rest = key.split(".")
    path = ["config", f"slipway:{first}", *rest]
    return cast("dict[str, Any]", _changed(content, path, value))


def _changed(node: object, path: list[str], value: object) -> object:
    if not path:
        return value
    here = dict(cast("dict[str, object]", node))
    if len(path) == 1 and value is ...:
        here.pop(path[0])
    else:
        here[path[0]] = _changed(here.get(path[0], {}), path[1:], value)
    return here


def write(folder: Path, name: str, content: object) -> None:
    """Write `content` as the file of environment `name` in `folder`."""
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")
