"""The embedded load balancer: shares, health, and requests that are under way."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from scripts.cutover.rehearse import balancer as module
from scripts.cutover.rehearse.balancer import FALL, RISE, Balancer
from scripts.cutover.rehearse.runtime import NEW, OLD, Instance, sides_in, weight_in
from scripts.cutover.rehearse.wire import Message, Server, request, response

ORDER = Message(request("/orders"))


class Backend:
    """An instance that says its name, and does as it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.health = 200
        self.waits: asyncio.Event | None = None

    async def answer(self, message: Message) -> Message:
        """Its name."""
        if message.path == "/health":
            return response(self.health)
        if self.waits:
            await self.waits.wait()
        return response(200, self.name.encode())


class Stage:
    """A balancer and some instances that run."""

    def __init__(self) -> None:
        self.balancer = Balancer(slots=2)
        self.backends: dict[str, Backend] = {}
        self.servers: dict[str, Server] = {}

    async def add(self, name: str) -> Backend:
        """Start the instance `name`, such as `new/1`, and see it healthy."""
        backend = self.backends[name] = Backend(name)
        server = self.servers[name] = Server(backend.answer)
        port = await server.listen()
        assert not self.say(f"set server {name} addr 127.0.0.1 port {port}")
        await self.check(RISE)
        return backend

    async def check(self, times: int) -> None:
        """Let so many health checks pass."""
        sides = self.balancer.sides.values()
        for _ in range(times):
            await asyncio.gather(
                *(each.check() for side in sides for each in side.instances.values())
            )

    def say(self, line: str) -> str:
        """Give it a command."""
        return self.balancer.command(line).strip()

    def seen(self) -> Sequence[Instance]:
        """How it sees the old side's instances."""
        return sides_in(self.say("show stat"))[OLD].instances[: len(self.backends)]

    async def users(self, count: int) -> Counter[str]:
        """What so many requests were answered, by name or by status."""
        answers = [await self.balancer.answer(ORDER) for _ in range(count)]
        return Counter(each.body.decode() or str(each.status) for each in answers)

    async def end(self) -> None:
        """Stop all."""
        for side in self.balancer.sides.values():
            for each in side.instances.values():
                each.out()
        await asyncio.gather(*(server.close() for server in self.servers.values()))


def test_traffic_goes_by_weight_exactly() -> None:
    """Of a hundred requests each side gets its percent, and each instance its part of them."""

    async def check() -> None:
        stage = Stage()
        for name in ("old/1", "old/2", "new/1"):
            await stage.add(name)
        assert await stage.users(100) == {"old/1": 50, "old/2": 50}
        stage.say("set server split/new weight 30;set server split/old weight 70")
        assert weight_in(stage.say("show servers state split")) == 30
        assert await stage.users(100) == {"old/1": 35, "old/2": 35, "new/1": 30}
        stage.say("set server split/new weight 0;set server split/old weight 100")
        assert (await stage.users(50))["new/1"] == 0
        await stage.end()

    asyncio.run(check())


def test_health_is_seen_before_traffic_and_lost_after_some_failures() -> None:
    """One failed check is not enough; neither is one good one."""

    async def check() -> None:
        stage = Stage()
        for name in ("old/1", "old/2"):
            await stage.add(name)
        stage.backends["old/1"].health = 503
        await stage.check(FALL - 1)
        assert not any(each.is_down for each in stage.seen())
        assert (await stage.users(10))["old/1"] == 5
        await stage.check(1)
        assert [each.is_down for each in stage.seen()] == [True, False]
        assert await stage.users(10) == {"old/2": 10}
        stage.backends["old/1"].health = 200
        await stage.check(RISE - 1)
        assert [each.is_up for each in stage.seen()] == [False, True]
        await stage.check(1)
        assert [each.is_up for each in stage.seen()] == [True, True]
        await stage.end()

    asyncio.run(check())


def test_a_request_that_an_instance_does_not_take_goes_to_another() -> None:
    """Between its end and the failed checks users notice nothing; without another one they do."""

    async def check() -> None:
        stage = Stage()
        for name in ("old/1", "old/2"):
            await stage.add(name)
        await stage.users(2)
        await stage.servers["old/1"].close()
        stage.balancer.sides[OLD].instances["1"].put(1)
        stage.balancer.sides[OLD].instances["1"].is_up = True
        assert await stage.users(10) == {"old/2": 10}
        stage.say("set server old/2 state maint")
        assert await stage.users(3) == {"503": 3}
        seen = sides_in(stage.say("show stat"))[OLD]
        assert (seen.answered, seen.failed) == (15, 3)
        await stage.end()

    asyncio.run(check())


def test_what_is_under_way_ends_where_it_began() -> None:
    """A weight of 0 sends nothing new, and takes nothing away that was sent."""

    async def check() -> None:
        stage = Stage()
        for name in ("old/1", "new/1"):
            await stage.add(name)
        waits = stage.backends["new/1"].waits = asyncio.Event()
        stage.say("set server split/new weight 100;set server split/old weight 0")
        slow = asyncio.create_task(stage.users(1))
        await asyncio.sleep(0.02)
        stage.say("set server split/new weight 0;set server split/old weight 100")
        assert await stage.users(5) == {"old/1": 5}
        assert sides_in(stage.say("show stat"))[NEW].under_way == 1
        waits.set()
        assert await slow == {"new/1": 1}
        assert sides_in(stage.say("show stat"))[NEW].under_way == 0
        await stage.end()

    asyncio.run(check())


def test_what_never_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time the user is told, and a health check that hangs fails."""
    monkeypatch.setattr(module, "_ANSWER_WITHIN", 0.05)

    async def check() -> None:
        stage = Stage()
        (await stage.add("old/1")).waits = asyncio.Event()
        assert await stage.users(1) == {"504": 1}
        await stage.end()

    asyncio.run(check())


@pytest.mark.parametrize(
    "line",
    ["shutdown", "set server old/9 state maint", "set server split/blue weight 3", "set server"],
)
def test_refuses_what_it_does_not_understand(line: str) -> None:
    """In words, and with nothing changed."""
    said = Balancer(slots=2).command(line)
    assert "Unknown command" in said or "No such" in said
