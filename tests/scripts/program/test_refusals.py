"""Tests of what is refused before a lamport moves: each says why, and what to do."""

from pathlib import Path

import httpx2
import pytest
from solders.keypair import Keypair

from environments.model import Cluster
from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program import plans
from scripts.program.cluster import check_address, confirm
from scripts.program.estimate import estimate
from scripts.program.node import Node
from scripts.program.refusals import (
    refuse_buffer,
    refuse_change,
    refuse_deploy,
    refuse_extension,
    refuse_poor,
)
from scripts.program.state import ProgramRefusedError
from scripts.program.steps import change, checks
from scripts.program.world import World
from scripts.runs.runner import execute
from scripts.runs.steps import Plan, Step
from tests.localnet.elf import program
from tests.localnet.programs import MEMO
from tests.scripts.program.network import project
from tests.scripts.program.simulation import TARGET, Simulation, simulated

_CODE = program(0, 3000)


def _deployed(simulation: Simulation) -> World:
    world = simulation.world(_CODE)
    done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
    assert done.code is ExitCode.DONE
    return simulation.world(program(1, 3000))


def _after(simulation: Simulation, step: Step[World]) -> World:
    world = _deployed(simulation)
    plan = Plan(target=TARGET, command="before", inputs={}, steps=[checks.cluster(), step])
    assert execute(plan, simulation.world(b""), simulation.setting()).code is ExitCode.DONE
    return world


def _refused(world: World, *, first: bool = False) -> str:
    found = world.wait(world.on_chain())
    with pytest.raises(ProgramRefusedError) as refused:
        (refuse_deploy if first else refuse_change)(world, found)
    return str(refused.value)


def test_a_program_that_is_not_there_is_not_upgraded(tmp_path: Path) -> None:
    """It is deployed."""
    with simulated(tmp_path) as simulation:
        assert "use `slipway program deploy`" in _refused(simulation.world(_CODE))


def test_a_program_that_is_there_is_not_deployed(tmp_path: Path) -> None:
    """It is upgraded; and what runs already is simply done."""
    with simulated(tmp_path) as simulation:
        world = _deployed(simulation)
        assert "use `slipway program upgrade`" in _refused(world, first=True)
        world.code = _CODE
        refuse_deploy(world, world.wait(world.on_chain()))


def test_a_closed_program_never_comes_back(tmp_path: Path) -> None:
    """Its id is gone for good, for a deployment and an upgrade."""
    with simulated(tmp_path) as simulation:
        world = _after(simulation, change.close_for_good())
        for first in (True, False):
            assert "its id is gone for good: deploy with a new key" in _refused(world, first=first)


def test_a_final_program_stays(tmp_path: Path) -> None:
    """Nobody can change it."""
    with simulated(tmp_path) as simulation:
        world = _after(simulation, change.hand_over(None))
        assert "is final: it has no upgrade authority" in _refused(world)


def test_a_wrong_authority_is_told_whose_it_is(tmp_path: Path) -> None:
    """With the one to name."""
    with simulated(tmp_path) as simulation:
        world = _deployed(simulation)
        own, world.authority = world.authority, Keypair()
        assert f"{own.pubkey()} is. Name its key with --authority" in _refused(world)


def test_a_first_deployment_wants_the_program_s_own_key(tmp_path: Path) -> None:
    """The environment's, and no other."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_CODE)
        world.program_key = None
        assert "name its file with --program-key" in _refused(world, first=True)
        world.program_key = Keypair()
        assert "change programId by a review" in _refused(world, first=True)


def test_an_account_that_is_no_program_is_refused(tmp_path: Path) -> None:
    """The environment names a wallet, or a program of another loader."""
    with simulated(tmp_path) as simulation:
        for other in (simulation.payer.pubkey(), MEMO):
            world = simulation.world(_CODE)
            world.program = other
            if simulation.chain.account(other) is None:
                continue
            with pytest.raises(ProgramRefusedError, match="not of the upgradeable loader"):
                world.wait(world.on_chain())


def test_too_few_lamports_are_counted(tmp_path: Path) -> None:
    """How much there is, how much it takes, how much is missing."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_CODE)
        found = world.wait(world.on_chain())
        refuse_poor(world.wait(estimate(world, found)))
        simulation.leave(0)
        taken = world.wait(estimate(world, found))
        with pytest.raises(ProgramRefusedError, match=r"has 0 SOL and needs 0\.0.* is missing"):
            refuse_poor(taken)


