"""Reading references to container images: `registry/repository:tag@digest`."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from pydantic import Field

from policies.nodes import Node
from policies.outcomes import Outcome, all_of, fail, require
from policies.settings import Settings

DOCKER_HUB: Final = "docker.io"
"""Where an image without a registry comes from."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
RELEASE_TAG: Final = re.compile(
    r"v(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z.-]+)?-[0-9a-f]{7,12}"
)
"""The form `v{semver}-{git-sha-short}` (ART-07)."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a reference says of an image; tag and digest are empty where it does not say."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def is_pinned(self) -> bool:
        """Whether the reference names one image for good: a tag may be moved, a digest not."""
        return bool(_DIGEST.fullmatch(self.digest))


def image_of(reference: str) -> Image:
    """The parts of `reference`, told apart as container runtimes do."""
    name, _, digest = reference.partition("@")
    host, slash, rest = name.partition("/")
    if not slash or not (host == "localhost" or "." in host or ":" in host):
        host, rest = DOCKER_HUB, name
    path, _, last = rest.rpartition("/")
    last, _, tag = last.partition(":")
    return Image(host, f"{path}/{last}" if path else last, tag, digest)


class Images(Settings):
    """Where images may come from, and how they are tagged."""

    registries: tuple[str, ...] = Field(
        default=("*.dkr.ecr.*.amazonaws.com",),
        description="Hosts that images may come from; `*` stands for any text.",
    )
    tags: re.Pattern[str] = Field(
        default=RELEASE_TAG, description="The form of a tag, where an image has one."
    )


def is_release(holder: Node, key: str, name: str, settings: Images) -> Outcome:
    """Whether the image under `key` is one release for good, from a registry that is allowed."""
    reference, path = holder.text(key), holder.at(key)
    if not reference:
        return fail(f"{name} names no image", path)
    image = image_of(reference)
    return all_of(
        require(image.is_pinned, f"{name} has an image without a digest", path),
        require(
            not image.tag or settings.tags.fullmatch(image.tag),
            f"{name} has an image with the tag {image.tag}, which names no release",
            path,
        ),
        require(
            any(fnmatchcase(image.registry, one) for one in settings.registries),
            f"{name} has an image from {image.registry}",
            path,
        ),
    )
