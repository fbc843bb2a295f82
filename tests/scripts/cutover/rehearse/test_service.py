"""One instance of a release, with and without faults."""

import asyncio

import pytest

from scripts.cutover.rehearse import service as module
from scripts.cutover.rehearse.faults import SLOWER_SECONDS, Fault
from scripts.cutover.rehearse.metrics import parsed
from scripts.cutover.rehearse.service import BUCKETS_MS, Service
from scripts.cutover.rehearse.wire import Message, request


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work takes no time."""
    monkeypatch.setattr(module, "FASTEST_SECONDS", 0.0)
    monkeypatch.setattr(module, "SLOWEST_SECONDS", 0.001)


def asked(service: Service, *paths: str) -> list[Message]:
    """The responses to requests for `paths`."""

    async def ask() -> list[Message]:
        return [await service.answer(Message(request(path))) for path in paths]

    return asyncio.run(ask())


def test_a_healthy_instance_answers_and_counts() -> None:
    """Each request is in the metrics, in the bucket of its time; health checks are not."""
    service = Service("web-2")
    health, order, metrics = asked(service, "/health", "/orders", "/metrics")
    assert (health.status, order.status, order.body) == (200, 200, b"web-2")
    found = parsed(metrics.body.decode(), 1.0)
    assert sum(found.buckets) == 1
    assert sum(found.buckets[: BUCKETS_MS.index(1000)]) == 1
    assert found.memory_bytes > 1 << 20
    assert found.cpu_seconds > 0


def test_errors_are_a_share_of_the_requests() -> None:
    """Health says nothing of them: only the requests do."""
    service = Service("web-2")
    service.told({"fault": "errors", "share": 0.3})
    answers = asked(service, *["/orders"] * 300, "/health")
    failed = sum(answer.status == 500 for answer in answers)
    assert 50 < failed < 130
    assert answers[-1].status == 200


def test_latency_is_added_to_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows in the buckets."""
    monkeypatch.setattr(module, "SLOWER_SECONDS", SLOWER_SECONDS / 10)
    service = Service("web-2")
    service.told({"fault": Fault.LATENCY.value, "share": 1})
    _, metrics = asked(service, "/orders", "/metrics")
    buckets = parsed(metrics.body.decode(), 1.0).buckets
    assert sum(buckets[: BUCKETS_MS.index(50)]) == 0
    assert sum(buckets) == 1


def test_what_hangs_answers_its_metrics_alone() -> None:
    """It listens, and that is all that users and health checks get."""
    service = Service("web-2")
    service.told({"fault": "hang", "share": 1})
    for path in ("/orders", "/health"):
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(service.answer(Message(request(path))), 0.05))
    (metrics,) = asked(service, "/metrics")
    assert metrics.status == 200
