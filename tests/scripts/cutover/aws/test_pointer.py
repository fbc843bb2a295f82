"""The frontend: one key of a CloudFront key-value store says which release is in use.

moto has no such store: `Store` answers what boto3 sends to it, signature and all.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.awsrequest import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    AWSResponse,
)

from scripts.cutover.aws.pointer import PREVIOUS, RELEASE
from scripts.cutover.aws.services import Services
from scripts.cutover.aws.sides import NotYetError
from scripts.cutover.world import Sides
from scripts.exits import CommandError
from scripts.runs.aws import DeniedError
from tests.scripts.cutover.aws.account import REGION, Account, apis, clients
from tests.scripts.cutover.aws.faults import Faults

BUCKET = "production-frontend"
ARN = "arn:aws:cloudfront::123456789012:key-value-store/one"
OLD, NEW = "v1.4.0", "v1.5.0"


class _Body(BytesIO):
    def stream(self, **_: object) -> Generator[bytes]:
        """As urllib3 has it."""
        yield self.read()


@dataclass
class Store:
    """A key-value store that is written under the condition of what was read."""

    keys: dict[str, str] = field(default_factory=lambda: {RELEASE: OLD})
    version: int = 1
    refuses: str = ""
    is_raced: bool = False
    """Whether somebody else writes just before each write."""
    signed: list[str] = field(default_factory=list[str])

    def answer(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - botocore's
        """What the service says."""
        self.signed.append(request.headers["Authorization"].decode())
        path = unquote(urlsplit(str(request.url)).path)
        assert path.startswith(f"/key-value-stores/{ARN}")
        headers: dict[str, str] = {}
        status, said = 200, self._said(request, path)
        if self.refuses:
            status, said = 400, {"message": "no"}
            headers["x-amzn-errortype"] = self.refuses
        elif said is None:
            status, said = 409, {"message": "somebody else was first"}
            headers["x-amzn-errortype"] = "ConflictException"
        body = _Body(json.dumps(said).encode())
        return AWSResponse(request.url, status, {**headers, "ETag": f"etag-{self.version}"}, body)

    def _said(self, request: Any, path: str) -> dict[str, Any] | None:  # noqa: ANN401 - botocore's
        if request.method == "POST":
            self.version += self.is_raced
            if request.headers["If-Match"].decode() != f"etag-{self.version}":
                return None
            if not self.refuses:
                puts = json.loads(request.body)["Puts"]
                self.keys |= {put["Key"]: put["Value"] for put in puts}
                self.version += 1
            return {"ItemCount": len(self.keys)}
        if path.endswith("/keys"):
            return {"Items": [{"Key": key, "Value": value} for key, value in self.keys.items()]}
        return {"KvsARN": ARN, "ETag": f"etag-{self.version}"}


@contextmanager
def at_work(store: Store) -> Generator[Store]:
    """Let `store` answer."""
    event = "before-send.cloudfront-keyvaluestore.*"
    clients()["pointers"].meta.events.register_first(event, store.answer)
    try:
        yield store
    finally:
        clients()["pointers"].meta.events.unregister(event, store.answer)


@pytest.fixture
def store(account: Account) -> Generator[Store]:
    """The store and the bucket of an environment's frontend, with two releases."""
    account.frontend = {
        "domain": "app.example.com",
        "bucket": BUCKET,
        "release_store": ARN,
        "distribution": "E1",
    }
    s3 = clients()["s3"]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for release in (OLD, NEW):
        s3.put_object(Bucket=BUCKET, Key=f"releases/{release}/index.html", Body=b"<!doctype html>")
    with at_work(Store()) as made:
        yield made


def sides_of(account: Account, release: str = NEW, before: str | None = None) -> Sides:
    """The frontend, as whoever resumes reads it."""
    services = Services(account.published, apis())
    return services.sides({"frontend": release}, {"frontend": before} if before else None)[
        "frontend"
    ]


