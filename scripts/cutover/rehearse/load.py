"""The users of a rehearsal: requests at a steady rate, whatever becomes of those before.

Run as `python -m scripts.cutover.rehearse.load PORT RATE SECONDS`.

Each second it prints what users have seen since it began. A line on its standard input ends it.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from scripts.cutover.rehearse import lifeline
from scripts.cutover.rehearse.wire import Client, request

SECONDS: Final = 4.0
"""How long a user waits."""
MOST: Final = 1000
"""So many requests are under way at most; more are not sent, and counted as such."""
_TICK: Final = 0.01
_BROKEN: Final = 500
"""What fails by itself: the statuses from there on."""


class Users:
    """Who sends the requests."""

    def __init__(self, port: int, rate: float) -> None:
        self._client: Final = Client(port)
        self._rate: Final = rate
        self._under_way: Final = set[asyncio.Task[None]]()
        self.seen: Final = Counter[str](sent=0, failed=0, unsent=0)

    async def go_on(self) -> None:
        """Send requests for ever."""
        loop = asyncio.get_running_loop()
        began, due, told = loop.time(), 0.0, 0.0
        while True:
            passed = loop.time() - began
            while due <= passed:
                due += 1 / self._rate
                self._send(loop)
            if passed >= told:
                told += 1
                lifeline.tell(self.seen)
            await asyncio.sleep(_TICK)

    async def end(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._client.close()

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._under_way) >= MOST:
            self.seen["unsent"] += 1
            return
        task = loop.create_task(self._ask())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _ask(self) -> None:
        self.seen["sent"] += 1
        try:
            answer = await self._client.ask(_REQUEST, SECONDS)
            is_failed = answer.status >= _BROKEN
        except (OSError, TimeoutError, ValueError):
            is_failed = True
        self.seen["failed"] += is_failed


_REQUEST: Final = request("/orders")


def main() -> None:
    """Send until told to end."""
    users = Users(int(sys.argv[1]), float(sys.argv[2]))
    lifeline.live(users.go_on, _ignore, float(sys.argv[3]))
    lifeline.tell(users.seen)


def _ignore(_: Mapping[str, Any]) -> None:
    """Nothing is told to users."""


if __name__ == "__main__":
    main()