def test_what_is_needed_suffices_and_no_less(tmp_path: Path) -> None:
    """With exactly as much as the estimate says a deployment goes through."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_CODE)
        needed = world.wait(estimate(world, world.wait(world.on_chain()))).needed
        simulation.leave(needed)
        done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
        assert done.code is ExitCode.DONE, done.message


def test_somebody_else_s_buffer_is_refused(tmp_path: Path) -> None:
    """A kept key whose buffer another authority owns, or that is too short."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_CODE)
        steps = [one for one in plans.deploy(TARGET, {}).steps if one.id.startswith("buffer")]
        plan = Plan(target=TARGET, command="half", inputs={}, steps=steps)
        assert execute(plan, world, simulation.setting()).code is ExitCode.DONE
        world.wait(refuse_buffer(world))
        world.authority = Keypair()
        with pytest.raises(ProgramRefusedError, match="belongs to"):
            world.wait(refuse_buffer(world))


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (3000, "has room for 3,000 bytes already"),
        (3001, "at least 10,240: --to 13240"),
        (11 * 1024 * 1024, "at most 10,485,715 bytes"),
    ],
)
def test_an_extension_that_the_loader_refuses_is_refused_first(
    tmp_path: Path, size: int, said: str
) -> None:
    """Too small, too large, or none at all."""
    with simulated(tmp_path) as simulation:
        world = _deployed(simulation)
        with pytest.raises(ProgramRefusedError, match=said):
            refuse_extension(world.wait(world.on_chain()), size)


@pytest.mark.parametrize(
    ("url", "cluster"),
    [
        ("https://api.devnet.solana.com", Cluster.MAINNET_BETA),
        ("https://api.mainnet-beta.solana.com", Cluster.DEVNET),
        ("http://10.0.0.1:8899", Cluster.LOCALNET),
        ("localhost:8899", Cluster.LOCALNET),
        ("an-api-key", Cluster.DEVNET),
    ],
)
def test_an_address_of_another_cluster_is_not_even_asked(url: str, cluster: Cluster) -> None:
    """By its name; a localnet is on this machine. What is no address is not shown."""
    with pytest.raises(ProgramRefusedError) as refused:
        check_address(url, cluster)
    assert "an-api-key" not in str(refused.value)


def test_a_local_chain_that_was_not_started_is_named_at_once(tmp_path: Path) -> None:
    """With the command that starts it: no patience brings it."""

    async def nobody(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with simulated(tmp_path) as simulation:
        node, began = Node(simulation.client(nobody)), simulation.runner.get_loop().time()
        with pytest.raises(ProgramRefusedError, match="slipway localnet starts a local chain"):
            simulation.world(b"").wait(confirm(node, Cluster.LOCALNET))
        assert simulation.runner.get_loop().time() - began < 1  # simulated seconds


def test_a_node_that_is_behind_is_refused(tmp_path: Path) -> None:
    """By its own word, after a few tries."""
    with simulated(tmp_path, faults=Faults(behind=1, behind_slots=20)) as simulation:
        node = Node(simulation.client())
        with pytest.raises(ProgramRefusedError, match="behind by 20 slots: wait until"):
            simulation.world(b"").wait(confirm(node, Cluster.LOCALNET))


def test_files_that_will_not_do_are_refused(tmp_path: Path) -> None:
    """No ELF file, a cut one, a key that others can read, one that is no key, no chain at all."""
    with project(tmp_path) as it:
        landed = len(it.chain.records)
        for code, said in ((b"no program", "it is no ELF file"), (_CODE[:100], "cut off")):
            assert said in it.deploy(code).stderr
        it.key("payer.json", it.payer, mode=0o644)
        assert "others may have read this key" in it.deploy(_CODE).stderr
        (it.folder / "payer.json").write_text("{}", encoding="utf-8")
        (it.folder / "payer.json").chmod(0o600)
        assert "is no key of the Solana CLI" in it.deploy(_CODE).stderr
        assert len(it.chain.records) == landed
