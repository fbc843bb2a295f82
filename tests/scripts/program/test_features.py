"""Tests of loaders that behave otherwise: seen by a feature's account, said, and reckoned with."""

import struct
from pathlib import Path

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program import loader, plans
from scripts.program.estimate import estimate
from scripts.program.features import CHECKS_EXTENSIONS, SIZES_ITSELF, Features, read_features
from scripts.program.loader import PROGRAM_DATA_HEADER
from scripts.program.steps.switch import extended, extension, grow, signers_of_extension
from scripts.runs.runner import execute
from tests.localnet.elf import program
from tests.scripts.program.simulation import TARGET, Simulation, simulated

_SMALL, _LARGE = program(1, 2_000), program(2, 30_000)
_FEATURE = Pubkey.from_string("Feature111111111111111111111111111111111111")


def _activate(simulation: Simulation, feature: Pubkey, slot: int | None = 1) -> None:
    data = b"\0" * 9 if slot is None else b"\1" + struct.pack("<Q", slot)
    simulation.chain.place(feature, Account(10**6, data, _FEATURE))
    simulation.let_pass(2)


def deploy(simulation: Simulation, code: bytes) -> None:
    """Put `code` on the chain."""
    world = simulation.world(code)
    outcome = execute(plans.deploy(TARGET, plans.inputs(world)), world, simulation.setting())
    assert outcome.code is ExitCode.DONE


def test_a_feature_is_active_once_its_account_holds_a_slot(tmp_path: Path) -> None:
    """One that is only asked for is not."""
    with simulated(tmp_path) as simulation:
        assert _features(simulation) == Features()
        _activate(simulation, SIZES_ITSELF, slot=None)
        assert _features(simulation) == Features()
        _activate(simulation, SIZES_ITSELF)
        assert _features(simulation) == Features(sizes_itself=True)
        _activate(simulation, CHECKS_EXTENSIONS)
        assert _features(simulation) == Features(sizes_itself=True, checks_extensions=True)


def _features(simulation: Simulation) -> Features:
    world = simulation.world(b"")
    return world.wait(read_features(world.node))


@pytest.mark.parametrize(("first", "second"), [(_SMALL, _LARGE), (_LARGE, _SMALL)])
def test_a_loader_that_sizes_the_program_itself_changes_what_it_costs(
    tmp_path: Path, first: bytes, second: bytes
) -> None:
    """Nothing is extended; rent of what a smaller version frees comes back, and is said to."""
    with simulated(tmp_path) as simulation:
        deploy(simulation, first)
        plain = simulation.world(second)
        before = plain.wait(estimate(plain, plain.wait(plain.on_chain())))
        _activate(simulation, SIZES_ITSELF)
        world = simulation.world(second)
        after = world.wait(estimate(world, world.wait(world.on_chain())))
        lengths = [PROGRAM_DATA_HEADER + len(code) for code in (second, first)]
        rents = [simulation.chain.rent(length) for length in lengths]
        assert after.stays == rents[0] - rents[1]
        assert after.extension_bytes == 0
        assert grow().is_done(world)
        assert after.needed <= before.needed
        said = "comes back from the program" if second == _SMALL else "stays in the program"
        assert any(said in line for line in after.lines())


def test_an_extension_is_signed_where_the_loader_wants_that(tmp_path: Path) -> None:
    """By the upgrade authority, in an instruction of its own; as the interface lays it out."""
    with simulated(tmp_path) as simulation:
        deploy(simulation, _SMALL)
        _activate(simulation, CHECKS_EXTENSIONS)
        world = simulation.world(_LARGE)
        (one,) = world.wait(extended(world, 28_000))
        assert one.data == struct.pack("<II", 9, 28_000)
        own, payer = world.authority.pubkey(), world.payer.pubkey()
        assert [(meta.pubkey, meta.is_signer, meta.is_writable) for meta in one.accounts] == [
            (loader.program_data_address(world.program), False, True),
            (world.program, False, True),
            (own, True, False),
            (Pubkey.default(), False, False),
            (payer, True, True),
        ]
        assert world.wait(signers_of_extension(world)) == [world.authority]


def test_an_extension_never_goes_beyond_the_largest_program() -> None:
    """At least what the loader takes, at most what is left."""
    most = loader.LARGEST_PROGRAM
    assert extension(5_000, 5_001) == 10_240
    assert extension(most - 100, most - 50) == 100
    assert extension(5_000, 5_000) == 0
