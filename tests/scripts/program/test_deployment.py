"""Tests of whole deployments on a simulated chain: bytes, hashes and lamports at each stage."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.elf import program_hash
from scripts.program.loader import program_data_address
from scripts.program.smoke import Smoke
from scripts.program.steps import change, checks, switch
from scripts.program.world import World
from scripts.runs.runner import Outcome, execute
from scripts.runs.steps import Plan, Step, describe
from standards import figure
from tests.localnet.elf import program
from tests.localnet.programs import TOKEN, TOKEN_2022, Wallet, code_of
from tests.scripts.program.simulation import TARGET, Simulation, paid, simulated

_SMALL = program(0, 3000)


def _do(simulation: Simulation, plan: Plan[World], world: World) -> Mapping[str, object]:
    """Run it to its end; what its last step said."""
    outcome = execute(plan, world, simulation.setting())
    assert outcome.code is ExitCode.DONE, outcome.message
    last = simulation.journal().latest("step.done")
    assert last
    return last.data


def test_a_program_goes_there_and_back(tmp_path: Path) -> None:
    """SPL Token, then Token-2022, which is larger, and back: each byte, hash and lamport."""
    with simulated(tmp_path) as simulation:
        first, second = code_of(TOKEN), code_of(TOKEN_2022)
        for code, make in (
            (first, plans.deploy),
            (second, plans.upgrade),
            (first, plans.rollback),
        ):
            before, world = simulation.lamports, simulation.world(code)
            said = _do(simulation, make(TARGET, plans.inputs(world)), world)
            assert simulation.runs() == code.rstrip(b"\0")
            assert simulation.buffers() == []
            assert before - simulation.lamports == paid(said)
        assert world.folder.buffers() == {}
        assert world.folder.code(program_hash(second)) == second
        assert simulation.journal().verify() == []


def test_an_upgrade_can_be_seen(tmp_path: Path) -> None:
    """The program says another number: as itself, and after going back."""
    with simulated(tmp_path) as simulation:
        for number, make in ((3, plans.deploy), (4, plans.upgrade), (3, plans.rollback)):
            world = simulation.world(program(number))
            _do(simulation, make(TARGET, plans.inputs(world)), world)
            wallet = Wallet(simulation.chain, seed=10 + number)
            record = wallet.send(Instruction(simulation.program, b"", []))
            assert record
            assert f"custom program error: {number:#x}" in record.logs[-1]


def test_the_plan_changes_nothing(tmp_path: Path) -> None:
    """Printed, with its bound and what it serves; not a key is made."""
    with simulated(tmp_path) as simulation:
        world, before = simulation.world(_SMALL), simulation.lamports
        text = describe(plans.deploy(TARGET, plans.inputs(world)), world)
        assert "At most 30 s (reading). SOL-06." in text
        assert "Nothing was changed; --execute runs it." in text
        assert simulation.lamports == before
        assert not world.folder.root.exists()


def test_a_rollback_fits_into_the_standard_s_time() -> None:
    """All of its timeouts together stay below the fifteen minutes of ROLL-01."""
    most = figure("ROLL-01", "duration_below_minutes").seconds
    assert plans.rollback(TARGET, {}).bound < most


def test_what_runs_already_is_done(tmp_path: Path) -> None:
    """The same deployment again pays nothing."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_SMALL)
        _do(simulation, plans.deploy(TARGET, plans.inputs(world)), world)
        before, again = simulation.lamports, simulation.world(_SMALL)
        _do(simulation, plans.deploy(TARGET, plans.inputs(again)), again)
        assert simulation.lamports == before


def test_a_kept_buffer_makes_a_rollback_short(tmp_path: Path) -> None:
    """A buffer that holds the old version already needs no write."""
    with simulated(tmp_path) as simulation:
        first, second = program(1, 5000), program(2, 5000)
        for code, make in ((first, plans.deploy), (second, plans.upgrade)):
            world = simulation.world(code)
            _do(simulation, make(TARGET, plans.inputs(world)), world)
        ahead = simulation.world(first)
        ready = plans.rollback(TARGET, plans.inputs(ahead))
        upload = [one for one in ready.steps if one.id in {"buffer-key", "buffer", "upload"}]
        standing = Plan(target=TARGET, command="stand by", inputs={}, steps=upload)
        assert execute(standing, ahead, simulation.setting()).code is ExitCode.DONE
        landed = len(simulation.chain.records)
        world = simulation.world(first)
        _do(simulation, plans.rollback(TARGET, plans.inputs(world)), world)
        assert len(simulation.chain.records) == landed + 1
        assert simulation.runs() == first


