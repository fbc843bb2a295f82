"""The old and the new side of a rehearsal, their load balancer and their users: real processes."""

import asyncio
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final, Self

from scripts.cutover.rehearse import haproxy
from scripts.cutover.rehearse.children import Child
from scripts.cutover.rehearse.faults import Fault, Faulty
from scripts.cutover.rehearse.runtime import NEW, OLD, SOCKET, Runtime
from scripts.cutover.rehearse.wire import LOOPBACK

SERVICE: Final = "web"
"""What the rehearsed service is called."""
_EMBEDDED: Final = "embedded"
_HAPROXY: Final = "HAProxy"
_DRAINING: Final = 5.0
"""How long requests may be under way, in seconds: longer than any is waited for."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a rehearsal is."""

    releases: tuple[str, str] = ("web-1", "web-2")
    instances: int = 3
    rate: float = 1500
    """Requests a second of all users together."""
    seconds: float = 300
    """After so long everything ends, whatever happens."""
    embedded: bool = False
    """Whether the embedded load balancer is used where HAProxy is there, too."""

    def release(self, side: str) -> str:
        """What `side` runs."""
        return self.releases[side == NEW]


@dataclass(frozen=True)
class Running:
    """One instance that was started."""

    child: Child
    port: int


class Cluster:
    """All of it; `async with` starts the load balancer and the old side, and ends everything."""

    def __init__(self, scale: Scale, faulty: Faulty, folder: Path, log: Path) -> None:
        self.scale: Final = scale
        self.runtime: Final = Runtime(folder / SOCKET)
        self.running: Final[dict[str, dict[int, Running]]] = {OLD: {}, NEW: {}}
        self.balancer = _EMBEDDED
        self.port = 0
        self._faulty: Final = faulty
        self._is_faulty = False
        self._folder: Final = folder
        self.log: Final = log
        self._children: Final[list[Child]] = []
        self._lock: Final = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await self._balance()
            await self._grow(OLD, self.scale.instances)
            await self._until_healthy()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(child.end() for child in self._children))

    async def start(self, name: str, *arguments: object) -> Child:
        """Start the module `name`, which ends with the cluster."""
        return self._keep(await Child.module(name, *arguments, self.scale.seconds, log=self.log))

    async def grow(self, instances: int) -> None:
        """Let the new side have so many instances that are alive, and the old one all of its."""
        async with self._lock:
            await self._grow(OLD, self.scale.instances)
            await self._grow(NEW, instances)
            for number in sorted(self.running[NEW], reverse=True)[: -instances or None]:
                await self._take_out(NEW, number)

    async def retire(self, side: str) -> None:
        """Take away all instances of `side`, once the requests that are under way have ended."""
        async with self._lock:
            end = asyncio.get_running_loop().time() + _DRAINING
            while asyncio.get_running_loop().time() < end:
                if not (await asyncio.to_thread(self.runtime.sides))[side].under_way:
                    break
                await asyncio.sleep(0.05)
            for number in tuple(self.running[side]):
                await self._take_out(side, number)

    def alive(self, side: str) -> int:
        """How many instances of `side` run."""
        return sum(each.child.code is None for each in self.running[side].values())

    def give_fault(self, weight: int) -> bool:
        """Give the new side its fault where `weight` is what it waits for; whether it did so now.

        Once given it stays, also with those that start later.
        """
        new = self.running[NEW]
        if self._faulty.fault is Fault.NONE or not new or weight < self._faulty.at:
            return False
        is_first, self._is_faulty = not self._is_faulty, True
        if is_first:
            for number, each in new.items():
                self._make_faulty(number, each.child)
        return is_first

    async def _balance(self) -> None:
        """Start the load balancer, at a port that is taken before anybody else can take it."""
        with socket.create_server((LOOPBACK, 0), backlog=1024) as listener:
            self.port = listener.getsockname()[1]
            descriptor, slots = listener.fileno(), 2 * self.scale.instances
            command = None
            if not self.scale.embedded:
                command = haproxy.command(self._folder, descriptor, slots)
            self.balancer = _HAPROXY if command else _EMBEDDED
            command = command or [
                *(sys.executable, "-m", f"{__package__}.balancer", str(descriptor)),
                *(str(self._folder / SOCKET), str(slots), str(self.scale.seconds)),
            ]
            child = self._keep(await Child.start(command, self.log, [descriptor]))
        async with asyncio.timeout(20):
            while True:
                if child.code is not None:
                    raise ChildProcessError(f"the load balancer ended at once; see {self.log}")
                with suppress(TimeoutError):
                    await asyncio.to_thread(self.runtime.weight)
                    return
                await asyncio.sleep(0.02)

    async def _until_healthy(self) -> None:
        """Wait for the old side, which users find well."""
        async with asyncio.timeout(20):
            while await self._healthy(OLD) < self.scale.instances:  # noqa: ASYNC110 - HAProxy tells nobody
                await asyncio.sleep(0.05)

    async def _healthy(self, side: str) -> int:
        return (await asyncio.to_thread(self.runtime.sides))[side].healthy

    def _keep(self, child: Child) -> Child:
        self._children.append(child)
        return child

    async def _grow(self, side: str, instances: int) -> None:
        """Start what is missing; the place of one that died is taken by another."""
        running = self.running[side]
        for number in [number for number, each in running.items() if each.child.code is not None]:
            await self._take_out(side, number)
        free = [each for each in range(1, 2 * self.scale.instances + 1) if each not in running]
        wanted = free[: max(0, instances - len(running))]
        await asyncio.gather(*(self._add(side, number) for number in wanted))

    async def _add(self, side: str, number: int) -> None:
        child = await self.start("service", self.scale.release(side))
        port = int((await child.first())["port"])
        self.running[side][number] = Running(child, port)
        await asyncio.to_thread(self.runtime.add, side, number, port)
        if side == NEW and self._is_faulty:
            self._make_faulty(number, child)

    def _make_faulty(self, number: int, child: Child) -> None:
        faulty = self._faulty
        is_of_instances = faulty.fault in {Fault.CRASH, Fault.HANG}
        if not is_of_instances or number <= ceil(faulty.share * self.scale.instances):
            child.tell({"fault": faulty.fault, "share": faulty.share})

    async def _take_out(self, side: str, number: int) -> None:
        """Take an instance out of the balance, then end it."""
        await asyncio.to_thread(self.runtime.remove, side, number)
        await self.running[side].pop(number).child.end()
