"""A child of a rehearsal: it is told things on its standard input, and ends when that ends.

So nothing outlives the rehearsal, however it ends: the pipe closes with the process that holds it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, cast

Told = Callable[[Mapping[str, Any]], None]
"""Takes one thing that the child is told."""


def live(main: Callable[[], Awaitable[None]], told: Told, seconds: float) -> None:
    """Run `main` until standard input ends, for at most `seconds`; each line of it goes to `told`.

    Ctrl-C is for the rehearsal, which ends its children itself: they are in sessions of their own.
    """
    with suppress(TimeoutError):
        asyncio.run(_live(main, told, seconds))


async def _live(main: Callable[[], Awaitable[None]], told: Told, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        running = asyncio.ensure_future(main())
        hearing = asyncio.create_task(_hear(told))
        await asyncio.wait([running, hearing], return_when=asyncio.FIRST_COMPLETED)
        for task in (running, hearing):
            task.cancel()
        for result in await asyncio.gather(running, hearing, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def _hear(told: Told) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        told(cast("Mapping[str, Any]", json.loads(line)))


def tell(said: Mapping[str, object]) -> None:
    """Tell the rehearsal `said`, in one line; a rehearsal that is gone is told nothing."""
    try:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)
