"""A plan in a file: what was measured and decided, for approvers to sign and for later to run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from preview.files import replace
from scripts.cutover.planning.request import Cutover, RequestError, read
from scripts.runs.canonical import NotCanonicalError, canonical, parse


def save(path: Path, cutover: Cutover, plan: str) -> None:
    """Write `cutover`, whose plan has the hash `plan`, whole or not at all."""
    content = canonical({"cutover": cutover.inputs, "plan": plan})
    replace(path, content + b"\n", mode=0o644)


def saved(path: Path) -> tuple[Cutover, str]:
    """The cutover in the file `path`, and the hash that its plan had.

    Raises:
        RequestError: it holds none.
    """
    try:
        content = cast("Mapping[str, Any]", parse(path.read_bytes().removesuffix(b"\n")))
        return read(content["cutover"]), str(content["plan"])
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}") from None
    except (NotCanonicalError, KeyError) as error:
        raise RequestError(f"{path} holds no plan of a cutover: {error}") from None
