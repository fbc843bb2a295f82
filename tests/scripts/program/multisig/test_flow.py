"""A program that a multisig owns: upgraded with the way back served, and brought back at once."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.program.choices import Choice
from scripts.program.elf import program_hash
from scripts.program.loader import read_buffer
from scripts.program.multisig import squads
from scripts.program.multisig.message import MessageError
from scripts.program.multisig.squad import Squad, SquadError, read_multisig, refuse_member
from scripts.program.multisig.squads import Permission, Status
from scripts.program.multisig.votes import vote
from scripts.runs.journal import JournalError
from scripts.runs.steps import Plan
from tests.scripts.program.multisig.scene import (
    ALL,
    ANA,
    BO,
    CEM,
    MULTISIG,
    NEW,
    OLD,
    scene,
    upgraded,
)
from tests.scripts.program.simulation import TARGET


def test_an_upgrade_waits_for_people_and_time_and_then_runs(tmp_path: Path) -> None:
    """The same command again and again: it goes on where it was, and says what it waits for."""
    with scene(tmp_path) as there:
        first = there.upgrade()
        assert first.code == ExitCode.PENDING
        assert "1 of 2 approvals" in first.message
        assert f"can give one: {BO.pubkey()}, {CEM.pubkey()}. Each runs" in first.message
        assert f"slipway program vote ENVIRONMENT 1 approve --multisig {MULTISIG}" in first.message
        assert there.status(1) is Status.ACTIVE

        there.vote(BO, 1)
        second = there.upgrade()
        assert second.code == ExitCode.PENDING
        assert "time lock" in second.message

        there.wait_out()
        third = there.upgrade()
        assert third.code == ExitCode.PENDING
        assert "1 of 2 approvals" in third.message

        there.vote(CEM, 2)
        assert there.upgrade().code == ExitCode.PENDING
        assert there.simulation.runs() == OLD
        there.wait_out()
        assert there.upgrade().code == ExitCode.DONE
        assert there.simulation.runs() == NEW
        assert there.status(2) is Status.EXECUTED
        assert there.status(1) is Status.APPROVED
        assert there.simulation.journal().verify() == []


def test_the_way_back_is_one_execution(tmp_path: Path) -> None:
    """Nobody is asked and nothing is waited for: its vote and its lock are behind it."""
    with scene(tmp_path) as there:
        upgraded(there)
        before = len(there.chain.records)
        assert there.rollback().code == ExitCode.DONE
        assert there.simulation.runs() == OLD
        assert there.status(1) is Status.EXECUTED
        assert len(there.chain.records) == before + 1
        assert there.simulation.buffers() == []


def test_a_broken_journal_does_not_stand_in_the_way_back(tmp_path: Path) -> None:
    """One changed entry stops an upgrade; the rollback goes on in a journal that says so."""
    with scene(tmp_path) as there:
        upgraded(there)
        with sqlite3.connect(there.simulation.folder / "runs.sqlite") as database:
            database.execute("update entries set body = replace(body, '1.0.0', '1.0.1')")
        database.close()
        with pytest.raises(JournalError):
            there.upgrade()
        outcome = there.rollback()
        assert outcome.code == ExitCode.DONE
        assert outcome.journal != TARGET
        assert there.simulation.runs() == OLD


def test_no_version_runs_before_the_way_back_is_served(tmp_path: Path) -> None:
    """While the way back has no approval, the new version is not even put to the vote."""
    with scene(tmp_path) as there:
        for _ in range(3):
            assert there.upgrade().code == ExitCode.PENDING
        assert there.chain.state(MULTISIG).index == 1
        found = squads.parse_transaction(
            there.chain.account(squads.transaction_address(MULTISIG, 1)).data  # pyright: ignore[reportOptionalMemberAccess] - it is there
        )
        assert found.message.accounts[0] == there.squad.vault
        (buffer,) = there.simulation.buffers()
        assert buffer in found.message.accounts


def test_what_members_vote_on_cannot_be_changed_any_more(tmp_path: Path) -> None:
    """The buffer is the vault's before they are asked: the key that filled it writes no more."""
    with scene(tmp_path) as there:
        there.upgrade()
        (buffer,) = there.simulation.buffers()
        account = there.chain.account(buffer)
        assert account
        found = read_buffer(account.data)
        assert found.authority == there.squad.vault
        assert program_hash(found.code) == program_hash(OLD)


def test_a_refused_proposal_is_asked_anew(tmp_path: Path) -> None:
    """As another one; the refused one comes to nothing."""
    with scene(tmp_path) as there:
        there.upgrade()
        for member in (BO, CEM):
            there.vote(member, 1, "reject")
        assert there.status(1) is Status.REJECTED
        assert there.upgrade().code == ExitCode.PENDING
        assert there.status(2) is Status.ACTIVE


def test_a_proposal_that_went_stale_is_asked_anew(tmp_path: Path) -> None:
    """A change of members ends every open vote."""
    with scene(tmp_path) as there:
        there.upgrade()
        there.chain.become_stale(MULTISIG)
        assert there.upgrade().code == ExitCode.PENDING
        assert there.chain.state(MULTISIG).index == 2


def test_a_vote_on_a_proposal_that_expired_is_refused(tmp_path: Path) -> None:
    """Before anything is sent, with what to do."""
    with scene(tmp_path) as there:
        there.upgrade()
        there.chain.become_stale(MULTISIG)
        there.chain.advance(2)
        landed = len(there.chain.records)
        squad = Squad(multisig=MULTISIG, member=BO)
        steps = [vote(squad, 1, Choice.APPROVE)]
        said = there.run(
            Plan(target=TARGET, command="vote", inputs={}, steps=steps), there.world(b"")
        )
        assert said.code == ExitCode.FAILED
        assert "proposal 1 is stale: the members changed since" in said.message
        assert len(there.chain.records) == landed


def test_a_way_back_that_was_taken_back_is_decided_anew(tmp_path: Path) -> None:
    """Then a rollback takes as long as the members and the lock: the plan says so beforehand."""
    with scene(tmp_path) as there:
        upgraded(there)
        for member in (ANA, BO):
            there.vote(member, 1, "cancel")
        assert there.status(1) is Status.CANCELLED
        assert there.rollback().code == ExitCode.PENDING
        assert there.simulation.runs() == NEW


def test_a_member_who_may_not_act_is_refused(tmp_path: Path) -> None:
    """With who may, or that the key is nobody's."""
    with scene(tmp_path) as there:
        world = there.world(NEW)
        stranger = Squad(multisig=MULTISIG, member=there.simulation.payer)
        multisig = world.wait(read_multisig(world.node, stranger))
        with pytest.raises(SquadError, match="no member"):
            refuse_member(stranger, multisig, Permission.INITIATE)
        voter = replace(multisig, members={ANA.pubkey(): Permission.VOTE, BO.pubkey(): ALL})
        with pytest.raises(SquadError, match=str(BO.pubkey())):
            refuse_member(there.squad, voter, Permission.EXECUTE)
        refuse_member(there.squad, voter, Permission.VOTE)


def test_an_address_that_is_no_multisig_is_refused(tmp_path: Path) -> None:
    """The vault's, say, which people take for it."""
    with scene(tmp_path) as there:
        world = there.world(NEW)
        other = Squad(multisig=there.squad.vault, member=ANA)
        with pytest.raises(SquadError, match="no multisig of Squads"):
            world.wait(read_multisig(world.node, other))
        with pytest.raises(MessageError):
            squads.parse_multisig(b"")
