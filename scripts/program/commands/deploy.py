"""`slipway program deploy` and `upgrade`: a new build onto the chain."""

from dataclasses import replace
from pathlib import Path

from scripts.program import plans
from scripts.program.commands.act import Shown, act
from scripts.program.commands.build import Build, candidate_of
from scripts.program.commands.consent import Consent
from scripts.program.elf import Program, read_program_file, without_room
from scripts.program.estimate import Bill, Estimate, estimate, left_behind, together
from scripts.program.gates import judge, no_way_back
from scripts.program.idl.document import read_idl
from scripts.program.idl.publication import Publication
from scripts.program.idl.refusals import refuse_publication
from scripts.program.keys import read_key
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.asking import refuse_large
from scripts.program.multisig.changes import refuse_growth
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.estimate import members, refuse_poor_member
from scripts.program.multisig.squads import Permission
from scripts.program.multisig.standing import overdue
from scripts.program.record.origin import Origin
from scripts.program.record.record import Record, refuse_record
from scripts.program.record.steps import costs
from scripts.program.refusals import refuse_buffer, refuse_change, refuse_deploy, refuse_poor
from scripts.program.session import Options, Session, opened
from scripts.program.smoke import read_smoke
from scripts.program.state import OnChain
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan


def deploy_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    build: Build,
    consent: Consent,
    *,
    program_key: Path | None,
    room: int = 0,
    as_json: bool = False,
) -> int:
    """Deploy a program for the first time, or print the steps."""
    program = read_program_file(build.file)
    key = read_key(program_key, "--program-key") if program_key else None
    smoke = read_smoke(build.smoke) if build.smoke else None
    with opened(options) as session:
        world = session.world
        world.code, world.version, world.smoke = program.code, build.version, smoke
        world.program_key, world.room = key, room
        found = world.wait(world.on_chain())
        refuse_deploy(world, found, runs=consent.execute)
        plan = plans.deploy(session.target, _inputs(world, build, consent))
        shown = _shown(session, found, program, build, consent, plan)
        if key is None and found.data is None:
            missing = f"  MISSING the key of {world.program}: --program-key FILE"
            shown = replace(shown, facts=[*shown.facts, missing])
        return act(session, plan, consent, shown, as_json=as_json)


def upgrade_command(  # noqa: PLR0913
    options: Options,
    build: Build,
    consent: Consent,
    *,
    vault: Vault | None = None,
    idl: Path | None = None,
    origin: Origin | None = None,
    as_json: bool = False,
) -> int:
    """Put a new version in the place of the running one, or print the steps.

    Where a `vault` owns the program, its members decide, first on the way back; the IDL in the file
    `idl` is published in the same proposal. From which `origin` it was built is written down, too.
    """
    program = read_program_file(build.file)
    smoke = read_smoke(build.smoke) if build.smoke else None
    with opened(options) as session:
        world = session.world
        world.code, world.version, world.smoke = program.code, build.version, smoke
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE) if vault else None
        found = world.wait(world.on_chain())
        refuse_change(world, found)
        inputs = _inputs(world, build, consent)
        record = _record(world, origin) if origin else None
        if record:
            inputs |= record.origin.inputs()
        if squad is None:
            plan = plans.upgrade(session.target, inputs, record)
            more = world.wait(costs(world, record)) if record else None
        else:
            back = None if consent.emergency else _running(session, found)
            beside = _publication(world, idl, build.version) if idl else None
            if beside:
                inputs["idl"] = beside.idl.hash
            world.wait(refuse_growth(world, session.environment.name, squad, found, back))
            world.wait(refuse_large(world, squad, beside, record))
            plan = multisig_plans.upgrade(session.target, inputs, squad, back, beside, record)
            more = asked = world.wait(members(world, squad, back, beside, record))
            if consent.execute:
                refuse_poor_member(asked)
        shown = _shown(session, found, program, build, consent, plan, more)
        if squad and consent.emergency:
            shown = replace(shown, gates=[*shown.gates, no_way_back()])
        return act(session, plan, consent, shown, as_json=as_json)


def _inputs(world: World, build: Build, consent: Consent) -> dict[str, Json]:
    """What is approved: the bytes, and what is let pass with them."""
    return {**plans.inputs(world), **build.inputs(), **consent.inputs()}


def _publication(world: World, file: Path, version: str | None) -> Publication:
    """What is published together with the upgrade."""
    publication = Publication(idl=read_idl(file, world.program, version))
    refuse_publication(world, publication)
    return publication


def _record(world: World, origin: Origin) -> Record:
    """What is written down together with the upgrade."""
    world.wait(refuse_record(world.node))
    return Record(origin=origin, program=world.program, signer=world.upgrade_authority)


def _running(session: Session, found: OnChain) -> bytes:
    """What runs before the upgrade: saved since, where a resumed run has switched already."""
    world = session.world
    if found.data and not found.runs(world.code):
        return without_room(found.data.code)
    return world.folder.code(world.folder.previous(found.hash).hash)


def facts(session: Session, found: OnChain, taken: Estimate, plan: Plan[World]) -> list[str]:
    """What is printed above the steps."""
    world = session.world
    running = found.hash or "nothing"
    return [
        f"Program {world.program} on {world.cluster}, genesis {session.genesis}",
        f"  runs {running} ({found.capacity:,} bytes of room)",
        f"  authority {found.data.authority if found.data else world.authority.pubkey()}",
        (
            f"  at {world.node.pace.per_second:g} transactions a second, at most"
            f" {world.sender.ceiling:,} micro-lamports a compute unit"
        ),
        *([] if world.smoke else ["  without a smoke instruction: what it does is not tried"]),
        *(f"  {line}" for line in [*taken.lines(), *_late(taken, plan)]),
        *(f"  {line}" for line in world.wait(left_behind(world, found))),
        *(f"  {line}" for line in world.wait(overdue(world, session.environment.name))),
    ]


def is_late(taken: Estimate, plan: Plan[World]) -> bool:
    """Whether the upload takes longer than its step may, at the rate that was named."""
    return any(step.id == "upload" and taken.seconds > step.timeout.seconds for step in plan.steps)


def _late(taken: Estimate, plan: Plan[World]) -> list[str]:
    if not is_late(taken, plan):
        return []
    return ["TOO SLOW at that rate: the upload's time is up before its end. Give a higher --rate"]


def _shown(  # noqa: PLR0913, PLR0917 - what is printed comes from all of them
    session: Session,
    found: OnChain,
    program: Program,
    build: Build,
    consent: Consent,
    plan: Plan[World],
    more: Bill | None = None,
) -> Shown:
    world = session.world
    world.wait(refuse_buffer(world))
    taken = world.wait(estimate(world, found))
    taken = together(taken, more) if more else taken
    if consent.execute:
        refuse_poor(taken)
    candidate = candidate_of(session, program, build, consent, plan, taken)
    return Shown(
        facts=[
            f"{build.file}: {program.size:,} bytes, hash {program.hash}",
            *facts(session, found, taken, plan),
            *(f"  {line}" for line in (more.lines() if more else [])),
        ],
        # What already runs passed them when it was let in: a resumed run has spent the balance.
        gates=[] if found.runs(program.code) else judge(candidate, emergency=consent.emergency),
        hashes={"program": program.hash, "file": candidate.checksum},
    )
