"""An IDL onto the chain: the first, the next, a larger and a smaller one, through every fault."""

from dataclasses import replace
from pathlib import Path

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import VersionedTransaction

from localnet.faults import Faults
from scripts.exits import ExitCode
from scripts.program.idl import metadata, plans
from scripts.program.idl.document import Idl
from scripts.program.idl.metadata import HEADER, Kind
from scripts.program.idl.publication import Publication, largest_write
from scripts.runs.runner import execute
from scripts.runs.steps import Acting, StepFailedError
from tests.scripts.program.idl.scene import CODE, Scene, scene
from tests.scripts.program.simulation import TARGET, paid


def assert_clean(there: Scene, idl: Idl) -> None:
    """Just this IDL is published, in an account of its size and rent; nothing is left behind."""
    found = there.published()
    assert found.content() == idl.content
    assert found.metadata
    assert found.metadata.canonical
    assert found.size == HEADER + len(idl.packed)
    assert found.lamports == there.chain.rent(found.size)
    assert there.accounts(Kind.BUFFER) == {}
    assert there.keys() == []


@pytest.mark.parametrize("noise", [0, 2_000, 40_000])
def test_the_first_idl_is_published(tmp_path: Path, noise: int) -> None:
    """In one write, in several, and with more than an account can grow by at once."""
    with scene(tmp_path) as there:
        before, idl = there.simulation.lamports, there.idl(noise=noise)
        assert there.publish(idl).code == ExitCode.DONE
        assert_clean(there, idl)
        entry = [one for one in there.simulation.journal().entries() if one.kind == "step.done"][-1]
        assert before - there.simulation.lamports == paid(entry.data)
        assert there.simulation.journal().verify() == []


@pytest.mark.parametrize(("before", "after"), [(0, 30_000), (30_000, 0), (900, 1_000)])
def test_the_next_idl_takes_its_place(tmp_path: Path, before: int, after: int) -> None:
    """Larger or smaller: the account and its rent follow."""
    with scene(tmp_path) as there:
        assert there.publish(there.idl("1.0.0", before)).code == ExitCode.DONE
        idl = there.idl("1.1.0", after)
        assert there.publish(idl).code == ExitCode.DONE
        assert_clean(there, idl)


def test_the_same_idl_again_costs_nothing(tmp_path: Path) -> None:
    """It is there: no buffer, no transaction."""
    with scene(tmp_path) as there:
        assert there.publish(there.idl()).code == ExitCode.DONE
        landed = len(there.chain.records)
        assert there.publish(there.idl()).code == ExitCode.DONE
        assert len(there.chain.records) == landed


