"""Each smoke test finds what it is there for, over real TLS, and nothing else does."""

import asyncio
import gc
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.cutover.judgement.decisions import Kind
from scripts.release.smoke import limits, telemetry
from scripts.release.smoke.aim import new_side
from scripts.release.smoke.results import judged
from tests.scripts.release.smoke.product import KEY, Stand, environment_of, listening

TIMED = {"response times", "speed of pages"}
"""What a busy machine may fail: tested apart, by an answer that is slow on purpose."""
FAULTS: dict[str, set[str]] = {
    "": set(),
    "api down": {"health api", "calls from https://app.example.com"},
    "prover down": {"health prover"},
    "anybody": {"authentication"},
    "keys refused": {"authentication", "payment", "record"},
    "no payments": {"payment"},
    "forgets": {"record"},
    "any origin": {"calls from elsewhere"},
    "no origins": {"calls from https://app.example.com"},
    "no Content-Security-Policy": {"headers of slipway.example.com", "headers of app.example.com"},
    "no limit": {"rate limit"},
    "bursts pass": {"rate limit"},
    "no pages": {"page /", "page /payments"},
    "no script": {"page /", "page /payments"},
    "other chain": {"node 127.0.0.1"},
    "node behind": {"node 127.0.0.1"},
    "mute api": {"logs and metrics of api"},
    "lost events": {"error tracking of the pages"},
    "unmeasured prover": {"logs and metrics of prover"},
}


# On a busy machine a test's time may be over in the midst of a handshake. Its transport is left to
# the collector then, which says so whenever it comes by: here, and at the latest at the end.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Generator[None]:
    """What these tests leave to the collector is collected before others run."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a firewall or for CloudWatch waits for less."""
    monkeypatch.setattr(limits, "_FAST", 0.0)
    monkeypatch.setattr(limits, "_SLOW", 0.01)
    monkeypatch.setattr(telemetry, "_LONGEST", 0.0)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stand]:
    """The product of production, on loopback."""
    folder = tmp_path_factory.mktemp("product")
    with listening(environment_of("production"), folder) as found:
        yield found


@pytest.fixture(autouse=True)
def _mended(stand: Stand) -> None:
    stand.product.faults.clear()
    stand.product.asked.clear()
    stand.product.shown.clear()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_its_tests_alone(stand: Stand, fault: str) -> None:
    """One part is broken; what looks at it fails, with a message that says what next."""
    stand.product.faults.add(fault)
    results = asyncio.run(stand.results())
    assert {it.name for it in results if not it.passed} - TIMED == FAULTS[fault]
    for result in results:
        assert result.came
        if not result.passed:
            assert result.allowed
            assert result.advice


def test_slow_answers_are_no_failure_of_anything_else(stand: Stand) -> None:
    """The release goes on, and the times are written down."""
    stand.product.faults.add("slow")
    results = asyncio.run(stand.results())
    assert {it.name for it in results if not it.passed} == TIMED
    assert not any(it.critical for it in results if not it.passed)


def test_no_secret_is_ever_told(stand: Stand) -> None:
    """Not even where an answer holds the credential, or what was saved of another answer."""
    stand.product.faults.add("leaks")
    results = asyncio.run(stand.results())
    failed = next(it for it in results if it.name == "payment")
    assert failed.came == '/status is "[hidden]"'
    told = repr(results)
    assert KEY not in told
    assert "node-key-0815" not in told
    assert "payment-17" not in told


def test_a_secret_that_is_json_gives_its_field(stand: Stand) -> None:
    """The credential is its field `key`; no field of it is ever told."""
    results = asyncio.run(stand.results(secret=f'{{"key": "{KEY}", "user": "somebody"}}'))
    assert all(it.passed for it in results if it.name not in TIMED)
    assert "somebody" not in repr(results)


def test_the_limit_is_tested_with_few_requests(stand: Stand) -> None:
    """At most twice the limit and one burst, whatever the product answers."""
    stand.product.faults.add("no limit")
    asyncio.run(stand.results())
    assert stand.product.asked["/sign-in"] == 40
    stand.product.faults.clear()
    stand.product.asked.clear()
    asyncio.run(stand.results())
    assert stand.product.asked["/sign-in"] == 21 + 10


def test_a_side_without_users_is_asked_by_its_header(stand: Stand) -> None:
    """Each request shows it; the edge, the pages and other services are left alone."""
    aim = new_side(stand.environment, "api", "green", address=stand.address)
    results = asyncio.run(stand.results(aim))
    names = {it.name for it in results}
    assert names == {
        "health api",
        "authentication",
        "payment",
        "record",
        "response times",
        "node 127.0.0.1",
    }
    assert all(it.passed for it in results if it.name not in TIMED)
    to_product = [it for it in stand.product.shown if it["host"] == "slipway.example.com"]
    assert to_product
    assert {it.get("x-slipway-side") for it in to_product} == {"api-green"}


@pytest.mark.parametrize(
    ("days", "name", "said"),
    [
        (3, None, "valid for 3 days more"),
        (-3, None, "its certificate is refused: certificate has expired"),
        (60, "wrong.example.com", "Hostname mismatch"),
    ],
)
def test_a_certificate_that_will_not_do_is_told(
    tmp_path: Path, days: int, name: str | None, said: str
) -> None:
    """One that was not renewed, one that has expired, one of another name."""
    with listening(environment_of("production"), tmp_path, days=days, name=name) as it:
        results = {result.name: result for result in asyncio.run(it.results())}
    found = results["certificate of slipway.example.com"]
    assert not found.passed
    assert said in found.came
    assert results["health api"].passed is (days == 3)


def test_a_product_that_does_not_answer_fails_each_test_in_time(tmp_path: Path) -> None:
    """Nothing listens: the release rolls back, and each test says what it missed."""
    with listening(environment_of("production"), tmp_path) as it:
        gone = it
    results = asyncio.run(gone.results())
    still = {
        "logs and metrics of api",
        "logs and metrics of prover",
        "error tracking of the pages",
    }
    assert {result.name for result in results if result.passed} == still
    assert judged(results, is_live=True).kind is Kind.ROLL_BACK
    assert all("no answer" in result.came for result in results if not result.passed)
