"""Tests of publications that are killed: run again, they end as if nothing had happened."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.program.idl.document import Idl
from scripts.runs.journal import Entry
from tests.scripts.program.idl.scene import Scene, scene
from tests.scripts.program.idl.test_publish import assert_clean
from tests.scripts.program.simulation import HastyStore
from tests.scripts.program.test_kill import Killed, Killer
from tests.soak import amount

_WAITS = (0, 1, 5, 200)
"""How many slots pass between a kill and the next run; after 200 every blockhash is gone."""
_SHARES = 2


class _Store(HastyStore):
    """A store in which the killer waits around each entry."""

    def __init__(self, path: Path, killer: Killer) -> None:
        super().__init__(path)
        self._killer = killer

    def append(self, entry: Entry, *, token: int) -> None:
        self._killer.point()
        super().append(entry, token=token)
        self._killer.point()


@dataclass(frozen=True)
class _End:
    """What is left when all is done."""

    transactions: int
    lamports: int


def _run(there: Scene, idl: Idl, killer: Killer) -> int:
    """One process of the command; how it ended."""
    simulation = there.simulation
    simulation.point = killer.point
    store = _Store(simulation.folder / "runs.sqlite", killer)
    try:
        return there.publish(idl, store).code
    except Killed:
        return -9
    finally:
        simulation.point = lambda _: None
        store.close()


def _prepare(there: Scene, *, first: bool) -> Idl:
    """What comes before, and what is published."""
    if not first:
        assert there.publish(there.idl("1.0.0")).code == ExitCode.DONE
    return there.idl("1.1.0", 1_500)


def _end(there: Scene) -> _End:
    return _End(len(there.chain.records), there.simulation.lamports)


@pytest.mark.parametrize("share", range(_SHARES))
@pytest.mark.parametrize("first", [True, False])
def test_a_publication_killed_at_any_point_ends_the_same(
    tmp_path: Path, share: int, *, first: bool
) -> None:
    """The right bytes, no buffer left, and not a lamport more: nothing is paid twice."""
    with scene(tmp_path / "clean") as there:
        idl, killer = _prepare(there, first=first), Killer()
        assert _run(there, idl, killer) == ExitCode.DONE
        wanted, points = _end(there), killer.passed
    for at in range(share, points, _SHARES * amount(6, 1)):
        with scene(tmp_path / str(at)) as there:
            idl = _prepare(there, first=first)
            assert _run(there, idl, Killer(at)) == -9
            there.chain.advance(_WAITS[at % len(_WAITS)])
            assert _run(there, idl, Killer()) == ExitCode.DONE, at
            assert_clean(there, idl)
            assert _end(there) == wanted, at
            assert there.simulation.journal().verify() == []