def test_it_moves_at_once_and_back(account: Account, store: Store) -> None:
    """Each is one write, which keeps what was there before."""
    sides = sides_of(account)
    assert sides.releases == (OLD, NEW)
    assert sides.weight() == 0
    sides.set_weight(100)
    assert (sides.weight(), store.keys) == (100, {RELEASE: NEW, PREVIOUS: OLD})
    assert sides_of(account).releases == (OLD, NEW)
    assert sides_of(account, before=OLD).weight() == 100
    sides.set_weight(0)
    assert (sides.weight(), store.keys[RELEASE]) == (0, OLD)
    assert sides.is_retired(is_new=True)


def test_requests_are_signed_for_every_region(account: Account, store: Store) -> None:
    """The store takes no other signature: SigV4A, which botocore leaves to AWS's own library."""
    sides_of(account).set_weight(100)
    assert store.signed
    assert all(each.startswith("AWS4-ECDSA-P256-SHA256 ") for each in store.signed)


def test_it_is_written_once(account: Account, store: Store) -> None:
    """The same again is no change, so that what was before stays known."""
    for _ in range(3):
        sides_of(account).set_weight(100)
    assert (store.version, store.keys[PREVIOUS]) == (2, OLD)


def test_there_are_no_shares(account: Account, store: Store) -> None:
    """All browsers get the same release."""
    with pytest.raises(CommandError, match="its weights are 0 and 100, not 10"):
        sides_of(account).set_weight(10)
    assert store.keys[RELEASE] == OLD


def test_no_release_without_files(account: Account, store: Store) -> None:
    """Forth or back: browsers would find nothing."""
    sides = sides_of(account, "v2.0.0")
    assert sides.healthy(is_new=False) == sides.size() > 0
    assert sides.healthy(is_new=True) == 0
    with pytest.raises(NotYetError, match=r"v2\.0\.0 has no files in production-frontend"):
        sides.set_weight(100)
    with Faults().at_work():
        (said,) = sides.refusals()
    assert "has no releases/v2.0.0/index.html" in said
    assert store.keys == {RELEASE: OLD}


def test_a_release_that_begins_like_another_is_not_it(account: Account, store: Store) -> None:
    """The bucket is asked for names that begin alike."""
    clients()["s3"].put_object(Bucket=BUCKET, Key="releases/v3/index.html.map", Body=b"{}")
    assert sides_of(account, "v3").healthy(is_new=True) == 0
    assert store.keys == {RELEASE: OLD}


def test_what_somebody_else_wrote_is_told(account: Account, store: Store) -> None:
    """It is neither of the two; the way back still sets the old one."""
    sides = sides_of(account, before=OLD)
    store.keys[RELEASE] = "v9"
    with pytest.raises(CommandError, match="release v9 is in use, neither v1"):
        sides.weight()
    with Faults().at_work():
        assert "plan it again" in sides.refusals()[0]
    sides.set_weight(0)
    assert sides.weight() == 0


def test_the_release_in_use_is_refused(account: Account, store: Store) -> None:
    """Its way back would lead to itself."""
    store.keys = {RELEASE: NEW}
    with Faults().at_work():
        assert "release v1.5.0 is in use already" in sides_of(account).refusals()[0]
    store.keys = {RELEASE: OLD}
    with Faults().at_work():
        assert not sides_of(account).refusals()


def test_two_writers_do_not_both_win(account: Account, store: Store) -> None:
    """Each writes on condition of what it read; whoever comes second tries again."""
    sides = sides_of(account)
    store.refuses = "ConflictException"
    with pytest.raises(CommandError):
        sides.weight()
    store.refuses, store.is_raced = "", True
    with pytest.raises(NotYetError, match="somebody else writes"):
        sides.set_weight(100)
    store.is_raced = False
    assert store.keys == {RELEASE: OLD}
    sides.set_weight(100)
    assert store.keys[RELEASE] == NEW


def test_a_store_that_may_not_be_written(account: Account, store: Store) -> None:
    """The message names the permission and the store."""
    sides = sides_of(account)
    store.refuses = "AccessDeniedException"
    with pytest.raises(
        DeniedError, match=r"cloudfront-keyvaluestore:ListKeys on .*key-value-store"
    ):
        sides.set_weight(100)
