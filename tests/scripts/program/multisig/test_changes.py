"""A program's room, owner and end, where members decide about them."""

import struct
from pathlib import Path

import pytest
from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program.features import CHECKS_EXTENSIONS, SIZES_ITSELF
from scripts.program.loader import LOADER, read_program_data
from scripts.program.multisig import plans
from scripts.program.multisig.changes import (
    GROWTH,
    closing,
    extending,
    fund,
    handing_over,
    refuse_growth,
)
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.squad import asked, read_multisig
from scripts.program.multisig.words import told
from scripts.program.state import OnChain, ProgramRefusedError
from scripts.program.world import World
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Step
from tests.localnet.elf import program
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.multisig.program import ProgramError, SquadsChain
from tests.scripts.program.multisig.scene import BO, NEW, OLD, Scene, scene
from tests.scripts.program.simulation import TARGET
from tests.soak import amount

_FEATURE = Pubkey.from_string("Feature111111111111111111111111111111111111")
_LOCK_SECONDS = 40


class _Checking(SquadsChain):
    """A chain whose loader takes an extension from the upgrade authority only.

    LiteSVM's loader does not know that instruction yet. Its rules are those of Agave's; that an
    account grows by so much at the most is the runtime's, inside of Squads' instruction.
    """

    def call(self, instruction: Instruction, blockhash: Hash) -> None:
        """Run an instruction."""
        if instruction.program_id != LOADER or instruction.data[:4] != bytes([9, 0, 0, 0]):
            super().call(instruction, blockhash)
            return
        data, program_, authority = instruction.accounts[:3]
        (more,) = struct.unpack_from("<I", instruction.data, 4)
        account = self._now(data.pubkey)
        assert account
        now = read_program_data(account.data)
        if not authority.is_signer or now.authority != authority.pubkey:
            raise ProgramError(1)
        if now.slot == self._svm.get_clock().slot or more != GROWTH:
            raise ProgramError(1)
        grown = account.data[:4] + struct.pack("<Q", self._svm.get_clock().slot)
        grown += account.data[12:] + bytes(more)
        if account.lamports < self.rent(len(grown)) or not program_.is_writable:
            raise ProgramError(1)
        self._svm.set_account(data.pubkey, Account(account.lamports, grown, LOADER))


def _activate(there: Scene, feature: Pubkey) -> None:
    there.chain.place(feature, Account(10**6, b"\1" + struct.pack("<Q", 1), _FEATURE))
    there.simulation.let_pass(2)


def _typed(
    there: Scene,
    decision: Decision,
    before: list[Step[World]] | None = None,
    store: SqliteStore | None = None,
) -> int:
    plan = plans.change(TARGET, "program change", {}, there.squad, decision, before or [])
    return there.run(plan, there.world(OLD), store).code


def _on_chain(there: Scene) -> OnChain:
    there.chain.advance(2)
    world = there.world(OLD)
    return world.wait(world.on_chain())


def _read(there: Scene) -> str:
    """What a member reads before a vote."""
    there.chain.advance(2)
    world, squad = there.world(OLD), there.squad
    multisig, one = (
        world.wait(read_multisig(world.node, squad)),
        world.wait(asked(world.node, squad, 1)),
    )
    return "\n".join(world.wait(told(world.node, one, multisig)))


def test_the_members_hand_the_program_over(tmp_path: Path) -> None:
    """Then it is the new owner's, and the vault's no more."""
    new = Keypair().pubkey()
    with scene(tmp_path) as there:
        assert _typed(there, handing_over(there.squad, new)) == ExitCode.PENDING
        assert f"makes {new} the upgrade authority of" in _read(there)
        there.vote(BO, 1)
        there.wait_out()
        assert _typed(there, handing_over(there.squad, new)) == ExitCode.DONE
        data = _on_chain(there).data
        assert data
        assert data.authority == new


def test_the_members_close_the_program(tmp_path: Path) -> None:
    """Its rent comes back to who pays."""
    with scene(tmp_path) as there:
        rent = _on_chain(there).lamports
        _typed(there, closing(there.squad))
        assert f"closes the program {there.simulation.program} FOR GOOD" in _read(there)
        there.vote(BO, 1)
        there.wait_out()
        before = there.simulation.lamports
        assert _typed(there, closing(there.squad)) == ExitCode.DONE
        assert _on_chain(there).closed
        assert rent - 100_000 < there.simulation.lamports - before < rent


def _extend(there: Scene, store: SqliteStore | None = None) -> int:
    size = 3_000 + GROWTH + 5_000
    return _typed(there, extending(there.squad, size), [fund(size)], store)


def _to_the_end(there: Scene, killer: Killer, wait: int = 0) -> tuple[int, ...]:
    agreed = 0
    for _ in range(12):
        code = process(there.simulation, lambda store: _extend(there, store), killer)
        if code == ExitCode.DONE:
            break
        if code == KILLED:
            killer = Killer()
            there.chain.advance(wait)
            continue
        index = there.chain.state(there.squad.multisig).index
        if index > agreed:
            there.vote(BO, index)
            there.wait_out()
            agreed = index
    found = _on_chain(there)
    return found.capacity, found.lamports, there.simulation.lamports, agreed


def test_the_members_extend_it_in_rounds_and_kills_change_nothing(tmp_path: Path) -> None:
    """By what one execution can, again and again; the rent is the payer's, each paid once."""
    with scene(tmp_path / "clean", lock_seconds=_LOCK_SECONDS, chain=_Checking()) as there:
        _activate(there, CHECKS_EXTENSIONS)
        before, killer = _on_chain(there).capacity, Killer()
        wanted = _to_the_end(there, killer)
        assert wanted[0] == before + 2 * GROWTH
        assert wanted[1] == there.chain.rent(45 + wanted[0])
        assert there.chain.state(there.squad.multisig).index == 2
    # 49: when the first round has just been executed, and is not seen yet.
    for at in (49, *range(4, killer.passed, amount(20, 1))):
        with scene(tmp_path / str(at), lock_seconds=_LOCK_SECONDS, chain=_Checking()) as there:
            _activate(there, CHECKS_EXTENSIONS)
            assert _to_the_end(there, Killer(at), WAITS[at % len(WAITS)]) == wanted, at


@pytest.mark.parametrize(
    ("feature", "code", "running", "said"),
    [
        (CHECKS_EXTENSIONS, NEW, OLD, "first slipway program extend staging --to 14"),
        (SIZES_ITSELF, NEW, OLD, "by 10,240 bytes at a time"),
        (SIZES_ITSELF, program(3, 500), program(1, 20_000), "there would be no way back"),
    ],
)
def test_what_the_vault_has_no_room_for_is_refused_before_a_vote(
    tmp_path: Path, feature: Pubkey, code: bytes, running: bytes, said: str
) -> None:
    """Also a way back that could not be executed."""
    with scene(tmp_path) as there:
        world, found = there.world(code), _on_chain(there)
        world.wait(refuse_growth(world, "staging", there.squad, found, OLD))
        _activate(there, feature)
        world = there.world(code)
        with pytest.raises(ProgramRefusedError, match=said):
            world.wait(refuse_growth(world, "staging", there.squad, found, running))