def test_the_fewest_transactions(tmp_path: Path) -> None:
    """One for the buffer, one for each full write, one that puts it in place."""
    with scene(tmp_path) as there:
        idl, landed = there.idl(noise=4_000), len(there.chain.records)
        one = Keypair().pubkey()
        largest = largest_write(one, Keypair().pubkey(), Keypair().pubkey())
        assert there.publish(idl).code == ExitCode.DONE
        writes = -(-len(idl.packed) // largest)
        assert len(there.chain.records) == landed + 2 + writes


@pytest.mark.parametrize("at", [0, 700, -1])
def test_a_buffer_that_is_not_the_idl_is_never_put_in_place(tmp_path: Path, at: int) -> None:
    """It is compared in the very moment, whatever came before; clients see the one before."""
    with scene(tmp_path) as there:
        first, second = there.idl("1.0.0"), there.idl("1.1.0", 3_000)
        assert there.publish(first).code == ExitCode.DONE
        world, publication = there.simulation.world(CODE), Publication(idl=second)
        plan = plans.publish(TARGET, plans.inputs(world, publication), publication)
        uploaded, placed = replace(plan, steps=plan.steps[:5]), plan.steps[5]
        assert execute(uploaded, world, there.simulation.setting()).code == ExitCode.DONE
        ((key, account),) = there.accounts(Kind.BUFFER).items()
        broken = bytearray(account.data)
        broken[HEADER + at if at >= 0 else at] ^= 4
        there.chain.place(key, Account(account.lamports, bytes(broken), account.owner))
        there.chain.advance(3)
        acting = Acting(check=lambda: None, note=lambda _: None)
        with pytest.raises(StepFailedError, match="differs from the IDL in 1 of"):
            placed.run(world, acting)
        assert there.published().content() == first.content
        assert there.publish(second).code == ExitCode.DONE
        assert_clean(there, second)


def test_buffers_of_idls_that_nobody_wants_any_more_come_back(tmp_path: Path) -> None:
    """A publication that was given up leaves one: the next closes it, and its key goes."""
    with scene(tmp_path) as there:
        for version in ("1.0.0", "1.1.0"):
            world, publication = there.simulation.world(CODE), Publication(idl=there.idl(version))
            plan = plans.publish(TARGET, plans.inputs(world, publication), publication)
            begun = replace(plan, steps=plan.steps[:4])
            assert execute(begun, world, there.simulation.setting()).code == ExitCode.DONE
        assert len(there.accounts(Kind.BUFFER)) == len(there.keys()) == 2
        before = there.simulation.lamports
        assert there.publish(there.idl("1.2.0", 20)).code == ExitCode.DONE
        assert_clean(there, there.idl("1.2.0", 20))
        assert there.simulation.lamports > before


def test_a_buffer_in_other_hands_is_not_used(tmp_path: Path) -> None:
    """What somebody else may still write to is never put in place."""
    with scene(tmp_path) as there:
        world, idl = there.simulation.world(CODE), there.idl()
        publication = Publication(idl=idl)
        key = publication.make_key(world).pubkey()
        data = b"\x01" + bytes(32) + bytes([7] * 32) + bytes(31) + idl.packed
        there.chain.place(key, Account(there.chain.rent(len(data)), data, metadata.METADATA))
        there.chain.advance(2)
        outcome = there.publish(idl)
        assert outcome.code == ExitCode.FAILED
        assert "belongs to" in outcome.message
        assert there.published().metadata is None


def test_a_key_that_was_let_in_publishes_too(tmp_path: Path) -> None:
    """Beside the upgrade authority, and until the right is taken from it."""
    with scene(tmp_path) as there:
        simulation, other = there.simulation, Keypair()
        assert there.publish(there.idl()).code == ExitCode.DONE
        _let_in(there, other)
        found = there.published().metadata
        assert found
        assert found.authority == other.pubkey()
        world = replace(simulation.world(CODE), authority=other)
        second = there.idl("1.1.0")
        assert there.publish(second, world=world).code == ExitCode.DONE
        assert_clean(there, second)
        _let_in(there, None)
        world = replace(simulation.world(CODE), authority=other)
        refused = there.publish(there.idl("1.2.0"), world=world)
        assert refused.code == ExitCode.FAILED
        assert "IncorrectAuthority" in refused.message


def _let_in(there: Scene, new: Keypair | None) -> None:
    simulation = there.simulation
    own = simulation.authority
    instruction = metadata.set_authority(
        simulation.program, own.pubkey(), new.pubkey() if new else None
    )
    message = Message.new_with_blockhash(
        [instruction], simulation.payer.pubkey(), there.chain.blocks.newest.hash
    )
    there.chain.submit(VersionedTransaction(message, [simulation.payer, own]))
    there.chain.advance(2)


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_link_only_costs_time(tmp_path: Path, seed: int) -> None:
    """A third of what is sent is lost, some comes late or twice."""
    faults = Faults(drop=0.3, delay=0.1, delay_slots=3, duplicate=0.1, seed=seed)
    with scene(tmp_path, faults) as there:
        for idl in (there.idl("1.0.0", 3_000), there.idl("1.1.0", 500)):
            assert there.publish(idl).code == ExitCode.DONE
            assert_clean(there, idl)
