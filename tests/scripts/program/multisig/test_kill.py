"""Tests of what members decide when the process is killed: typed again, it ends the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from solders.keypair import Keypair

from scripts.exits import ExitCode
from scripts.program.choices import Choice
from scripts.program.multisig.plans import RETIRE
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Status
from scripts.program.multisig.standing import recalled
from scripts.program.multisig.votes import vote
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Plan
from tests.scripts.program.killing import KILLED, WAITS, Killer, process
from tests.scripts.program.multisig.scene import ANA, BO, CEM, MULTISIG, NEW, OLD, Scene, scene
from tests.scripts.program.multisig.scene import upgraded as upgrade
from tests.scripts.program.simulation import TARGET
from tests.soak import amount

_LOCK_SECONDS = 40
_SHARES = 4
_MOST_PROCESSES = 12


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one person types until it is done, while the others say what they are asked."""

    types: Callable[[Scene, SqliteStore], int]
    before: Callable[[Scene], None]
    """What comes before."""
    ends: bytes
    """What the program runs then."""
    buffers: int = 0
    """How many are left on purpose: the way back."""


def _votes(choice: Choice, member: Keypair) -> Callable[[Scene, SqliteStore], int]:
    """The command `vote`, on the first proposal."""

    def types(there: Scene, store: SqliteStore) -> int:
        squad = Squad(multisig=MULTISIG, member=member)
        plan = Plan(target=TARGET, command="vote", inputs={}, steps=[vote(squad, 1, choice)])
        return there.run(plan, there.world(b""), store).code

    return types


def _asked(there: Scene) -> None:
    there.upgrade()


def _nothing(_there: Scene) -> None:
    pass


def _taken_back(there: Scene) -> None:
    """The way back is none any more."""
    upgrade(there)
    for member in (ANA, CEM):
        there.vote(member, 1, "cancel")


def _retires(there: Scene, store: SqliteStore) -> int:
    """`retire`, of what was there when it was typed first."""
    latest = there.simulation.journal().latest("run.started")
    begun = recalled(latest.data["inputs"]) if latest and latest.data["command"] == RETIRE else []
    return there.retire(begun or there.standing(), store).code


_FLOWS = {
    "upgrade": Flow(
        types=lambda there, store: there.upgrade(store).code, before=_nothing, ends=NEW, buffers=1
    ),
    "rollback by one execution": Flow(
        types=lambda there, store: there.rollback(store).code, before=upgrade, ends=OLD
    ),
    "rollback from the start": Flow(
        types=lambda there, store: there.rollback(store).code,
        before=_taken_back,
        ends=OLD,
    ),
    "approve": Flow(types=_votes(Choice.APPROVE, BO), before=_asked, ends=OLD, buffers=1),
    "reject": Flow(types=_votes(Choice.REJECT, BO), before=_asked, ends=OLD, buffers=1),
    "retire": Flow(types=_retires, before=upgrade, ends=NEW),
    "cancel": Flow(types=_votes(Choice.CANCEL, BO), before=upgrade, ends=NEW, buffers=1),
}


@dataclass(frozen=True)
class _End:
    """What is left when all is done."""

    runs: bytes
    buffers: int
    keys: int
    proposals: tuple[Status, ...]
    transactions: int
    lamports: tuple[int, ...]


def _end(there: Scene) -> _End:
    simulation, chain = there.simulation, there.chain
    chain.advance(2)
    payers = [simulation.payer.pubkey(), *(key.pubkey() for key in (ANA, BO, CEM))]
    return _End(
        runs=simulation.runs(),
        buffers=len(simulation.buffers()),
        keys=len(simulation.world(b"").folder.buffers()),
        proposals=tuple(there.status(at + 1) for at in range(chain.state(MULTISIG).index)),
        transactions=sum(not one.error for one in chain.records.values()),
        lamports=tuple(account.lamports for key in payers if (account := chain.account(key))),
    )


def _to_the_end(there: Scene, name: str, killer: Killer, wait: int = 0) -> _End:
    """The command, typed until it is done; Bo agrees to each proposal once, and waits it out."""
    flow, agreed = _FLOWS[name], there.chain.state(MULTISIG).index
    for _ in range(_MOST_PROCESSES):
        code = process(there.simulation, lambda store: flow.types(there, store), killer)
        if code == ExitCode.DONE:
            break
        if code == KILLED:
            killer = Killer()
            there.chain.advance(wait)
            continue
        assert code == ExitCode.PENDING
        index = there.chain.state(MULTISIG).index
        if index > agreed:
            there.vote(BO, index)
            if name == "retire":
                there.vote(BO, 1, "cancel")
            there.wait_out()
            agreed = index
    assert there.simulation.journal().verify() == []
    return _end(there)


@pytest.mark.parametrize("share", range(_SHARES))
@pytest.mark.parametrize("name", _FLOWS)
def test_what_is_killed_at_any_point_ends_the_same(tmp_path: Path, name: str, share: int) -> None:
    """Nobody is asked twice, no buffer is left that nobody wants, not a lamport more is paid."""
    flow = _FLOWS[name]
    with scene(tmp_path / "clean", lock_seconds=_LOCK_SECONDS) as there:
        flow.before(there)
        killer = Killer()
        wanted, points = _to_the_end(there, name, killer), killer.passed
    assert (wanted.runs, wanted.buffers, wanted.keys) == (flow.ends, flow.buffers, flow.buffers)
    for at in range(share, points, _SHARES * amount(12, 1)):
        with scene(tmp_path / str(at), lock_seconds=_LOCK_SECONDS) as there:
            flow.before(there)
            end = _to_the_end(there, name, Killer(at), WAITS[at % len(WAITS)])
            assert end == wanted, at
