"""A verify record: written with the upgrade, by a key or by a vault, and never without it."""

from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program import plans as single
from scripts.program.idl.publication import Publication
from scripts.program.multisig import plans, squads
from scripts.program.multisig.asking import refuse_large
from scripts.program.multisig.squad import SquadError
from scripts.program.record.origin import Origin
from scripts.program.record.otter import OTTER, Params, parse_record
from scripts.program.record.record import Record
from scripts.program.world import World
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.scripts.program.idl.scene import CODE, Scene, scene
from tests.scripts.program.idl.test_vault import MULTISIG, NEW, SQUAD, Vault, vault
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.record.program import OtterChain
from tests.scripts.program.record.test_otter import ARGS, COMMIT, URL
from tests.scripts.program.simulation import TARGET
from tests.soak import amount

LONG = Origin.read(URL, COMMIT, f"{ARGS} --base-image solanafoundation/solana:3.1.10")
"""So long that the upgrade, its IDL and its record are asked for in two transactions."""
ORIGIN = Origin.read(URL, COMMIT, ARGS)
_MOST_PROCESSES = 12


def _record(world: World, origin: Origin = ORIGIN) -> Record:
    return Record(origin=origin, program=world.program, signer=world.upgrade_authority)


def _said(there: Scene, signer: Pubkey) -> Params | None:
    """What stands on chain."""
    there.chain.advance(2)
    record = Record(origin=ORIGIN, program=there.simulation.program, signer=signer)
    account = there.chain.account(record.address)
    return parse_record(account.data) if account and account.owner == OTTER else None


def _by_key(there: Scene, store: SqliteStore | None = None) -> int:
    """`upgrade --repository`, typed once more, where a key owns the program."""
    world = there.simulation.world(NEW)
    plan = single.upgrade(TARGET, single.inputs(world), _record(world))
    return execute(plan, world, there.simulation.setting(store)).code


def _by_vault(it: Vault, store: SqliteStore | None = None) -> int:
    """`upgrade --multisig --idl --repository`, typed once more."""
    world, publication = it.world(NEW), Publication(idl=it.there.idl("2.0.0", 500))
    record = _record(world, LONG)
    inputs = single.inputs(world)
    plan = plans.upgrade(TARGET, inputs, SQUAD, CODE, publication, record)
    return it.run(plan, world, store).code


def _alone(it: Vault, origin: Origin) -> int:
    """`record --multisig`, typed once more."""
    world = it.world()
    plan = plans.record(TARGET, single.inputs(world), SQUAD, _record(world, origin))
    return it.run(plan, world).code


def test_a_key_writes_it_after_its_upgrade(tmp_path: Path) -> None:
    """With the slot of the new version; typed again, nothing is sent."""
    with scene(tmp_path, chain=OtterChain()) as there:
        key = there.simulation.authority.pubkey()
        assert _by_key(there) == ExitCode.DONE
        world = there.simulation.world(NEW)
        data = world.wait(world.on_chain()).data
        assert data
        assert _said(there, key) == ORIGIN.params(data.slot)
        before = len(there.chain.records)
        assert _by_key(there) == ExitCode.DONE
        assert len(there.chain.records) == before


def test_an_upgrade_its_idl_and_its_record_are_one_proposal(tmp_path: Path) -> None:
    """The vault pays nothing: it has nothing. The way back has no record in it."""
    with vault(tmp_path, OtterChain()) as it:
        for index in (1, 2):
            assert _by_vault(it) == ExitCode.PENDING
            assert _said(it.there, SQUAD.vault) is None
            assert ("verify record" in it.told(index)) is (index == 2)
            it.agree(index)
        assert f"built from {URL}\n  at {COMMIT} with {ARGS} --base-image" in it.told(2)
        assert _asked_with(it) == [2, 1]
        assert _by_vault(it) == ExitCode.DONE
        assert it.simulation.runs() == NEW
        assert it.there.published().version == "2.0.0"
        assert _said(it.there, SQUAD.vault) == LONG.params(0)
        assert it.chain.state(MULTISIG).index == len((1, 2))


def _asked_with(it: Vault) -> list[int]:
    """How many instructions each transaction had that wrote down what the vault is to do."""
    begins = squads.tag("global", "vault_transaction_create")
    found = [one.transaction.message.instructions for one in it.chain.records.values()]
    return [len(each) for each in found if any(one.data[:8] == begins for one in each)]


