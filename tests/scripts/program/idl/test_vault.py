"""An IDL of a program that a multisig owns: decided with the upgrade, or on its own."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from scripts.exits import ExitCode
from scripts.program import plans as single
from scripts.program.idl.account import look
from scripts.program.idl.document import Idl, IdlError
from scripts.program.idl.metadata import Kind
from scripts.program.idl.plans import inputs
from scripts.program.idl.publication import Publication
from scripts.program.idl.refusals import refuse_publication
from scripts.program.loader import program_data_address, set_authority
from scripts.program.multisig import plans, squads, words
from scripts.program.multisig.squad import Squad, asked, read_multisig
from scripts.program.multisig.squads import Permission, Status
from scripts.program.world import World
from scripts.runs.runner import Outcome, execute
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Plan
from tests.localnet.elf import program
from tests.scripts.program.idl.program import MetadataChain
from tests.scripts.program.idl.scene import CODE, Scene, scene
from tests.scripts.program.idl.test_publish import assert_clean
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.multisig.program import State
from tests.scripts.program.simulation import SLOT_SECONDS, TARGET
from tests.soak import amount

NEW = program(2, 3_000)
MULTISIG = Pubkey.from_bytes(bytes([77] * 32))
LOCK_SECONDS = 40
ANA, BO = (Keypair.from_seed(bytes([number]) * 32) for number in (11, 12))
ALL = Permission.INITIATE | Permission.VOTE | Permission.EXECUTE
SQUAD = Squad(multisig=MULTISIG, member=ANA)


class Vault:
    """A program in the hands of a vault; Ana types, Bo agrees somewhere else."""

    def __init__(self, there: Scene) -> None:
        self.there = there
        self.chain = there.chain
        self.simulation = there.simulation

    def world(self, code: bytes = CODE) -> World:
        """What a new process has in hand."""
        return replace(self.simulation.world(code), vault=SQUAD.vault)

    def run(self, plan: Plan[World], world: World, store: SqliteStore | None = None) -> Outcome:
        """The plan, run as far as it goes."""
        return execute(plan, world, self.simulation.setting(store))

    def publish(self, idl: Idl, store: SqliteStore | None = None) -> Outcome:
        """`idl publish`, typed once more."""
        world, publication = self.world(), Publication(idl=idl)
        plan = plans.publish(TARGET, inputs(world, publication), SQUAD, publication)
        return self.run(plan, world, store)

    def upgrade(self, idl: Idl, store: SqliteStore | None = None) -> Outcome:
        """`upgrade --idl`, typed once more."""
        world = self.world(NEW)
        plan = plans.upgrade(TARGET, single.inputs(world), SQUAD, CODE, Publication(idl=idl))
        return self.run(plan, world, store)

    def hand_over(self, new: Pubkey | None) -> Outcome:
        """`idl authority`, typed once more."""
        world = self.world()
        return self.run(plans.idl_authority(TARGET, inputs(world), SQUAD, new), world)

    def agree(self, index: int) -> None:
        """Bo's approval, and the lock behind it."""
        vote = squads.approve(multisig=MULTISIG, index=index, member=BO.pubkey())
        message = Message.new_with_blockhash([vote], BO.pubkey(), self.chain.blocks.newest.hash)
        self.chain.submit(VersionedTransaction(message, [BO]))
        self.chain.advance(int(LOCK_SECONDS / SLOT_SECONDS) + 10)

    def told(self, index: int) -> str:
        """What a member reads of a proposal before a vote."""
        self.chain.advance(3)
        world = self.world()
        multisig = world.wait(read_multisig(world.node, SQUAD))
        one = world.wait(asked(world.node, SQUAD, index))
        return "\n".join(world.wait(words.told(world.node, one, multisig)))

    def left(self) -> tuple[int, ...]:
        """What there is when all is done: transactions, proposals, buffers, lamports."""
        self.chain.advance(2)
        records = [one for one in self.chain.records.values() if not one.error]
        buffers = len(self.simulation.buffers())
        own = self.simulation.lamports
        return len(records), self.chain.state(MULTISIG).index, buffers, own

    def status(self, index: int) -> Status:
        """How far a proposal is."""
        return self.chain.proposal(squads.proposal_address(MULTISIG, index)).status


@contextmanager
def vault(folder: Path, chain: MetadataChain | None = None) -> Generator[Vault]:
    """The program, handed to the vault of two."""
    with scene(folder, chain=chain) as there:
        simulation, chain = there.simulation, there.chain
        members = tuple((key.pubkey(), ALL) for key in (ANA, BO))
        state = State(create_key=MULTISIG, threshold=2, time_lock=LOCK_SECONDS, members=members)
        chain.found(MULTISIG, state)
        simulation.fund(ANA, BO)
        account, owner = program_data_address(simulation.program), simulation.authority
        message = Message.new_with_blockhash(
            [set_authority(account, owner.pubkey(), SQUAD.vault)],
            simulation.payer.pubkey(),
            chain.blocks.newest.hash,
        )
        chain.submit(VersionedTransaction(message, [simulation.payer, owner]))
        chain.advance(2)
        yield Vault(there)


def test_an_idl_is_published_by_the_members(tmp_path: Path) -> None:
    """The first and the next, smaller one: asked, agreed on, executed; nothing is left."""
    with vault(tmp_path) as it:
        for index, idl in enumerate(
            (it.there.idl("1.0.0", 2_000), it.there.idl("1.1.0", 100)), start=1
        ):
            first = it.publish(idl)
            assert first.code == ExitCode.PENDING
            assert "1 of 2 approvals" in first.message
            assert not it.there.published().holds(idl.content)
            it.agree(index)
            assert it.publish(idl).code == ExitCode.DONE
            assert it.status(index) is Status.EXECUTED
            assert_clean(it.there, idl)
        assert it.simulation.journal().verify() == []


