"""What a plan says that the members' decisions take is what they take."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.exits import ExitCode
from scripts.program import plans as single
from scripts.program.estimate import Estimate, estimate, together
from scripts.program.multisig import plans
from scripts.program.multisig.estimate import Members, members, refuse_poor_member
from scripts.program.multisig.squad import Squad, read_multisig
from scripts.program.state import ProgramRefusedError
from scripts.program.world import World
from tests.scripts.program.multisig.program import State
from tests.scripts.program.multisig.scene import ALL, BO, MULTISIG, NEW, OLD, Scene, scene
from tests.scripts.program.simulation import TARGET


def _told(world: World, squad: Squad) -> tuple[Estimate, Members]:
    taken = world.wait(estimate(world, world.wait(world.on_chain())))
    asked = world.wait(members(world, squad, OLD))
    return together(taken, asked), asked


def _payer_is_a_member(there: Scene) -> Squad:
    """The payer and Bo decide together."""
    payer = there.simulation.payer
    both = tuple((key.pubkey(), ALL) for key in (payer, BO))
    state = State(create_key=MULTISIG, threshold=2, time_lock=there.lock_seconds, members=both)
    there.chain.found(MULTISIG, state)
    return Squad(multisig=MULTISIG, member=payer)


def test_what_is_needed_is_enough_and_no_more(tmp_path: Path) -> None:
    """With the way back's buffer, both proposals and an extension, a member paying all of it."""
    with scene(tmp_path) as there:
        squad = _payer_is_a_member(there)
        least = there.world(NEW).wait(there.world(NEW).node.rent(0))
        before, _ = _told(there.world(NEW), squad)
        there.simulation.leave(before.needed)
        lowest = before.needed
        for index in (1, 2):
            assert _upgrade(there, squad) == ExitCode.PENDING
            lowest = min(lowest, there.simulation.lamports)
            there.vote(BO, index)
            there.wait_out()
        left, asked = _told(there.world(NEW), squad)
        assert asked.asked == 0
        assert left.needed == there.simulation.lamports
        assert _upgrade(there, squad) == ExitCode.DONE
        assert there.simulation.runs() == NEW
        assert lowest >= least


def test_a_plan_says_what_the_members_take(tmp_path: Path) -> None:
    """The way back's buffer, who pays for the proposals, the lock, and how long both locks take."""
    with scene(tmp_path) as there:
        world, squad = there.world(NEW), there.squad
        squad = replace(squad, rules=world.wait(read_multisig(world.node, squad)))
        _, asked = _told(world, squad)
        said = "\n".join(asked.lines())
        assert "the way back first: 4 writes, rent 0.02202" in said
        assert "2 proposals: rent 0.0" in said
        assert f"paid by the member {squad.key}" in said
        assert f"2 of 3 members decide, time lock 60 min: {squad.key}, {BO.pubkey()}" in said
        assert asked.needed < asked.squads_rent + asked.back_rent + asked.most_fees
        plan = plans.upgrade(TARGET, single.inputs(world), squad, OLD)
        assert plan.waits == "2 times a time lock of 60 min, 120 min, and what the members take"


def test_a_member_who_cannot_pay_is_named(tmp_path: Path) -> None:
    """Before anything is spent."""
    with scene(tmp_path) as there:
        _, asked = _told(there.world(NEW), there.squad)
        poor = replace(asked, member_balance=1_000)
        assert poor.member_missing == asked.squads_rent - 1_000
        assert "MISSING" in poor.lines()[-1]
        with pytest.raises(ProgramRefusedError, match=r"pays 0\.01380864 SOL for what is asked"):
            refuse_poor_member(poor)
        refuse_poor_member(asked)


def _upgrade(there: Scene, squad: Squad) -> int:
    world = there.world(NEW)
    return there.run(plans.upgrade(TARGET, single.inputs(world), squad, OLD), world).code
