"""A rehearsal: the cluster, its users, its metrics, and the controller that moves the traffic."""

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from preview.files import write
from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.planning.request import Cutover
from scripts.cutover.rehearse.children import Child
from scripts.cutover.rehearse.cluster import Cluster
from scripts.cutover.rehearse.controller import CUTOVER, JOURNAL
from scripts.cutover.rehearse.faults import Fault
from scripts.cutover.rehearse.metrics import SCRAPE_SECONDS, Metrics, Scraper
from scripts.cutover.rehearse.options import (
    Options,
    RehearsalError,
    enough,
    planned,
    write_baseline,
)
from scripts.cutover.rehearse.provider import ProviderServer
from scripts.cutover.rehearse.runtime import OLD
from scripts.cutover.rehearse.world import PROVIDER
from scripts.cutover.running.conductor import Outcome
from scripts.exits import ExitCode
from scripts.runs.journal import Entry, current
from scripts.runs.sqlite import SqliteStore

_RESTARTS: Final = 5
"""A controller that ends without an outcome is started again so often."""
_STEADY: Final = 4
"""After so many scrapes with requests, these come as fast as they are to."""


@dataclass(kw_only=True)
class Seen:
    """What a rehearsal has seen so far, for those who watch it."""

    options: Options
    metrics: Metrics = field(default_factory=Metrics)
    began: float = field(default_factory=time.time)
    place: str = ""
    """Which load balancer, and where it listens."""
    phase: str = "starting"
    users: Mapping[str, Any] = field(default_factory=dict[str, Any])
    faulty_since: float | None = None
    cutover: Cutover | None = None
    entries: list[Entry] = field(default_factory=list[Entry])
    """The journal."""
    notes: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """What happened beside it, and when."""

    def note(self, said: str) -> None:
        """Write down that something happened."""
        self.notes.append((time.time(), said))


@dataclass(kw_only=True)
class _Heard:
    """What the controller said."""

    observed: float = 0.0
    """The time of the newest data that it looked at last."""
    forward: bool = False
    """Whether it sent traffic to the new side."""
    breach_to_sent: float | None = None
    """From the newest data of the breaching observation to the weight that was sent."""
    last: Mapping[str, Any] | None = None


_NOTHING: Final[dict[str, Any]] = {
    "outcome": None,
    "decision_to_verified_seconds": None,
    "bound_seconds": None,
    "evidence": [],
}
"""What every outcome says, also where there is nothing to be said."""


