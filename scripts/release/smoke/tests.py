"""A smoke test: what it asks, what it serves, and how much hangs on it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

from pydantic import SecretStr

from environments.smoke import Subject
from scripts.release.smoke.asking import Asker, SmokeFailureError

SERVES: Final[Mapping[Subject, str]] = {
    Subject.CORE: "SMOKE-03",
    Subject.SIGN_IN: "SMOKE-02",
    Subject.DATA: "SMOKE-05",
    Subject.INTEGRATION: "SMOKE-04",
    Subject.PAGES: "SMOKE-10",
}
"""The requirement that a product's own test serves, by its subject."""
_FIELD: Final = "key"


class Telemetry(Protocol):
    """Where a service's logs and metrics arrive; every call may wait for AWS."""

    def logged(self, service: str, *, since: float) -> int:
        """How many tasks of the side that is tested have written a log entry since then."""
        ...

    def measured(self, service: str, *, since: float) -> int:
        """How many points of its metrics have arrived since then."""
        ...

    def report(self) -> str:
        """Report a visit of the pages as a browser does, and give the event's id."""
        ...

    def has_reported(self, event: str, *, since: float) -> bool:
        """Whether that event has arrived."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What smoke tests stand on."""

    asker: Asker
    read_secret: Callable[[str], SecretStr]
    """The value of a secret by its ARN."""
    telemetry: Callable[[], Telemetry]
    folder: Path
    """The project's folder, which commands run in."""
    _read: dict[str, SecretStr | SmokeFailureError] = field(
        default_factory=dict[str, SecretStr | SmokeFailureError]
    )

    def secret(self, arn: str) -> SecretStr:
        """The value of the secret `arn`, hidden from every message from now on.

        Raises:
            SmokeFailureError: it cannot be read.
        """
        if arn not in self._read:
            self._read[arn] = self._fetched(arn)
        found = self._read[arn]
        if isinstance(found, SmokeFailureError):
            raise found
        return found

    def _fetched(self, arn: str) -> SecretStr | SmokeFailureError:
        try:
            found = self.read_secret(arn)
        except Exception as error:  # noqa: BLE001 - whatever AWS's client raises
            return SmokeFailureError(
                f"the secret {called(arn)}",
                f"it cannot be read: {type(error).__name__}",
                "its value in Secrets Manager",
                "Make it, and let whoever runs the tests call secretsmanager:GetSecretValue.",
            )
        for text in (found.get_secret_value(), *fields_of(found).values()):
            self.asker.hidden.add(text)
        return found

    def credential(self, arn: str) -> str:
        """The credential in the secret `arn`: its text, or its field `key`."""
        found = self.secret(arn)
        return fields_of(found).get(_FIELD, found.get_secret_value())


@dataclass(frozen=True, kw_only=True)
class SmokeTest:
    """One test: it says what came, or raises `SmokeFailureError`."""

    name: str
    requirements: tuple[str, ...]
    """What it shows; the first is what a failure is told by."""
    asks: str
    """What it asks, and what has to come, in words."""
    run: Callable[[Ground], Awaitable[str]]
    seconds: float
    """How long it may take."""
    critical: bool = True
    """Whether the release rolls back when it fails (SMOKE-07)."""
    is_last: bool = False
    """Whether it waits for the others, since it would disturb them."""


def called(arn: str) -> str:
    """What people call the secret `arn`: its name, without what AWS adds to it."""
    return arn.rpartition(":")[2].rpartition("-")[0]


def fields_of(secret: SecretStr) -> dict[str, str]:
    """The fields of a secret that is a JSON object; none of any other."""
    try:
        found = json.loads(secret.get_secret_value())
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    fields = cast("dict[str, object]", found)
    return {name: value for name, value in fields.items() if isinstance(value, str)}