def test_a_vault_writes_it_anew(tmp_path: Path) -> None:
    """Longer, then shorter again: each is asked for, each is what stands there."""
    longer = Origin.read(URL, "b" * 40, f"{ARGS} --base-image solanafoundation/solana:3.1.10")
    with vault(tmp_path, OtterChain()) as it:
        for index, origin in enumerate((ORIGIN, longer, ORIGIN), 1):
            assert _alone(it, origin) == ExitCode.PENDING
            it.agree(index)
            assert _alone(it, origin) == ExitCode.DONE
            assert _said(it.there, SQUAD.vault) == origin.params(0)


def test_what_no_proposal_has_room_for_is_refused(tmp_path: Path) -> None:
    """By how much, before anything is paid; what has room is not."""
    with vault(tmp_path, OtterChain()) as it:
        world, publication = it.world(NEW), Publication(idl=it.there.idl("2.0.0"))
        world.wait(refuse_large(world, SQUAD, publication, _record(world)))
        long = Origin.read(URL, COMMIT, f"{ARGS} -- --features {'f' * 90}")
        with pytest.raises(SquadError, match="bytes too many for one proposal"):
            world.wait(refuse_large(world, SQUAD, publication, _record(world, long)))


def _ends(it: Vault, killer: Killer, wait: int = 0) -> tuple[object, ...]:
    """The upgrade by the vault, typed until it is done; what is left then."""
    agreed = 0
    for _ in range(_MOST_PROCESSES):
        code = process(it.simulation, lambda store: _by_vault(it, store), killer)
        if code == ExitCode.DONE:
            break
        if code == KILLED:
            killer = Killer()
            it.chain.advance(wait)
            continue
        asked = it.chain.state(MULTISIG).index
        if asked > agreed:
            it.agree(asked)
            agreed = asked
    assert it.simulation.journal().verify() == []
    return (*it.left(), it.simulation.runs(), _said(it.there, SQUAD.vault))


def test_what_is_killed_at_any_point_ends_the_same(tmp_path: Path) -> None:
    """A proposal that took two transactions, too: nobody is asked twice, nothing is paid twice."""
    with vault(tmp_path / "clean", OtterChain()) as it:
        killer = Killer()
        wanted, points = _ends(it, killer), killer.passed
    for at in range(3, points, amount(30, 1)):
        with vault(tmp_path / str(at), OtterChain()) as it:
            assert _ends(it, Killer(at), WAITS[at % len(WAITS)]) == wanted, at


@dataclass
class _Between(Killer):
    """Ends the process where the second transaction is there, and its proposal is not."""

    it: Vault = field(kw_only=True)

    def point(self, _what: object = None) -> None:
        """Die here, if it is so."""
        chain = self.it.chain
        written = chain.account(squads.transaction_address(MULTISIG, 2))
        asked = chain.account(squads.proposal_address(MULTISIG, 2))
        self.at = -1 if written and not asked else inf
        super().point()


def test_what_was_written_down_and_not_asked_is_asked(tmp_path: Path) -> None:
    """Not written down once more: its rent was paid."""
    with vault(tmp_path / "clean", OtterChain()) as it:
        wanted = _ends(it, Killer())
    with vault(tmp_path / "killed", OtterChain()) as it:
        killer = _Between(it=it)
        assert _ends(it, killer) == wanted
        assert killer.at < 0


def test_a_key_that_is_killed_writes_it_once(tmp_path: Path) -> None:
    """Whenever that is."""
    with scene(tmp_path / "clean", chain=OtterChain()) as there:
        killer = Killer()
        assert process(there.simulation, lambda store: _by_key(there, store), killer) == 0
        sent, paid = len(there.chain.records), there.simulation.lamports
    for at in range(2, killer.passed, amount(20, 1)):
        with scene(tmp_path / str(at), chain=OtterChain()) as there:
            process(there.simulation, lambda store, it=there: _by_key(it, store), Killer(at))
            there.chain.advance(WAITS[at % len(WAITS)])
            assert _by_key(there) == ExitCode.DONE
            assert (len(there.chain.records), there.simulation.lamports) == (sent, paid), at
