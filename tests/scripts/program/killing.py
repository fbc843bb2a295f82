"""Processes that are killed: at a journal entry or a send, before or after it.

A kill is simulated: nothing but the operating system catches it, and whoever is dead does nothing
more. `test_real_kill.py` kills for real.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from scripts.runs.journal import Entry
from scripts.runs.sqlite import SqliteStore
from tests.scripts.program.simulation import HastyStore, Simulation

KILLED = -9
WAITS = (0, 1, 5, 200)
"""How many slots pass between a kill and the next run; after 200 every blockhash is gone."""


class _Killed(SystemExit):
    """The process ended here."""


@dataclass
class Killer:
    """Ends the process at the point `at`, counted from 0, and every later one."""

    at: float = inf
    passed: int = field(default=0)

    def point(self, _what: object = None) -> None:
        """Die here, if it is the one."""
        self.passed += 1
        if self.passed > self.at:
            raise _Killed


class _Store(HastyStore):
    """A store in which the killer waits around each entry."""

    def __init__(self, path: Path, killer: Killer) -> None:
        super().__init__(path)
        self._killer = killer

    def append(self, entry: Entry, *, token: int) -> None:
        self._killer.point()
        super().append(entry, token=token)
        self._killer.point()


def process(simulation: Simulation, run: Callable[[SqliteStore], int], killer: Killer) -> int:
    """One process of what `run` does; its exit code, `KILLED` where the killer was there."""
    simulation.point = killer.point
    store = _Store(simulation.folder / "runs.sqlite", killer)
    try:
        return run(store)
    except _Killed:
        return KILLED
    finally:
        simulation.point = lambda _: None
        store.close()
