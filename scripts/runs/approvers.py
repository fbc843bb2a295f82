"""The file of approvers: whose signature counts, in which role, with which key, and when.

It is reviewed like code; whoever may change it decides who may release.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self, cast

import yaml
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from scripts.exits import CommandError, ExitCode


class Role(StrEnum):
    """In what function a person signs: the five of GATE-05, the deployment lead, who is on call."""

    LEAD = "lead"
    ENGINEERING = "engineering"
    SECURITY = "security"
    OPERATIONS = "operations"
    LEGAL = "legal"
    EXECUTIVE = "executive"
    ON_CALL = "on-call"
    """Releases an emergency (PIPE-11)."""


SIGN_OFFS: Final = frozenset(Role) - {Role.LEAD, Role.ON_CALL}
"""The roles whose sign-off a production launch needs, besides the lead's own (GATE-05)."""


class ApproversError(CommandError):
    """The file of approvers is not as it must be."""

    code = ExitCode.USAGE


class Approver(BaseModel):
    """One person's key and the roles that it signs in; another key of theirs is another item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    key: str
    """The Ed25519 public key, PEM."""
    valid_from: Annotated[date, Field(alias="from")]
    """The first day, UTC, whose signatures count."""
    valid_until: Annotated[date, Field(alias="until")]
    """The last day, UTC."""

    @field_validator("key")
    @classmethod
    def _ed25519(cls, key: str) -> str:
        _public_key(key)
        return key

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("until is before from")
        return self

    def is_valid(self, time: datetime) -> bool:
        """Whether the key counts for a signature made at `time`."""
        return self.valid_from <= time.astimezone(UTC).date() <= self.valid_until

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the key made `signature` of `message`."""
        try:
            _public_key(self.key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Approvers(BaseModel):
    """Everybody whose signature counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: Annotated[tuple[Approver, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_key_one_person(self) -> Self:
        owners: dict[bytes, str] = {}
        for approver in self.approvers:
            key = _public_key(approver.key).public_bytes_raw()
            if owners.setdefault(key, approver.name) != approver.name:
                raise ValueError(f"{approver.name} and {owners[key]} have the same key")
        return self

    def named(self, name: str) -> list[Approver]:
        """The keys of the person `name`."""
        return [approver for approver in self.approvers if approver.name == name]

    def may(self, name: str, role: Role, time: datetime) -> bool:
        """Whether the person `name` has a key that counts in `role` at `time`."""
        return any(role in key.roles and key.is_valid(time) for key in self.named(name))


def read_approvers(path: Path) -> Approvers:
    """The file `path`.

    Raises:
        ApproversError: it is not as it must be; a line for each problem, with its place.
    """
    try:
        content = cast("object", yaml.safe_load(path.read_text(encoding="utf-8")))
        return Approvers.model_validate(content)
    except ValidationError as error:
        raise ApproversError("\n".join(_lines(path, error))) from None
    except OSError as error:
        raise ApproversError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ApproversError(f"{path}: cannot be read: {error}") from None


def _lines(path: Path, error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        place = ".".join(str(part) for part in detail["loc"])
        yield f"{path}: {place}: {detail['msg']}" if place else f"{path}: {detail['msg']}"


def _public_key(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is a public key, but not an Ed25519 one")  # noqa: TRY004 - pydantic's kind
    return key
