"""`slipway program rollback`: an earlier version back, at once and without a question."""

from pathlib import Path
from typing import Final

from scripts.exits import CommandError
from scripts.program import plans
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.commands.deploy import facts, is_late
from scripts.program.elf import read_program_file
from scripts.program.estimate import estimate, together
from scripts.program.folder import Folder, Saved, SavedError
from scripts.program.idl import plans as idl_plans
from scripts.program.idl.account import look
from scripts.program.idl.estimate import estimate as idl_estimate
from scripts.program.idl.kept import kept
from scripts.program.idl.refusals import refuse_publication
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.decisions import is_ready
from scripts.program.multisig.estimate import members
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission
from scripts.program.refusals import refuse_buffer, refuse_change, refuse_poor
from scripts.program.session import Options, Session, opened
from scripts.program.smoke import read_smoke
from scripts.program.state import OnChain
from scripts.program.world import World
from scripts.runs.owed import owing_after_rollback
from scripts.runs.steps import Plan, duration
from scripts.runs.times import utc_now

_COMMAND: Final = "program rollback"


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
        asked = world.wait(members(world, squad, None)) if squad else None
        taken = together(taken, asked) if asked else taken
        if consent.execute:
            refuse_poor(taken)
        back = _plan(session, squad)
        version = f" (version {about.version})" if about.version else ""
        plan, of_idl = _with_idl(session, back, about, squad)
        shown = Shown(
            facts=[
                (
                    f"Back to {about.hash}{version}, {len(world.code):,} bytes,"
                    f" {'NOT ' if is_late(taken, back) else ''}within {duration(back.bound)}"
                    + (f", and beside that {back.waits}" if back.waits else "")
                ),
                *facts(session, found, taken, back),
                *(f"  {line}" for line in (asked.lines() if asked else [])),
                *(f"  {line}" for line in of_idl),
            ],
            hashes={"program": about.hash},
            owed=owing_after_rollback(session.environment.tier, utc_now(), f"back to {about.hash}"),
        )
        return act(session, plan, consent, shown, asks=False, as_json=as_json)


def _with_idl(
    session: Session, back: Plan[World], about: Saved, squad: Squad | None
) -> tuple[Plan[World], list[str]]:
    """The way `back`, and after it the IDL that belongs to the program; what is said of that.

    Where the IDL was not kept, or a vault's members have to agree, the command for it is named.
    """
    world = session.world
    try:
        published = world.wait(look(world.node, world.program))
    except CommandError as error:
        return back, [f"nothing is known of its IDL: {error}"]
    stays = [
        f"its IDL on chain stays that of version {published.version}. Afterwards: "
        + _publishing(session, about, squad)
    ]
    try:
        publication = kept(world, about)
        if publication is None:
            return back, stays if published.metadata and published.version != about.version else []
        if published.holds(publication.idl.content) and not session.unfinished(_COMMAND).get("idl"):
            return back, []
        if squad:
            return back, stays
        refuse_publication(world, publication)
        taken = world.wait(idl_estimate(world, publication))
    except CommandError as error:
        return back, [str(error), *stays]
    plan, version = idl_plans.then_publish(back, publication), publication.idl.version
    more = duration(plan.bound - back.bound)
    return plan, [
        f"then its IDL, of version {version} instead of {published.version}, within {more} more",
        *(f"  {line}" for line in taken.lines()),
    ]


def _publishing(session: Session, about: Saved, squad: Squad | None) -> str:
    """The command that publishes the program's IDL: from the file that was kept, if one was."""
    file = session.world.folder.idl_path(about.idl) if about.idl else "FILE"
    version = f" --version {about.version}" if about.version else ""
    members = f" --multisig {squad.multisig} --vault {squad.vault_index}" if squad else ""
    return f"slipway program idl publish {session.environment.name} {file}{version}{members}"


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
    hash_ = session.unfinished(_COMMAND).get("hash")
    return session.world.folder.saved(hash_) if isinstance(hash_, str) else None
