"""`slipway program record`: from which source the running program was built, on chain."""

from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent
from scripts.program.estimate import Bill, bill, together
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.decisions import recording
from scripts.program.multisig.estimate import one_decision
from scripts.program.multisig.message import compiled
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission
from scripts.program.record import plans
from scripts.program.record.look import recorded
from scripts.program.record.origin import Origin
from scripts.program.record.record import Record, refuse_record
from scripts.program.record.steps import UNITS
from scripts.program.refusals import refuse_change, refuse_poor
from scripts.program.sending import distinct
from scripts.program.session import Options, opened
from scripts.program.world import World


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
        taken, asked = world.wait(_costs(world, squad, written))
        if consent.execute:
            refuse_poor(taken)
        now = world.wait(recorded(world, found))
        facts = [
            f"Verify record {written.address} of {world.program}, by {written.signer}",
            f"  now: {now.line()}",
            *(f"  {line}" for line in [*taken.lines(), *asked]),
        ]
        shown = Shown(facts=facts, hashes={"program": found.hash} if found.hash else {})
        return act(session, plan, consent, shown, as_json=as_json)


async def _costs(world: World, squad: Squad | None, written: Record) -> tuple[Bill, list[str]]:
    """What it takes, and what of it the members do."""
    rent = await written.lacking(world)
    if squad is None:
        left = 0 if await written.is_done(world) else 1
        signers = len(distinct(world.payer, world.authority))
        return await bill(world, left, left * signers, rent=rent, units=UNITS), []
    decision = recording(squad, written)
    message = compiled(squad.vault, await written.writing(world))
    asked = await one_decision(world, squad, decision, message)
    paid = 1 if rent else 0
    return together(await bill(world, paid, paid, rent=rent), asked), asked.lines()
