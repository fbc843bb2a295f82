"""The embedded load balancer: two sides by weight, health checks, no new requests to what is out.

Run as `python -m scripts.cutover.rehearse.balancer FD SOCKET SLOTS SECONDS`.

It serves the listening socket FD, and at the local socket SOCKET what `runtime` asks HAProxy.
"""

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from scripts.cutover.rehearse import lifeline
from scripts.cutover.rehearse.runtime import NEW, OLD, SPLIT, TOTAL
from scripts.cutover.rehearse.wire import Client, Message, Server, response

CHECK_SECONDS: Final = 0.3
FALL: Final = 3
"""So many failed checks in a row take an instance out."""
RISE: Final = 2
"""So many good ones bring it back."""
_CHECK_WITHIN: Final = 1.0
_ANSWER_WITHIN: Final = 2.0


@dataclass
class Instance:
    """One place for an instance of a side."""

    client: Client | None = None
    """None while there is none, or while it takes no requests."""
    is_up: bool = False
    said: str = ""
    """What its last health check came to, as HAProxy has it."""
    streak: int = 0
    """How many checks in a row were good, or below 0 bad."""

    def put(self, port: int) -> None:
        """Have an instance at `port`; it takes requests once its health is seen."""
        self.out()
        self.client = Client(port)

    def out(self) -> None:
        """Take no more requests; those under way end by themselves."""
        if self.client:
            self.client.close()
        self.client, self.is_up, self.said, self.streak = None, False, "", 0

    async def check(self) -> None:
        """Look at its health once."""
        client = self.client
        if client is None:
            return
        try:
            answer = await client.get("/health", _CHECK_WITHIN)
            said = "L7OK" if answer.status < 400 else "L7STS"  # noqa: PLR2004 - HTTP's
        except TimeoutError:
            said = "L7TOUT"
        except (OSError, ValueError):
            said = "L4CON"
        if client is not self.client:
            return  # another one has taken its place
        is_good = said == "L7OK"
        same = is_good == (self.streak > 0)
        self.streak = (self.streak if same else 0) + (1 if is_good else -1)
        self.said = said
        if self.streak >= RISE:
            self.is_up = True
        elif self.streak <= -FALL:
            self.is_up = False


@dataclass
class Side:
    """One side: its weight, its instances, and what became of its requests."""

    weight: int
    instances: dict[str, Instance]
    credit: int = 0
    """What smooth weighted round-robin owes it."""
    answered: Counter[int] = field(default_factory=Counter[int])
    under_way: int = 0
    turn: int = 0

    async def answer(self, message: Message) -> Message:
        """Let one instance answer, or another where it does not even take the request."""
        self.under_way += 1
        try:
            answer = await self._ask(message)
        finally:
            self.under_way -= 1
        self.answered[answer.status // 100] += 1
        return answer

    async def _ask(self, message: Message) -> Message:
        up = [each.client for each in self.instances.values() if each.is_up and each.client]
        self.turn += 1
        for attempt in range(min(2, len(up))):
            client = up[(self.turn + attempt) % len(up)]
            try:
                return await client.ask(message.head + message.body, _ANSWER_WITHIN)
            except TimeoutError:
                return response(504)
            except (OSError, ValueError):
                continue
        return response(503)


class Balancer:
    """All of it."""

    def __init__(self, slots: int) -> None:
        self.sides: Final = {
            name: Side(weight, {str(number): Instance() for number in range(1, slots + 1)})
            for name, weight in ((OLD, TOTAL), (NEW, 0))
        }

    async def answer(self, message: Message) -> Message:
        """The response to one request of a user."""
        return await self._next().answer(message)

    def _next(self) -> Side:
        """The side whose turn it is: smooth weighted round-robin, exact over each hundred."""
        sides = list(self.sides.values())
        for side in sides:
            side.credit += side.weight
        chosen = max(sides, key=lambda side: (side.credit, side.weight))
        chosen.credit -= sum(side.weight for side in sides)
        return chosen

    async def check(self) -> None:
        """Look at the health of all instances, for ever."""
        while True:
            waited = asyncio.sleep(CHECK_SECONDS)
            await asyncio.gather(
                waited,
                *(each.check() for side in self.sides.values() for each in side.instances.values()),
            )

    def command(self, line: str) -> str:
        """What is said to a line of commands."""
        return "\n".join(self._one(each.split()) for each in line.split(";")) + "\n"

    def _one(self, words: list[str]) -> str:
        match words:
            case ["show", "stat"]:
                return "\n".join(self._stat())
            case ["show", "servers", "state", "split"]:
                rows = (f"{SPLIT} {name} {side.weight}" for name, side in self.sides.items())
                return "\n".join(["1", "# be_name srv_name srv_uweight", *rows])
            case ["set", "server", server, *change]:
                return self._set(server, change)
            case ["enable", "health", _]:
                return ""  # it is always on
            case _:
                return f"Unknown command: '{' '.join(words)}'."

    def _set(self, server: str, change: list[str]) -> str:
        backend, _, name = server.partition("/")
        match change:
            case ["weight", weight] if backend == SPLIT and name in self.sides:
                side = self.sides[name]
                side.weight = int(weight)
                for each in self.sides.values():
                    each.credit = 0
            case ["addr", "127.0.0.1", "port", port] if self._has(backend, name):
                self.sides[backend].instances[name].put(int(port))
            case ["state", "maint"] if self._has(backend, name):
                self.sides[backend].instances[name].out()
            case ["state", "ready"] if self._has(backend, name):
                pass  # it is, once it has an address
            case _:
                return f"No such server or setting: '{server} {' '.join(change)}'."
        return ""

    def _has(self, side: str, name: str) -> bool:
        return side in self.sides and name in self.sides[side].instances

    def _stat(self) -> Iterator[str]:
        statuses = ("1xx", "2xx", "3xx", "4xx", "5xx")
        yield f"# pxname,svname,status,check_status,scur,{_names(statuses)},hrsp_other"
        for name, side in self.sides.items():
            counts = ",".join(str(side.answered[int(status[0])]) for status in statuses)
            yield f"{SPLIT},{name},no check,,{side.under_way},{counts},0"
            for number, each in side.instances.items():
                state = "MAINT" if each.client is None else "UP" if each.is_up else "DOWN"
                yield f"{name},{number},{state},{each.said},0{',' * (len(statuses) + 1)}"


def _names(statuses: tuple[str, ...]) -> str:
    return ",".join(f"hrsp_{status}" for status in statuses)


def commanded(command: Callable[[str], str]) -> Callable[..., Any]:
    """What serves a local socket: one line, its answer, and the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            writer.write(command(line.decode().strip()).encode())
            await writer.drain()
        except (OSError, ValueError):
            pass  # who asked is gone, or asked nonsense
        finally:
            writer.close()

    return serve


def main() -> None:
    """Balance until told to end."""
    descriptor, path, slots, seconds = sys.argv[1:]
    balancer = Balancer(int(slots))

    async def serve() -> None:
        server = Server(balancer.answer)
        await server.listen(socket.socket(fileno=int(descriptor)))
        runtime = await asyncio.start_unix_server(commanded(balancer.command), path)
        try:
            await balancer.check()
        finally:
            runtime.close()
            await server.close()

    lifeline.live(serve, _ignore, float(seconds))


def _ignore(_: Mapping[str, Any]) -> None:
    """All that it is told comes by the other socket."""


if __name__ == "__main__":
    main()
