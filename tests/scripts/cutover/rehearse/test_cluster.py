"""The old and the new side as processes, behind each of the two load balancers alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from scripts.cutover.rehearse import haproxy
from scripts.cutover.rehearse.cluster import Cluster, Scale
from scripts.cutover.rehearse.faults import Fault, Faulty
from scripts.cutover.rehearse.metrics import Metrics, Scraper
from scripts.cutover.rehearse.runtime import NEW, OLD, Side
from scripts.cutover.rehearse.wire import Client

BALANCERS = [
    pytest.param(True, id="embedded"),
    pytest.param(
        False,
        id="HAProxy",
        marks=pytest.mark.skipif(
            haproxy.program() is None, reason="HAProxy is not installed: apt-get install haproxy"
        ),
    ),
]


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it."""
    end = time.monotonic() + 15
    while not await is_so():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("embedded", BALANCERS)
def test_traffic_moves_and_is_taken_from_what_crashes(tmp_path: Path, *, embedded: bool) -> None:
    """Weights are read back and kept to; a crash is seen; what is retired is gone."""

    async def check() -> None:
        scale = Scale(instances=2, embedded=embedded, seconds=60)
        fault = Faulty(fault=Fault.CRASH, at=50, share=0.5)
        async with Cluster(scale, fault, tmp_path, tmp_path / "log") as cluster:
            runtime, client = cluster.runtime, Client(cluster.port)
            assert cluster.balancer == ("embedded" if embedded else "HAProxy")

            async def sides() -> dict[str, Side]:
                return dict(await asyncio.to_thread(runtime.sides))

            async def users(count: int) -> list[bytes]:
                return [(await client.get("/orders", 3)).body for _ in range(count)]

            await cluster.grow(1)

            async def is_grown() -> bool:
                return (await sides())[NEW].healthy == 1

            await until(is_grown)
            assert set(await users(4)) == {b"web-1"}
            await asyncio.to_thread(runtime.set_weight, 50)
            assert await asyncio.to_thread(runtime.weight) == 50
            assert sorted(await users(10)) == [b"web-1"] * 5 + [b"web-2"] * 5

            metrics = Metrics()
            scraper = Scraper(cluster, metrics)
            await scraper.scrape()
            assert metrics.weight == 50
            assert metrics.requests(NEW) == metrics.sides[NEW][-1].answered == 5
            assert cluster.give_fault(49) is False
            assert cluster.give_fault(50) is True
            assert cluster.give_fault(50) is False

            async def is_down() -> bool:
                await scraper.scrape()
                return metrics.sides[NEW][-1].failing == 1

            await until(is_down)
            assert cluster.alive(NEW) == 0
            assert {answer.status for answer in [await client.get("/", 3) for _ in "ab"]} == {
                200,
                503,
            }
            await asyncio.to_thread(runtime.set_weight, 0)
            await cluster.retire(NEW)
            assert not any(each.is_in for each in (await sides())[NEW].instances)
            assert set(await users(4)) == {b"web-1"}
            assert (await sides())[OLD].healthy == cluster.alive(OLD) == 2
            client.close()

    asyncio.run(check())
