"""Tests of publications that are killed: run again, they end as if nothing had happened."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.program.idl.document import Idl
from tests.scripts.program.idl.scene import Scene, scene
from tests.scripts.program.idl.test_publish import assert_clean
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.soak import amount

_SHARES = 2


@dataclass(frozen=True)
class _End:
    """What is left when all is done."""

    transactions: int
    lamports: int


def _run(there: Scene, idl: Idl, killer: Killer) -> int:
    """One process of the command; how it ended."""
    return process(there.simulation, lambda store: there.publish(idl, store).code, killer)


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
            assert _run(there, idl, Killer(at)) == KILLED
            there.chain.advance(WAITS[at % len(WAITS)])
            assert _run(there, idl, Killer()) == ExitCode.DONE, at
            assert_clean(there, idl)
            assert _end(there) == wanted, at
            assert there.simulation.journal().verify() == []
