"""Tests of what a plan says that it takes, and of what it marks as missing."""

from pathlib import Path

from solders.compute_budget import set_compute_unit_price
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import plans
from scripts.program.estimate import bill, estimate, left_behind
from scripts.program.loader import PROGRAM_DATA_HEADER
from scripts.program.steps import change, checks
from scripts.program.world import World
from scripts.runs.runner import execute
from scripts.runs.steps import Plan
from tests.localnet.elf import program
from tests.scripts.program.network import project
from tests.scripts.program.simulation import TARGET, Simulation, simulated

_CODE = program(1, 2000)


def test_a_deployment_is_priced_before_there_is_a_key_or_a_lamport(tmp_path: Path) -> None:
    """By addresses; what is missing is marked, and --execute refuses what the plan marks."""
    with project(tmp_path, sols=0) as it:
        address, file = str(it.payer.pubkey()), str(it.build("program.so", _CODE))
        words = ("deploy", "development", file, "--version", "1.0.0", "--payer", address)
        said = it.run(*words)
        assert said.exit_code == ExitCode.DONE, said.output
        for part in (
            "2 writes, 4 transactions, sent within 1 s at 100 a second",
            "the payer has 0 SOL: MISSING 0.0",
            f"fund {address}",
            f"MISSING the key of {it.program.pubkey()}: --program-key FILE",
            f"MISSING the key of {address}: --payer FILE",
            "Nothing was changed",
        ):
            assert part in said.stdout
        key = ("--program-key", str(it.key("program.json", it.program)))
        for more, wanted in (
            ((), "name its file with --program-key"),
            (key, "0 SOL and needs 0.0"),
        ):
            refused = it.run(*words, *more, "--execute")
            assert refused.exit_code == ExitCode.USAGE
            assert wanted in refused.stderr
        it.chain.airdrop(it.payer.pubkey(), 10**10)
        it.endpoint.between_blocks(lambda: it.chain.advance(3))
        refused = it.run(*words, *key, "--execute")
        assert refused.exit_code == ExitCode.USAGE
        assert f"an address signs nothing:\n  MISSING the key of {address}" in refused.stderr


def test_what_cannot_be_paid_is_marked_and_refused(tmp_path: Path) -> None:
    """An extension that costs more than there is; a rate at which an upload never ends."""
    with project(tmp_path, sols=1) as it:
        assert it.deploy(_CODE).exit_code == ExitCode.DONE
        landed = len(it.chain.records)
        extend = ("extend", "development", "--to", "10000000")
        said = it.run(*extend)
        assert said.exit_code == ExitCode.DONE
        assert "1 transaction, fees 0.000005 SOL now" in said.stdout
        assert "MISSING 68.6" in said.stdout
        refused = it.run(*extend, "--execute")
        assert refused.exit_code == ExitCode.USAGE
        assert f"{it.payer.pubkey()} has" in refused.stderr
        poor = str(it.key("poor.json", Keypair()))
        authority = ("authority", "development", "--new-key", poor, "--payer", poor)
        owner = ("--authority", str(it.folder / "payer.json"))
        assert "MISSING 0.000" in it.run(*authority, *owner).stdout
        assert "0 SOL and needs" in it.run(*authority, *owner, "--execute").stderr
        assert len(it.chain.records) == landed

        build = str(it.build("next.so", program(2, 190_000)))
        slow = it.run("upgrade", "development", build, "--version", "1.1.0", "--rate", "0.1")
        assert "TOO SLOW at that rate" not in said.stdout
        assert "TOO SLOW at that rate" in slow.stdout


def test_a_bill_suffices_and_no_less(tmp_path: Path) -> None:
    """With exactly as much as it says an extension goes through."""
    with simulated(tmp_path) as simulation:
        world = _deployed(simulation, _CODE)
        rent = simulation.chain.rent(PROGRAM_DATA_HEADER + 20_000)
        rent -= simulation.chain.rent(PROGRAM_DATA_HEADER + 2000)
        simulation.leave(world.wait(bill(world, 1, 1, rent=rent)).needed)
        steps = [checks.cluster(), change.grow_to(20_000)]
        plan = Plan(target=TARGET, command="extend", inputs={}, steps=steps)
        done = execute(plan, simulation.world(b""), simulation.setting())
        assert done.code is ExitCode.DONE, done.message


def test_the_buffer_of_a_build_that_was_given_up_is_named(tmp_path: Path) -> None:
    """With its lamports, and how they come back; the one that is gone on with is not."""
    with simulated(tmp_path) as simulation:
        _deployed(simulation, _CODE)
        given_up, next_ = program(2, 9000), program(3, 9000)
        world = simulation.world(given_up)
        steps = [one for one in plans.upgrade(TARGET, {}).steps if one.id.startswith("buffer")]
        plan = Plan(target=TARGET, command="half", inputs={}, steps=steps)
        assert execute(plan, world, simulation.setting()).code is ExitCode.DONE
        found = world.wait(world.on_chain())
        assert world.wait(left_behind(world, found)) == []
        (buffer,) = simulation.buffers()
        world.code = next_
        (line,) = world.wait(left_behind(world, found))
        assert f"buffer {buffer} of another build, 0.063" in line
        assert f"recover ENVIRONMENT --buffer {buffer} --close --execute" in line


def _deployed(simulation: Simulation, code: bytes) -> World:
    world = simulation.world(code)
    done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
    assert done.code is ExitCode.DONE
    return world


def test_what_is_needed_suffices_at_the_ceiling(tmp_path: Path) -> None:
    """Where a price is offered less goes into a write, so that there are more of them."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(program(1, 60_000), ceiling=50_000)
        needed = world.wait(estimate(world, world.wait(world.on_chain()))).needed
        own, price = simulation.payer, set_compute_unit_price(50_000)
        for _ in range(60):
            blockhash = simulation.chain.blocks.newest.hash
            message = Message.new_with_blockhash([price], own.pubkey(), blockhash)
            simulation.chain.submit(VersionedTransaction(message, [own]))
            simulation.chain.advance()
        simulation.leave(needed)
        done = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
        assert done.code is ExitCode.DONE, done.message
        # All but what keeps the wallet itself: each transaction offered the most there is.
        assert simulation.lamports == simulation.chain.rent(0)
