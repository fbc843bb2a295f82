"""A program on a chain, and IDLs of it."""

import json
import random
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from solders.account import Account
from solders.pubkey import Pubkey

from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program import plans as deployments
from scripts.program.idl import plans
from scripts.program.idl.account import Published, look
from scripts.program.idl.document import Idl, parse_idl
from scripts.program.idl.metadata import METADATA, Kind
from scripts.program.idl.publication import Publication
from scripts.program.world import World
from scripts.runs.runner import Outcome, execute
from scripts.runs.sqlite import SqliteStore
from tests.localnet.elf import program
from tests.scripts.program.idl.program import MetadataChain
from tests.scripts.program.simulation import TARGET, Simulation, simulated

CODE = program(1, 1500)


def document(address: Pubkey, *, version: str = "1.0.0", noise: int = 0) -> dict[str, object]:
    """An IDL as Anchor builds it, with `noise` bytes of documentation that do not compress."""
    draw = random.Random(version)  # noqa: S311 - for repetition, not for secrecy
    return {
        "address": str(address),
        "metadata": {"name": "vault", "version": version, "spec": "0.1.0"},
        "docs": [draw.randbytes(noise).hex()],
        "instructions": [
            {"name": name, "discriminator": list(range(8)), "accounts": [], "args": []}
            for name in ("open", "close")
        ],
    }


def idl_of(address: Pubkey, *, version: str = "1.0.0", noise: int = 0) -> Idl:
    """The same, as a file."""
    content = json.dumps(document(address, version=version, noise=noise), indent=2)
    return parse_idl(content.encode(), address)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A program that was deployed."""

    simulation: Simulation
    chain: MetadataChain

    def idl(self, version: str = "1.0.0", noise: int = 0) -> Idl:
        """An IDL of the program."""
        return idl_of(self.simulation.program, version=version, noise=noise)

    def publish(
        self, idl: Idl, store: SqliteStore | None = None, world: World | None = None
    ) -> Outcome:
        """One process that publishes it."""
        world = world or self.simulation.world(CODE)
        publication = Publication(idl=idl)
        plan = plans.publish(TARGET, plans.inputs(world, publication), publication)
        return execute(plan, world, self.simulation.setting(store))

    def published(self) -> Published:
        """What clients see."""
        self.chain.advance(2)
        world = self.simulation.world(CODE)
        return world.wait(look(world.node, world.program))

    def accounts(self, kind: Kind) -> dict[Pubkey, Account]:
        """The accounts of program-metadata of one kind."""
        found = self.chain.program_accounts(METADATA, self.chain.blocks.newest)
        return {key: one for key, one in found.items() if one.data[0] == kind}

    def keys(self) -> list[Path]:
        """The keys of buffers that are kept on disk."""
        return sorted((self.simulation.folder / "kept" / "idl").glob("*.json"))


@contextmanager
def scene(
    folder: Path, faults: Faults | None = None, chain: MetadataChain | None = None
) -> Generator[Scene]:
    """A new chain with the program on it; `faults` begin after that."""
    chain = chain or MetadataChain()
    with simulated(folder, chain=chain) as simulation:
        world = simulation.world(CODE)
        plan = deployments.deploy(TARGET, deployments.inputs(world))
        assert execute(plan, world, simulation.setting()).code == ExitCode.DONE
        chain.dice.faults = faults or Faults()
        yield Scene(simulation=simulation, chain=chain)
