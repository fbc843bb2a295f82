"""What a product's smoke tests ask is refused where it could not do its work."""

from pathlib import Path

import pytest

from environments import ConfigurationError, load
from environments.smoke import Subject
from tests.environments.records import PROJECT, changed, content_of, write

_GET = {"path": "/records/1", "fields": {"/kind": "smoke"}}
_POST = {"path": "/records", "method": "POST", "save": {"id": "/id"}}


def refusal(folder: Path, key: str, value: object, name: str = "production") -> str:
    """What is said of the project's environment `name` with one key changed."""
    write(folder, name, changed(content_of(name), key, value))
    with pytest.raises(ConfigurationError) as raised:
        load(name, folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("smoke.authentication", ..., "journeys.payment shows a credential: give authentication"),
        ("smoke.authentication.secret", "hunter22", "smoke.authentication.secret: "),
        ("smoke.authentication.path", "account", "smoke.authentication.path: "),
        ("smoke.journeys.payment", ..., "tests the product's critical path"),
        ("smoke.journeys.record", ..., "tests that a record is written and read back"),
        ("smoke.journeys.record.requests", [_GET], "a test of data writes a record first"),
        ("smoke.journeys.record.requests", [_GET, _POST], "give a later GET with its fields"),
        ("smoke.journeys.record.requests", [], "smoke.journeys.record.requests: "),
        (
            "smoke.journeys.payment.requests",
            [{"path": "/payments/{id}"}],
            "GET /payments/{id} names {id}, which no earlier request saves",
        ),
        (
            "smoke.journeys.payment.requests",
            [{"path": "/payments", "body": {"amount": 1}}],
            "GET /payments has a body: write method: POST",
        ),
        ("smoke.rateLimit", {"path": "/", "requests": 5000, "seconds": 60}, "rateLimit.requests: "),
        ("smoke.commands", {"own": {"command": []}}, "smoke.commands.own.command: "),
        ("smoke.retries", 3, "slipway:smoke.retries is unknown"),
    ],
)
def test_what_could_not_be_asked_is_refused(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """The error names the file, the key and the limit, before anything is asked."""
    problem = refusal(tmp_path, key, value)
    assert "Pulumi.production.yaml" in problem
    assert said in problem


def test_a_journey_that_shows_a_credential_needs_one(tmp_path: Path) -> None:
    """Where the sign-in is tested by a journey, it still has to be told the secret."""
    content = changed(content_of("production"), "smoke.journeys.payment.checks", "sign-in")
    content = changed(content, "smoke.authentication", ...)
    write(tmp_path, "production", content)
    with pytest.raises(ConfigurationError, match="payment shows a credential: give authentication"):
        load("production", tmp_path)


def test_a_command_can_stand_for_a_journey(tmp_path: Path) -> None:
    """A product whose data is tested by a program of its own needs no journey for it."""
    content = changed(content_of("production"), "smoke.journeys.record", ...)
    own = {"command": ["tests/data"], "checks": "data"}
    write(tmp_path, "production", changed(content, "smoke.commands", {"data": own}))
    assert load("production", tmp_path).smoke.shows(Subject.DATA)


def test_development_needs_nothing_of_its_own() -> None:
    """The standards want its health alone."""
    assert not load("development", PROJECT).smoke.journeys