class Rehearsal:
    """One rehearsal; `show` is called whenever there is something new to see."""

    def __init__(self, options: Options, show: Callable[[Seen], None]) -> None:
        self._options: Final = options
        self._show: Final = show
        self.seen: Final = Seen(options=options)
        self._heard: Final = _Heard()
        self._controller: Child | None = None
        self._is_killed = False
        self._store: SqliteStore | None = None

    async def run(self) -> dict[str, Any]:
        """Carry it out; how it ended. Ctrl-C ends it, too.

        Raises:
            RehearsalError: it could not take place.
        """
        task = asyncio.create_task(self._run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return _NOTHING | {
                "outcome": Outcome.INTERRUPTED.value,
                "code": ExitCode.INTERRUPTED,
            }
        except TimeoutError:
            limit = self._options.scale.seconds
            raise RehearsalError(f"it was not over after {limit:g} s, and was ended") from None
        except ChildProcessError as error:
            raise RehearsalError(str(error)) from None

    async def _run(self) -> dict[str, Any]:
        options = self._options
        if (options.folder / JOURNAL).exists():
            raise RehearsalError(f"{options.folder} has a rehearsal already: name another folder")
        options.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
            sockets = Path(folder)
            log = options.folder / "processes.log"
            async with (
                asyncio.timeout(options.scale.seconds),
                Cluster(options.scale, options.faulty, sockets, log) as cluster,
            ):
                self.seen.place = f"{cluster.balancer} on 127.0.0.1:{cluster.port}"
                users = await cluster.start("load", cluster.port, options.scale.rate)
                watching = [
                    asyncio.create_task(self._watch(cluster)),
                    asyncio.create_task(self._hear_users(users)),
                ]
                acting = asyncio.create_task(self._act(cluster, sockets))
                try:
                    await asyncio.wait({*watching, acting}, return_when=asyncio.FIRST_COMPLETED)
                    for task in watching:
                        if task.done() and not acting.done():
                            task.result()
                            raise RehearsalError("the users or the metrics ended before the rest")
                    said = await acting
                finally:
                    for task in (*watching, acting):
                        task.cancel()
                    await asyncio.wait({*watching, acting})
                self.seen.users = await users.end() or self.seen.users
        self._read_journal()
        self._show(self.seen)
        if self._store:
            self._store.close()
        return self._result(said)

    async def _act(self, cluster: Cluster, sockets: Path) -> Mapping[str, Any]:
        """Measure the old side, then let the controller move its traffic."""
        seen, options = self.seen, self._options
        # Nothing is judged before there are users, nor expected by how few the first ones were.
        while seen.metrics.busy(OLD) < _STEADY:  # noqa: ASYNC110 metrics come by the clock
            await asyncio.sleep(SCRAPE_SECONDS)
        baseline = options.baseline or await self._measured()
        lately = seen.metrics.rate(OLD, _STEADY * SCRAPE_SECONDS)
        rate = min(options.scale.rate, lately or options.scale.rate)
        cutover = planned(options, baseline, rate)
        seen.cutover = cutover
        seen.note(f"the deployment window takes {cutover.plan.seconds:.0f} s when all goes well")
        write(options.folder / CUTOVER, json.dumps(dict(cutover.inputs), indent=2) + "\n")
        self._store = SqliteStore(options.folder / JOURNAL)
        async with ProviderServer(cluster, seen.metrics, sockets / PROVIDER):
            for _ in range(_RESTARTS):
                seen.phase = "cutover"
                self._controller = await cluster.start("controller", options.folder, sockets)
                if said := await self._hear_controller(self._controller):
                    return said
                seen.note("the controller is gone; another one goes on")
        raise RehearsalError(f"the controller does not run; see {options.folder}/processes.log")

    async def _measured(self) -> Baseline:
        """What the old side is like, by as many requests as a baseline has to have (MON-14)."""
        wanted = enough()
        while (so_far := self.seen.metrics.requests(OLD)) < wanted:
            self.seen.phase = f"baseline: {so_far:,} of {wanted:,} requests"
            await asyncio.sleep(SCRAPE_SECONDS)
        baseline = self.seen.metrics.baseline()
        write_baseline(baseline, self._options.folder)
        return baseline

    async def _watch(self, cluster: Cluster) -> None:
        """Scrape, give the fault when its time has come, kill the controller, and show it all."""
        scraper, seen, options = Scraper(cluster, self.seen.metrics), self.seen, self._options
        while True:
            await scraper.scrape()
            weight = seen.metrics.weight
            if cluster.give_fault(weight):
                seen.faulty_since = time.time()
                seen.note(f"{options.faulty}, from now on")
            kill_at = options.kill_controller
            if kill_at is not None and weight >= kill_at and not self._is_killed:
                self._kill()
            self._read_journal()
            self._show(seen)
            await asyncio.sleep(SCRAPE_SECONDS)

    def _kill(self) -> None:
        if self._controller and self._heard.forward:
            self._is_killed = True
            self._controller.kill()
            self.seen.note(f"the controller (process {self._controller.pid}) was killed")

    def _read_journal(self) -> None:
        if self._store and self.seen.cutover:
            self.seen.entries = current(self.seen.cutover.target, self._store).entries()

    async def _hear_users(self, users: Child) -> None:
        while (said := await users.says()) is not None:
            self.seen.users = said

    async def _hear_controller(self, controller: Child) -> Mapping[str, Any] | None:
        """Its outcome; None where it ended without one."""
        heard = self._heard
        while (said := await controller.says()) is not None:
            match said:
                case {"observed": float(newest)}:
                    heard.observed = newest
                case {"sent": 0, "at": float(at)} if heard.forward and heard.observed:
                    heard.breach_to_sent = heard.breach_to_sent or at - heard.observed
                case {"sent": int(weight)} if weight:
                    heard.forward = True
                case {"outcome": str()}:
                    return said
                case _:
                    pass
        return None

    def _result(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """How it ended, for programs."""
        seen, options = self.seen, self._options
        return {
            **_NOTHING,
            **said,
            "breach_to_weight_seconds": self._heard.breach_to_sent,
            "poll_seconds": options.settings.poll,
            "seconds": time.time() - seen.began,
            "fault": options.faulty.fault.value,
            "balancer": seen.place,
            "users": dict(seen.users),
            "controllers_killed": int(self._is_killed),
            "folder": str(options.folder),
        }


def is_as_it_should(said: Mapping[str, Any]) -> bool:
    """Whether a rehearsal ended as its fault, or its lack of one, has it."""
    wanted = Outcome.DONE if said["fault"] == Fault.NONE else Outcome.ROLLED_BACK
    return said["outcome"] == wanted