def test_a_slot_takes_one_change_of_a_program(tmp_path: Path) -> None:
    """The next one, such as an upgrade after its extension, waits until that slot is over."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_SMALL)
        _do(simulation, plans.deploy(TARGET, plans.inputs(world)), world)
        key, late = program_data_address(world.program), simulation.chain.blocks.newest.slot + 6
        account = simulation.chain.account(key)
        assert account
        data = account.data[:4] + late.to_bytes(8, "little") + account.data[12:]
        simulation.chain.place(key, Account(account.lamports, data, account.owner))
        simulation.let_pass(2)
        assert world.wait(world.node.now()).slot < late
        world.wait(switch.a_slot_later(world))
        assert world.wait(world.node.now()).slot > late
        assert world.node.seen > late


def test_a_smoke_instruction_that_fails_ends_the_run(tmp_path: Path) -> None:
    """Exit code 1, with the way back in the message."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(program(7))
        world.smoke = Smoke()
        outcome = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
        assert outcome.code is ExitCode.FAILED
        assert "Custom(7)" in outcome.message
        assert "slipway program rollback" in outcome.message


def test_a_smoke_instruction_that_passes_is_waited_for(tmp_path: Path) -> None:
    """A program cannot be called in the slot in which it was deployed."""
    with simulated(tmp_path) as simulation:
        world = simulation.world(_SMALL)
        world.smoke = Smoke()
        _do(simulation, plans.deploy(TARGET, plans.inputs(world)), world)


@pytest.mark.parametrize("signs", [True, False], ids=["checked", "to an address"])
def test_an_authority_is_handed_over(tmp_path: Path, signs: bool) -> None:  # noqa: FBT001
    """To a key that signs too, or to a vault that cannot."""
    new = Keypair()
    successor = new if signs else new.pubkey()
    with _deployed(tmp_path, change.hand_over(successor)) as (simulation, outcome):
        assert outcome.code is ExitCode.DONE, outcome.message
        data = _data(simulation)
        assert data
        assert data.authority == new.pubkey()


def test_a_final_program_has_no_authority(tmp_path: Path) -> None:
    """For good."""
    with _deployed(tmp_path, change.hand_over(None)) as (simulation, outcome):
        assert outcome.code is ExitCode.DONE, outcome.message
        data = _data(simulation)
        assert data
        assert data.authority is None


def test_a_program_is_given_room(tmp_path: Path) -> None:
    """Once: the same again is done already."""
    with _deployed(tmp_path, change.grow_to(20_000)) as (simulation, outcome):
        assert outcome.code is ExitCode.DONE, outcome.message
        data = _data(simulation)
        assert data
        assert len(data.code) == 20_000


def test_a_closed_program_gives_its_lamports_back(tmp_path: Path) -> None:
    """All but fees and the rent of the account that bars the id."""
    with _deployed(tmp_path, change.close_for_good()) as (simulation, outcome):
        assert outcome.code is ExitCode.DONE, outcome.message
        assert _data(simulation) is None
        bar = simulation.chain.account(simulation.program)
        assert bar
        fees = sum(one.fee for one in simulation.chain.records.values())
        drops = 5000
        assert 100 * 10**9 - simulation.lamports == fees - drops + bar.lamports


@contextmanager
def _deployed(folder: Path, step: Step[World]) -> Generator[tuple[Simulation, Outcome]]:
    """A deployed program, and how one more step of it ended."""
    with simulated(folder) as simulation:
        world = simulation.world(_SMALL)
        _do(simulation, plans.deploy(TARGET, plans.inputs(world)), world)
        steps = [checks.cluster(), step]
        plan = Plan(target=TARGET, command="change", inputs={}, steps=steps)
        yield simulation, execute(plan, simulation.world(_SMALL), simulation.setting())


def _data(simulation: Simulation) -> loader.ProgramData | None:
    account = simulation.chain.account(program_data_address(simulation.program))
    return loader.read_program_data(account.data) if account else None
