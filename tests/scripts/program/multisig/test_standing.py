"""Tests of ways back that are kept no longer: ended by the members, their lamports back."""

from datetime import timedelta
from pathlib import Path

from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from scripts.program.multisig.squads import Status
from scripts.program.multisig.standing import RETENTION
from scripts.runs.times import utc_now
from tests.scripts.program.multisig.scene import ANA, BO, NEW, OLD, scene, upgraded


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
