"""`slipway program record`: from which source the running program was built, on chain."""

from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent
from scripts.program.estimate import bill
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig import words
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.squads import Permission
from scripts.program.multisig.steps import UNITS as ASKING
from scripts.program.record import plans
from scripts.program.record.look import recorded
from scripts.program.record.origin import Origin
from scripts.program.record.record import Record, refuse_record
from scripts.program.refusals import refuse_change, refuse_poor
from scripts.program.session import Options, opened


def record_command(
    options: Options,
    consent: Consent,
    origin: Origin,
    *,
    vault: Vault | None = None,
    as_json: bool = False,
) -> int:
    """Write the verify record of what runs, or print the steps."""
    with opened(options) as session:
        world = session.world
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE) if vault else None
        found = world.wait(world.on_chain())
        refuse_change(world, found)
        world.wait(refuse_record(world.node))
        written = Record(origin=origin, program=world.program, signer=world.upgrade_authority)
        inputs = {"program": str(world.program), "cluster": world.cluster.value, **origin.inputs()}
        plan = (
            multisig_plans.record(session.target, inputs, squad, written)
            if squad
            else plans.record(session.target, inputs, written)
        )
        rent = world.wait(written.lacking(world))
        left = 0 if all(one.is_done(world) for one in plan.steps[1:]) else len(plan.steps) - 1
        taken = world.wait(bill(world, left, 2 * left, rent=rent, units=ASKING))
        if consent.execute:
            refuse_poor(taken)
        now = world.wait(recorded(world, found))
        facts = [
            f"Verify record {written.address} of {world.program}, by {written.signer}",
            f"  now: {now.line()}",
            *([f"  {words.who_votes(squad.rules)}"] if squad and squad.rules else []),
            *(f"  {line}" for line in taken.lines()),
        ]
        shown = Shown(facts=facts, hashes={"program": found.hash} if found.hash else {})
        return act(session, plan, consent, shown, as_json=as_json)
