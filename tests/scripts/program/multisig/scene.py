"""A program that a multisig owns, and people who decide about it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import plans as single
from scripts.program.loader import program_data_address, set_authority
from scripts.program.multisig import plans, squads
from scripts.program.multisig.decisions import is_ready
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission, Status
from scripts.program.multisig.standing import Standing, standing
from scripts.program.world import World
from scripts.runs.runner import Outcome, execute
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Plan
from tests.localnet.elf import program
from tests.scripts.program.multisig.program import SquadsChain, State
from tests.scripts.program.simulation import SLOT_SECONDS, TARGET, Simulation, simulated

OLD, NEW = program(1, 3000), program(2, 14_000)
MULTISIG = Pubkey.from_bytes(bytes([77] * 32))
ALL = Permission.INITIATE | Permission.VOTE | Permission.EXECUTE
LOCK_SECONDS = 3600
ANA, BO, CEM = (Keypair.from_seed(bytes([number]) * 32) for number in (11, 12, 13))


@dataclass(kw_only=True)
class Scene:
    """A chain with a multisig of three, two of whom must agree; its vault owns a program."""

    simulation: Simulation
    chain: SquadsChain
    lock_seconds: int

    @property
    def squad(self) -> Squad:
        """Ana, at her machine."""
        return Squad(multisig=MULTISIG, member=ANA)

    def world(self, code: bytes) -> World:
        """What a new process has in hand."""
        return replace(self.simulation.world(code), vault=self.squad.vault, member=ANA.pubkey())

    def run(self, plan: Plan[World], world: World, store: SqliteStore | None = None) -> Outcome:
        """The plan, run as far as it goes."""
        return execute(plan, world, self.simulation.setting(store))

    def upgrade(self, store: SqliteStore | None = None) -> Outcome:
        """The command, typed once more."""
        world = self.world(NEW)
        running = self.simulation.runs() if self.simulation.runs() != NEW else OLD
        plan = plans.upgrade(TARGET, single.inputs(world), self.squad, running)
        return self.run(plan, world, store)

    def rollback(self, store: SqliteStore | None = None) -> Outcome:
        """Back to the old one."""
        world = self.world(OLD)
        ready = world.wait(is_ready(world, self.squad)) or world.wait(world.is_switched())
        plan = plans.rollback(TARGET, single.inputs(world), self.squad, is_ready=ready)
        return self.run(plan, world, store)

    def standing(self) -> list[Standing]:
        """The ways back, as a new process finds them."""
        self.chain.advance(2)
        world = self.world(b"")
        return world.wait(standing(world, self.squad))

    def retire(self, due: Sequence[Standing], store: SqliteStore | None = None) -> Outcome:
        """Those taken away."""
        return self.run(plans.retire(TARGET, self.squad, due), self.world(b""), store)

    def vote(self, member: Keypair, index: int, vote: str = "approve") -> None:
        """What a member does somewhere else."""
        instruction = getattr(squads, vote)(multisig=MULTISIG, index=index, member=member.pubkey())
        blockhash = self.chain.blocks.newest.hash
        message = Message.new_with_blockhash([instruction], member.pubkey(), blockhash)
        self.chain.submit(VersionedTransaction(message, [member]))
        self.chain.advance(2)

    def wait_out(self) -> None:
        """The lock, over."""
        self.chain.advance(int(self.lock_seconds / SLOT_SECONDS) + 10)

    def status(self, index: int) -> Status:
        """How far a proposal is."""
        return self.chain.proposal(self.address(index)).status

    def address(self, index: int) -> Pubkey:
        """Where a proposal lies."""
        return squads.proposal_address(MULTISIG, index)


@contextmanager
def scene(
    folder: Path, *, lock_seconds: int = LOCK_SECONDS, chain: SquadsChain | None = None
) -> Generator[Scene]:
    """The program deployed, and handed to the vault."""
    chain = chain or SquadsChain()
    members = tuple((key.pubkey(), ALL) for key in (ANA, BO, CEM))
    chain.found(
        MULTISIG,
        State(create_key=MULTISIG, threshold=2, time_lock=lock_seconds, members=members),
    )
    with simulated(folder, chain=chain) as simulation:
        simulation.fund(ANA, BO, CEM)
        world = simulation.world(OLD)
        outcome = execute(single.deploy(TARGET, single.inputs(world)), world, simulation.setting())
        assert outcome.code == ExitCode.DONE
        vault = squads.vault_address(MULTISIG)
        account = program_data_address(simulation.program)
        owner = simulation.authority
        message = Message.new_with_blockhash(
            [set_authority(account, owner.pubkey(), vault)],
            simulation.payer.pubkey(),
            chain.blocks.newest.hash,
        )
        chain.submit(VersionedTransaction(message, [simulation.payer, owner]))
        chain.advance(2)
        yield Scene(simulation=simulation, chain=chain, lock_seconds=lock_seconds)


def upgraded(there: Scene) -> None:
    """The new version running, the old one ready."""
    there.upgrade()
    there.vote(BO, 1)
    there.wait_out()
    there.upgrade()
    there.vote(BO, 2)
    there.wait_out()
    assert there.upgrade().code == ExitCode.DONE
