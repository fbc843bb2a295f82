"""Tests of pauses and corrections that are killed: typed again, they end the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from environments.program import Correction, Pause
from scripts.exits import ExitCode
from scripts.program.admin import correction, pause
from scripts.program.admin.product import Product
from scripts.program.node import Node
from scripts.program.smoke import Smoke
from scripts.program.world import World
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Plan
from tests.localnet.elf import program
from tests.scripts.program.killing import KILLED, Killer, process
from tests.scripts.program.simulation import TARGET, Simulation, simulated
from tests.scripts.program.test_features import deploy
from tests.soak import amount

_PAUSE = Pause(
    activate=("pause",), unpause=("unpause",), status=("status",), writes=("write.json",)
)
_CORRECTION = Correction(
    test=("test",), accounts=("accounts",), apply=("correct",), status=("status",)
)


@dataclass(frozen=True, kw_only=True)
class _Product(Product):
    """One that does in this process what it is asked, and remembers that."""

    simulation: Simulation
    killer: Killer
    did: list[str] = field(default_factory=list[str])

    def run(self, command: Sequence[str]) -> bytes:
        self.killer.point()
        self.did.append(command[0])
        self.killer.point()
        return b""

    def says(self, command: Sequence[str], key: str) -> bool:
        assert command == ("status",)
        return ("pause" if key == "paused" else "correct") in self.did

    def addresses(self, command: Sequence[str]) -> list[Pubkey]:
        assert command == ("accounts",)
        return [self.simulation.program]


@dataclass(frozen=True, kw_only=True)
class _Write(Smoke):
    """An instruction that the paused program refuses."""

    product: _Product

    async def problem(self, node: Node, program: Pubkey, payer: Pubkey) -> str:  # noqa: ARG002
        return "it is paused" if "pause" in self.product.did else ""


def _plan(name: str, product: _Product) -> Plan[World]:
    if name == "pause":
        writes = {"write.json": _Write(product=product)}
        return pause.pause(TARGET, {}, product, _PAUSE, writes)
    return correction.correct(TARGET, {}, product, _CORRECTION)


def _typed(simulation: Simulation, name: str, product: _Product) -> Callable[[SqliteStore], int]:
    def run(store: SqliteStore) -> int:
        world = simulation.world(b"")
        return execute(_plan(name, product), world, simulation.setting(store)).code

    return run


@pytest.mark.parametrize("name", ["pause", "correct"])
def test_what_is_killed_at_any_point_ends_the_same(tmp_path: Path, name: str) -> None:
    """The product's command is run again only where it has not done its work."""
    with simulated(tmp_path / "clean") as simulation:
        killer, product = _begun(simulation)
        assert process(simulation, _typed(simulation, name, product), killer) == ExitCode.DONE
        points = killer.passed
    for at in range(0, points, amount(5, 1)):
        with simulated(tmp_path / str(at)) as simulation:
            killer, product = _begun(simulation, at)
            run = _typed(simulation, name, product)
            assert process(simulation, run, killer) == KILLED, at
            killer.at = inf
            assert process(simulation, run, killer) == ExitCode.DONE, at
            assert product.did.count(name) == 1, at
            assert simulation.journal().verify() == []


def _begun(simulation: Simulation, at: float = inf) -> tuple[Killer, _Product]:
    """A program on the chain, and its product."""
    deploy(simulation, program(0, 600))
    killer = Killer(at)
    return killer, _Product(
        folder=simulation.folder, variables={}, simulation=simulation, killer=killer
    )