def test_an_upgrade_and_its_idl_are_one_proposal(tmp_path: Path) -> None:
    """Neither is there without the other; the way back is served first, and has no IDL in it."""
    with vault(tmp_path) as it:
        old, new = it.there.idl("1.0.0"), it.there.idl("2.0.0", 1_000)
        it.publish(old)
        it.agree(1)
        assert it.publish(old).code == ExitCode.DONE
        for index in (2, 3):
            assert it.upgrade(new).code == ExitCode.PENDING
            assert it.there.published().holds(old.content)
            assert it.simulation.runs() == CODE
            it.agree(index)
        assert it.upgrade(new).code == ExitCode.DONE
        assert it.simulation.runs() == NEW
        assert_clean(it.there, new)
        assert it.chain.state(MULTISIG).index == 3
        assert it.status(2) is Status.APPROVED


def test_members_read_what_they_vote_on(tmp_path: Path) -> None:
    """Which bytes become the IDL, by the hash of the file; whom a change of hands lets in."""
    with vault(tmp_path) as it:
        first, next_, other = it.there.idl("1.0.0"), it.there.idl("1.1.0"), Keypair().pubkey()
        for index, idl in enumerate((first, next_), start=1):
            it.publish(idl)
            (buffer,) = it.there.accounts(Kind.BUFFER)
            said = it.told(index)
            assert f"puts the IDL at {it.there.published().address} in place" in said
            assert f"from buffer {buffer}" in said
            assert f"SHA-256 {idl.hash} ({len(idl.content):,} bytes)" in said
            assert f"belongs to {SQUAD.vault}" in said
            it.agree(index)
            assert it.publish(idl).code == ExitCode.DONE
            assert "not there any more" in it.told(index)
        it.hand_over(other)
        assert f"lets {other} change the IDL" in it.told(3)


def test_what_members_vote_on_cannot_be_changed_any_more(tmp_path: Path) -> None:
    """The buffer is the vault's before they are asked."""
    with vault(tmp_path) as it:
        it.publish(it.there.idl())
        (buffer,) = it.there.accounts(Kind.BUFFER).values()
        assert buffer.data[33:65] == bytes(SQUAD.vault)


def test_the_members_let_a_key_change_it_and_take_that_back(tmp_path: Path) -> None:
    """And once more: what was executed before is no vote for it now."""
    with vault(tmp_path) as it:
        it.publish(it.there.idl())
        it.agree(1)
        assert it.publish(it.there.idl()).code == ExitCode.DONE
        other = Keypair().pubkey()
        for index, new in enumerate((other, None, other), start=2):
            assert it.hand_over(new).code == ExitCode.PENDING
            it.agree(index)
            assert it.hand_over(new).code == ExitCode.DONE
            found = it.there.published().metadata
            assert found
            assert found.authority == new


def test_an_idl_that_no_vault_has_room_for_is_refused(tmp_path: Path) -> None:
    """One execution makes an account grow by 10,240 bytes at most: said before it is paid."""
    with vault(tmp_path) as it:
        world, idl = it.world(), it.there.idl(noise=9_000)
        with pytest.raises(IdlError, match="slipway program idl authority"):
            refuse_publication(world, Publication(idl=idl))
        assert refuse_publication(world, Publication(idl=it.there.idl())).metadata is None
        assert world.wait(look(world.node, world.program)).lamports == 0


def test_a_plan_can_be_printed_before_anything_is_there(tmp_path: Path) -> None:
    """Each step looks at a chain on which nothing has happened yet."""
    with vault(tmp_path) as it:
        world, publication = it.world(NEW), Publication(idl=it.there.idl())
        plan = plans.upgrade(TARGET, single.inputs(world), SQUAD, CODE, publication)
        done = [step.id for step in plan.steps if step.is_done(world)]
        assert "propose" not in done
        assert "back-propose" not in done
        assert "idl-verify" not in done


_MOST_PROCESSES = 12
_FLOWS: dict[str, Callable[[Vault, Idl, SqliteStore], int]] = {
    "upgrade with its IDL": lambda it, idl, store: it.upgrade(idl, store).code,
    "publication": lambda it, idl, store: it.publish(idl, store).code,
}


@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("name", _FLOWS)
def test_what_is_killed_at_any_point_ends_the_same(tmp_path: Path, name: str, share: int) -> None:
    """Run again it asks nobody twice, pays nothing twice, and leaves nothing."""
    with vault(tmp_path / "clean") as it:
        killer = Killer()
        wanted, points = _to_the_end(it, name, killer), killer.passed
    for at in range(share, points, 4 * amount(12, 1)):
        with vault(tmp_path / str(at)) as it:
            assert _to_the_end(it, name, Killer(at), WAITS[at % len(WAITS)]) == wanted, at
            assert it.simulation.journal().verify() == []


def _to_the_end(it: Vault, name: str, killer: Killer, wait: int = 0) -> tuple[int, ...]:
    """The command, typed until it is done; Bo agrees to what is asked, once."""
    idl, asked_before = it.there.idl("2.0.0", 500), 0
    for _ in range(_MOST_PROCESSES):
        code = process(it.simulation, lambda store: _FLOWS[name](it, idl, store), killer)
        if code == ExitCode.DONE:
            break
        if code == KILLED:
            killer = Killer()
            it.chain.advance(wait)
            continue
        index = it.chain.state(MULTISIG).index
        if index > asked_before:
            it.agree(index)
            asked_before = index
    assert_clean(it.there, idl)
    return it.left()
