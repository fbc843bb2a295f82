"""Reading references to container images: `registry/repository:tag@digest`."""

import re
from dataclasses import dataclass
from typing import Final

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
