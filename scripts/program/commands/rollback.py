"""`slipway program rollback`: an earlier version back, at once and without a question."""

from pathlib import Path

from scripts.exits import CommandError
from scripts.program import plans
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.commands.deploy import facts
from scripts.program.elf import read_program_file
from scripts.program.estimate import estimate
from scripts.program.folder import Folder, Saved, SavedError
from scripts.program.idl.account import look
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.decisions import is_ready
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission
from scripts.program.refusals import refuse_buffer, refuse_change, refuse_poor
from scripts.program.session import Options, Session, opened
from scripts.program.smoke import read_smoke
from scripts.program.state import OnChain
from scripts.program.world import World
from scripts.runs.steps import Plan, StepPendingError, duration


def rollback_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    consent: Consent,
    *,
    to: str | None = None,
    file: Path | None = None,
    smoke: Path | None = None,
    vault: Vault | None = None,
    as_json: bool = False,
) -> int:
    """Bring back the version `to`, the one before unless given, or print the steps."""
    given = read_program_file(file) if file else None
    smoked = read_smoke(smoke) if smoke else None
    with opened(options) as session:
        world = session.world
        squad = join(session, vault, Permission.EXECUTE) if vault else None
        found = world.wait(world.on_chain())
        refuse_change(world, found)
        if given:
            if to and not given.hash.startswith(to):
                raise SavedError(f"{file} has the hash {given.hash}, which is not {to}")
            about = world.folder.about(given.code)
            world.code = given.code
        else:
            about = _target(session, found, to)
            world.code = world.folder.code(about.hash)
        world.version, world.smoke = about.version, smoked
        world.wait(refuse_buffer(world))
        taken = world.wait(estimate(world, found))
        refuse_poor(world, taken)
        plan = _plan(session, squad)
        version = f" (version {about.version})" if about.version else ""
        shown = Shown(
            facts=[
                (
                    f"Back to {about.hash}{version}, {len(world.code):,} bytes,"
                    f" within {duration(plan.bound)}"
                ),
                *facts(session, found, taken),
                *_idl(session, about),
            ],
            hashes={"program": about.hash},
        )
        return act(session, plan, consent, shown, asks=False, as_json=as_json)


def _idl(session: Session, about: Saved) -> list[str]:
    """What is to be done for the IDL afterwards; a way back waits for none."""
    world = session.world
    try:
        published = world.wait(look(world.node, world.program))
    except (CommandError, StepPendingError):
        return []
    if published.metadata is None or published.version == about.version:
        return []
    version = f" --version {about.version}" if about.version else ""
    return [
        (
            f"  its IDL on chain stays that of version {published.version}. Afterwards: slipway"
            f" program idl publish {session.environment.name} FILE{version}"
        )
    ]


def _plan(session: Session, squad: Squad | None) -> Plan[World]:
    """The steps back: where a vault owns the program, one execution if that was served before."""
    world = session.world
    inputs = plans.inputs(world)
    if squad is None:
        return plans.rollback(session.target, inputs)
    ready = world.wait(is_ready(world, squad)) or world.wait(world.is_switched())
    return multisig_plans.rollback(session.target, inputs, squad, is_ready=ready)


def _target(session: Session, found: OnChain, to: str | None) -> Saved:
    folder: Folder = session.world.folder
    if to:
        if about := folder.named(to):
            return about
        kept = ", ".join(one.version or one.hash[:16] for one in folder.all_saved()) or "none"
        raise SavedError(f"no saved program is {to}; there are: {kept}. Give it with --file")
    if open_ := _open(session):
        return open_
    return folder.previous(found.hash)


def _open(session: Session) -> Saved | None:
    """What an unfinished rollback brings back: after a kill, the same again."""
    hash_ = session.unfinished("program rollback").get("hash")
    return session.world.folder.saved(hash_) if isinstance(hash_, str) else None
