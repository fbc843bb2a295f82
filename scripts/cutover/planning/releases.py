"""Which releases are asked for: a file that a build writes, or images named one by one."""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from environments import Environment
from scripts.cutover.planning.request import RequestError

_DIGEST: Final = re.compile(r"(?:[^\s@]+@)?(sha256:[0-9a-f]{64})")
PAGES: Final = "frontend"
"""What the pages are called among the services."""


PagesRelease = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class ReleaseFile(BaseModel):
    """What a build writes down: what it made, by service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: dict[str, str] = Field(default_factory=dict[str, str])
    pages: PagesRelease | None = None


def wanted(
    environment: Environment, file: Path | None, images: Iterable[str], pages: str | None
) -> Mapping[str, str]:
    """What each service is to run, in the order in which they are moved (PIPE-13).

    Raises:
        RequestError: none is named, or a service is not there, or an image is named by its tag.
    """
    named = dict(_pair(image) for image in images)
    if file:
        read = _read(file)
        named = {**read.images, **named}
        pages = pages or read.pages
    if not named and not pages:
        raise RequestError(
            "name what to release: --release FILE, or --image SERVICE=IMAGE@sha256:…"
        )
    known = movable(environment)
    found = {service: _digest(service, image) for service, image in named.items()}
    if pages:
        found[PAGES] = pages
    for service in found:
        _check_known(service, known)
    return {service: found[service] for service in known if service in found}


def movable(environment: Environment) -> list[str]:
    """What can be moved, in the order of the environment's file: the pages last."""
    first = environment.cutover.order
    services = [*first, *(name for name in environment.services if name not in first)]
    if environment.kubernetes is not None:
        services.append("mcp")
    return [*services, PAGES] if environment.frontend else services


def _check_known(service: str, known: list[str]) -> None:
    if service in known:
        return
    close = get_close_matches(service, known, n=1)
    hint = f", did you mean {close[0]}?" if close else "."
    raise RequestError(f"no service {service!r}{hint} There are: {', '.join(known)}")


def _pair(text: str) -> tuple[str, str]:
    service, is_pair, image = text.partition("=")
    if not is_pair or not service:
        raise RequestError(f"--image {text}: write SERVICE=REPOSITORY@sha256:DIGEST")
    return service, image


def _digest(service: str, image: str) -> str:
    """The digest of `image`: a tag can be moved, and would not say what runs (ART-02)."""
    found = _DIGEST.fullmatch(image)
    if found is None:
        raise RequestError(
            f"{service}: {image!r} is no image by digest: write repository@sha256: and its 64 "
            "digits; a tag can be moved (ART-02)"
        )
    return found[1]


def _read(file: Path) -> ReleaseFile:
    try:
        text = file.read_text(encoding="utf-8")
        content = cast(
            "object", json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        )
        return ReleaseFile.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestError(f"{file}: {place}: {first['msg']}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RequestError(f"{file}: cannot be read: {error}") from None
