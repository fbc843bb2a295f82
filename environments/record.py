"""What every part of an environment's record is made of: its base, and the types of its values."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from environments.bounds import refused

_BY_DIGEST: Final = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}")


def _by_digest(image: str) -> str:
    if not _BY_DIGEST.fullmatch(image):
        raise refused(
            f"{image!r} is no image by digest: write repository@sha256: and its 64 digits; a tag "
            "can be moved (ART-02)"
        )
    return image


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,23}$")]
Domain = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
ImageByDigest = Annotated[str, AfterValidator(_by_digest)]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Record(BaseModel):
    """A part of the record: frozen, camelCase in the file, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        str_strip_whitespace=True,
    )


def parts(base: type[Record] = Record) -> Iterator[type[Record]]:
    """Every part that records are made of, and the records themselves."""
    for part in base.__subclasses__():
        yield part
        yield from parts(part)
