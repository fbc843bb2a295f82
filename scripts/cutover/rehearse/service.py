"""One instance of a release: it answers requests, has health and metrics, and can be given faults.

Run as `python -m scripts.cutover.rehearse.service RELEASE SECONDS`.

Its port is the first line that it prints. A line on its standard input gives it a fault.
"""

import asyncio
import os
import random
import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from scripts.cutover.rehearse import lifeline
from scripts.cutover.rehearse.faults import SLOWER_SECONDS, Fault
from scripts.cutover.rehearse.wire import Message, Server, response

BUCKETS_MS: Final = (*range(10, 1010, 10), 2000, 5000)
"""The upper ends of the buckets of latency: every limit on it is one of them."""
FASTEST_SECONDS: Final = 0.04
SLOWEST_SECONDS: Final = 0.12
"""Between the two its work takes; it waits for it, as services do for others."""


class Service:
    """What one instance does."""

    def __init__(self, release: str) -> None:
        self._release: Final = release
        self._random: Final = random.Random(release)  # noqa: S311 - hides nothing
        self._fault = Fault.NONE
        self._share = 0.0
        self._answered: Final = {200: 0, 500: 0}
        self._buckets: Final = [0] * (len(BUCKETS_MS) + 1)
        self._seconds = 0.0

    def told(self, said: Mapping[str, Any]) -> None:
        """Have a fault from now on."""
        self._fault, self._share = Fault(said["fault"]), float(said["share"])
        if self._fault is Fault.CRASH:
            os._exit(1)

    async def answer(self, message: Message) -> Message:
        """The response to one request."""
        match message.path:
            case "/metrics":
                return response(200, "\n".join(self._metrics()).encode() + b"\n")
            case _ if self._fault is Fault.HANG:
                await asyncio.Event().wait()
                raise AssertionError
            case "/health":
                return response(200, b"well\n")
            case _:
                return await self._work()

    async def _work(self) -> Message:
        began = time.perf_counter()
        is_hit = self._random.random() < self._share
        seconds = self._random.uniform(FASTEST_SECONDS, SLOWEST_SECONDS)
        if is_hit and self._fault is Fault.LATENCY:
            seconds += SLOWER_SECONDS
        await asyncio.sleep(seconds)
        status = 500 if is_hit and self._fault is Fault.ERRORS else 200
        took = time.perf_counter() - began
        self._answered[status] += 1
        self._seconds += took
        self._buckets[bisect_left(BUCKETS_MS, took * 1000)] += 1
        return response(status, self._release.encode())

    def _metrics(self) -> Iterator[str]:
        """As Prometheus reads them."""
        yield "# TYPE requests_total counter"
        for status, count in self._answered.items():
            yield f'requests_total{{code="{status}"}} {count}'
        yield "# TYPE request_milliseconds histogram"
        so_far = 0
        for end, count in zip((*BUCKETS_MS, "+Inf"), self._buckets, strict=True):
            so_far += count
            yield f'request_milliseconds_bucket{{le="{end}"}} {so_far}'
        yield f"request_milliseconds_sum {self._seconds * 1000:.3f}"
        yield f"request_milliseconds_count {so_far}"
        yield "# TYPE process_cpu_seconds_total counter"
        yield f"process_cpu_seconds_total {time.process_time():.6f}"
        yield "# TYPE process_resident_memory_bytes gauge"
        yield f"process_resident_memory_bytes {_resident()}"


def _resident() -> int:
    """How much memory this process has."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()


def main() -> None:
    """Serve until told to end."""
    release, seconds = sys.argv[1], float(sys.argv[2])
    service = Service(release)

    async def serve() -> None:
        server = Server(service.answer)
        lifeline.tell({"port": await server.listen()})
        try:
            await asyncio.Event().wait()
        finally:
            await server.close()

    lifeline.live(serve, service.told, seconds)


if __name__ == "__main__":
    main()
