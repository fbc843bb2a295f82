"""The world of a rehearsal, as the controller has it: a process that knows two local sockets.

Weights and health are the load balancer's own. Instances are started and ended, and metrics kept,
by the rehearsal that this process is a part of, as a cloud would.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Observations, Series
from scripts.cutover.rehearse import lifeline
from scripts.cutover.rehearse.runtime import NEW, OLD, SOCKET, Runtime, ask

PROVIDER: Final = "provider.sock"
BEFORE: Final = 60.0
"""So many seconds before a stage are looked at, too."""
_PATIENCE: Final = 2.0
_SLOW: Final = 30.0
"""What starts or ends processes may take so long."""


class Provider:
    """Who starts and ends instances and keeps metrics, at a local socket."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def ask(self, what: str, seconds: float = _PATIENCE, **about: object) -> Mapping[str, Any]:
        """What is said to `what`; a `TimeoutError` where nothing is."""
        said = ask(self._path, json.dumps({"what": what, **about}), seconds)
        if not said:
            raise TimeoutError(f"{what}: no answer")
        return cast("Mapping[str, Any]", json.loads(said))


class LoopbackSides:
    """The old and the new side on loopback."""

    def __init__(self, provider: Provider, runtime: Runtime, releases: tuple[str, str]) -> None:
        self._provider: Final = provider
        self._runtime: Final = runtime
        self._releases: Final = releases

    @property
    def releases(self) -> tuple[str, str]:
        """What each side runs."""
        return self._releases

    def size(self) -> int:
        """How many instances carry all traffic."""
        return int(self._provider.ask("size")["instances"])

    def scale(self, instances: int) -> None:
        """Have so many new instances."""
        self._provider.ask("grow", _SLOW, instances=instances)

    def healthy(self, *, is_new: bool) -> int:
        """How many the load balancer sees healthy."""
        return self._runtime.sides()[_name(is_new=is_new)].healthy

    def set_weight(self, weight: int) -> None:
        """Set it; the rehearsal is told when, to measure by."""
        lifeline.tell({"sent": weight, "at": time.time()})
        self._runtime.set_weight(weight)

    def weight(self) -> int:
        """What the load balancer says."""
        return self._runtime.weight()

    def retire(self, *, is_new: bool) -> None:
        """End the processes of a side."""
        self._provider.ask("retire", _SLOW, side=_name(is_new=is_new))

    def is_retired(self, *, is_new: bool) -> bool:
        """Whether none runs, and none is meant to."""
        side = _name(is_new=is_new)
        is_gone = not self._provider.ask("alive", side=side)["instances"]
        return is_gone and not any(each.is_in for each in self._runtime.sides()[side].instances)

    def refusals(self) -> Sequence[str]:
        """Nothing speaks against a rehearsal."""
        return ()


class LoopbackWatch:
    """What the rehearsal's own metrics say."""

    def __init__(self, provider: Provider) -> None:
        self._provider: Final = provider

    def observe(self, stage: Stage) -> Observations:
        """The series of the gates of `stage`, of both sides."""
        since = stage.since - BEFORE
        names = sorted({gate.series for gate in stage.gates})
        said = self._provider.ask("series", names=names, since=since)
        old, new = (
            {name: series(each) for name, each in said[side].items()} for side in (OLD, NEW)
        )
        newest = max((each.at[-1] for each in new.values() if each.at), default=0.0)
        lifeline.tell({"observed": newest, "at": time.time()})
        return Observations(new=new, old=old, alarms=dict.fromkeys(stage.alarms, Alarm.OK))

    def refusals(self) -> Sequence[str]:
        """All of it can be read."""
        return ()


class SystemClock:
    """This machine's."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class LoopbackWorld:
    """All of it, by the local sockets in `folder`."""

    def __init__(self, folder: Path, service: str, releases: tuple[str, str]) -> None:
        provider = Provider(folder / PROVIDER)
        runtime = Runtime(folder / SOCKET)
        self._sides: Final = {service: LoopbackSides(provider, runtime, releases)}
        self._watch: Final = LoopbackWatch(provider)
        self._clock: Final = SystemClock()

    @property
    def sides(self) -> Mapping[str, LoopbackSides]:
        """The sides of the one service."""
        return self._sides

    @property
    def watch(self) -> LoopbackWatch:
        """What is seen."""
        return self._watch

    @property
    def clock(self) -> SystemClock:
        """What time it is."""
        return self._clock


def series(said: Mapping[str, Any]) -> Series:
    """A series, from what `plain` made of it."""
    kept = {name: tuple(map(float, values)) for name, values in said.items()}
    return Counts(**kept) if "total" in kept else Levels(**kept)


def plain(made: Series) -> dict[str, object]:
    """`made` as JSON has it."""
    match made:
        case Counts():
            return {"at": made.at, "total": made.total, "bad": made.bad}
        case Levels():
            return {"at": made.at, "value": made.value}


def _name(*, is_new: bool) -> str:
    return NEW if is_new else OLD
