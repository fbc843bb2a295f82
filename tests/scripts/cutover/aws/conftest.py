"""An account to test on, and credentials that are nobody's."""

from collections.abc import Iterator

import pytest

from tests.scripts.cutover.aws.account import REGION, Account, opened


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials without which boto3 would look for some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture
def account() -> Iterator[Account]:
    """One with a service behind a load balancer."""
    with opened() as made:
        made.add("api")
        yield made
