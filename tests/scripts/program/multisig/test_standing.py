"""Tests of ways back that are kept no longer: ended by the members, their lamports back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from solders.message import Message as Transaction
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from scripts.program.multisig import squads
from scripts.program.multisig.message import compiled
from scripts.program.multisig.squads import Status
from scripts.program.multisig.standing import RETENTION, overdue
from scripts.program.multisig.steps import give
from scripts.program.steps import buffer
from scripts.runs.steps import Plan, Timeout
from scripts.runs.times import utc_now
from tests.scripts.program.multisig.scene import (
    ANA,
    BO,
    CEM,
    MULTISIG,
    NEW,
    OLD,
    Scene,
    scene,
    upgraded,
)
from tests.scripts.program.simulation import TARGET


def test_a_way_back_is_kept_for_its_successor_s_first_week(tmp_path: Path) -> None:
    """It is found by what the members were asked, with the version that it goes back to."""
    with scene(tmp_path) as there:
        assert there.standing() == []
        upgraded(there)
        (one,) = there.standing()
        assert (one.index, one.status) == (1, Status.APPROVED)
        assert one.hash == program_hash(OLD)
        assert one.about is not None
        assert one.about.version == "1.0.0"
        assert abs(one.until - utc_now() - RETENTION) < timedelta(minutes=5)


def test_a_way_back_that_is_due_is_told(tmp_path: Path) -> None:
    """Whoever looks at the program hears of it, until its buffer is gone."""
    with scene(tmp_path) as there:
        upgraded(there)
        world = there.world(NEW)
        assert world.wait(overdue(world, "staging")) == []
        saved = world.folder.saved(program_hash(OLD))
        assert saved
        long_ago = saved.model_copy(update={"replaced": utc_now() - RETENTION})
        world.folder.save(OLD, long_ago)
        (said,) = world.wait(overdue(world, "staging"))
        assert "the way back to 1.0.0. To take it away: slipway program retire staging" in said
        assert there.rollback().code == ExitCode.DONE
        assert world.wait(overdue(world, "staging")) == []


def test_its_end_is_the_members_decision(tmp_path: Path) -> None:
    """Cancelled, closed, forgotten: the rent is back, and no rollback finds it any more."""
    with scene(tmp_path) as there:
        upgraded(there)
        (one,), before = there.standing(), there.simulation.lamports
        asked = there.retire([one])
        assert asked.code == ExitCode.PENDING
        assert "slipway program vote ENVIRONMENT 3 approve" in asked.message
        there.vote(BO, 3)
        there.wait_out()
        waits = there.retire([one])
        assert waits.code == ExitCode.PENDING
        assert "slipway program vote ENVIRONMENT 1 cancel" in waits.message
        assert there.status(1) is Status.APPROVED
        there.vote(BO, 1, "cancel")
        assert there.retire([one]).code == ExitCode.DONE
        assert there.status(1) is Status.CANCELLED
        assert there.simulation.buffers() == []
        assert there.simulation.world(OLD).folder.buffers() == {}
        assert there.simulation.lamports - before > one.lamports * 0.9
        assert there.standing() == []
        assert there.simulation.runs() == NEW
        assert there.rollback().code == ExitCode.PENDING


def test_one_that_was_never_approved_is_rejected(tmp_path: Path) -> None:
    """An upgrade that nobody went on with leaves a buffer behind, too."""
    with scene(tmp_path) as there:
        there.upgrade()
        (one,) = there.standing()
        assert one.status is Status.ACTIVE
        assert there.retire([one]).code == ExitCode.PENDING
        there.vote(BO, 1, "reject")
        there.vote(BO, 2)
        there.wait_out()
        assert there.retire([one]).code == ExitCode.DONE
        assert there.status(1) is Status.REJECTED
        assert there.simulation.buffers() == []


def test_what_went_back_is_no_way_back(tmp_path: Path) -> None:
    """Its proposal was executed, its buffer is gone."""
    with scene(tmp_path) as there:
        upgraded(there)
        assert there.rollback().code == ExitCode.DONE
        assert there.standing() == []
        assert ANA.pubkey() in there.chain.proposal(there.address(1)).approved


def _keep_busy(there: Scene, times: int) -> None:
    """What else the treasury decides: each transfers so many lamports."""
    vault, key = there.squad.vault, CEM.pubkey()
    begin = there.chain.state(MULTISIG).index + 1
    for index in range(begin, begin + times):
        paid = TransferParams(from_pubkey=vault, to_pubkey=key, lamports=index)
        asked = [
            squads.create_transaction(
                multisig=MULTISIG,
                index=index,
                creator=key,
                message=compiled(vault, [transfer(paid)]),
            ),
            squads.create_proposal(multisig=MULTISIG, index=index, creator=key),
        ]
        message = Transaction.new_with_blockhash(asked, key, there.chain.blocks.newest.hash)
        there.chain.submit(VersionedTransaction(message, [CEM]))
        there.chain.advance()
    there.chain.advance(2)


def test_a_busy_treasury_hides_no_way_back(tmp_path: Path) -> None:
    """Seventy proposals later it is still one execution, and still found to be retired."""
    with scene(tmp_path) as there:
        upgraded(there)
        _keep_busy(there, 70)
        (one,) = there.standing()
        assert (one.index, one.hash) == (1, program_hash(OLD))
        assert there.rollback().code == ExitCode.DONE
        assert there.simulation.runs() == OLD
        assert there.chain.state(MULTISIG).index == 2 + 70


def test_a_version_that_was_refused_is_due_at_once(tmp_path: Path) -> None:
    """It is nobody's way back; the way back beside it is kept."""
    with scene(tmp_path) as there:
        there.upgrade()
        there.vote(BO, 1)
        there.wait_out()
        there.upgrade()
        for member in (BO, CEM):
            there.vote(member, 2, "reject")
        new, old = there.standing()
        assert (new.index, new.hash, new.is_way_back) == (2, program_hash(NEW), False)
        assert new.until <= utc_now()
        assert (old.index, old.is_way_back) == (1, True)
        assert old.until > utc_now()


def test_a_buffer_that_was_given_and_never_asked_for_is_found(tmp_path: Path) -> None:
    """A run that ended in between leaves it in the vault's hands: only members can close it."""
    with scene(tmp_path) as there:
        world = replace(there.world(OLD), lies_ready=True)
        upload = buffer.upload(Timeout("upload", 60))
        begun = [buffer.make_key(), buffer.create(), upload, give(there.squad)]
        plan = Plan(target=TARGET, command="half", inputs={}, steps=begun)
        assert there.run(plan, world).code == ExitCode.DONE
        (one,) = there.standing()
        assert (one.index, one.hash) == (0, program_hash(OLD))
        assert there.retire([one]).code == ExitCode.PENDING
        there.vote(BO, 1)
        there.wait_out()
        assert there.retire([one]).code == ExitCode.DONE
        assert there.simulation.buffers() == []
        assert there.standing() == []
