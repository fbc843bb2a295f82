"""`slipway program idl`: show, publish and compare the IDL, and say who may change it."""

import json
import sys
from pathlib import Path

from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.estimate import bill, together
from scripts.program.idl import plans
from scripts.program.idl.account import Published, look, look_legacy
from scripts.program.idl.document import Idl, IdlError, parse_idl, read_idl, says_the_same
from scripts.program.idl.estimate import estimate
from scripts.program.idl.publication import Publication
from scripts.program.idl.refusals import refuse_publication, refuse_version
from scripts.program.idl.steps import UNITS
from scripts.program.multisig import decisions
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.asking import STAND_IN
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.estimate import Members, one_decision
from scripts.program.multisig.message import compiled
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.squads import Permission
from scripts.program.refusals import refuse_poor
from scripts.program.sending import distinct
from scripts.program.session import Options, Session, opened
from scripts.program.world import World
from scripts.runs.canonical import Json, sha256


def show_command(options: Options, *, output: Path | None = None, as_json: bool = False) -> int:
    """Print what the chain says of the program's IDL; write the IDL itself into `output`."""
    with opened(options) as session:
        world = session.world
        found = world.wait(look(world.node, world.program))
        legacy = world.wait(look_legacy(world.node, world.program))
    told = _told(found, legacy)
    if output:
        content = legacy if found.metadata is None and legacy else found.content()
        output.write_bytes(content)
        told["written"] = str(output)
    sys.stdout.write(
        json.dumps(told, indent=2) + "\n"
        if as_json
        else "".join(f"{name:14} {value}\n" for name, value in told.items())
    )
    return ExitCode.DONE


def publish_command(  # noqa: PLR0913 - each is an option of the command
    options: Options,
    consent: Consent,
    file: Path,
    *,
    version: str | None = None,
    vault: Vault | None = None,
    as_json: bool = False,
) -> int:
    """Publish the IDL of a build, the first or the next, or print the steps."""
    with opened(options) as session:
        world = session.world
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE) if vault else None
        publication = Publication(idl=read_idl(file, world.program, version))
        found = refuse_publication(world, publication)
        refuse_version(world, publication.idl)
        inputs = {**plans.inputs(world, publication), **consent.inputs()}
        plan = (
            multisig_plans.publish(session.target, inputs, squad, publication)
            if squad
            else plans.publish(session.target, inputs, publication)
        )
        taken = world.wait(estimate(world, publication))
        asked = world.wait(_asked(world, squad, publication, found)) if squad else None
        taken = together(taken, asked) if asked else taken
        if consent.execute:
            refuse_poor(taken)
        said = [*taken.lines(), *(asked.lines() if asked else [])]
        facts = [*_facts(file, publication.idl, found), *said]
        return act(session, plan, consent, _shown(session, facts, publication), as_json=as_json)


def compare_command(options: Options, file: Path, *, as_json: bool = False) -> int:
    """Compare the published IDL with a build's; 1 where it differs, spaces aside."""
    with opened(options) as session:
        world = session.world
        built = read_idl(file, world.program)
        found = world.wait(look(world.node, world.program))
    differences = _differences(found, built)
    if as_json:
        told = {"address": str(found.address), "built": built.hash, "differences": differences}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    elif differences:
        said = "\n".join(f"  {line}" for line in differences)
        sys.stdout.write(f"The IDL at {found.address} is NOT what was built:\n{said}\n")
    else:
        sys.stdout.write(f"The IDL at {found.address} is what was built: {built.version}\n")
    return ExitCode.FAILED if differences else ExitCode.DONE


def authority_command(
    options: Options,
    consent: Consent,
    *,
    new: str | None,
    vault: Vault | None = None,
    as_json: bool = False,
) -> int:
    """Let another key change the IDL, or the upgrade authority alone, or print the steps."""
    successor = _address(new) if new else None
    with opened(options) as session:
        world = session.world
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE) if vault else None
        found = refuse_publication(world)
        if found.metadata is None:
            raise IdlError("no IDL is published: slipway program idl publish")
        inputs = plans.inputs(world)
        plan = (
            multisig_plans.idl_authority(session.target, inputs, squad, successor)
            if squad
            else plans.authority(session.target, inputs, successor)
        )
        who = f"{successor} changes it, too" if successor else "the upgrade authority alone does"
        facts = [f"The IDL at {found.address}: {who}"]
        if squad is None:
            left = 0 if plan.steps[-1].is_done(world) else 1
            signers = len(distinct(world.payer, world.authority))
            taken = world.wait(bill(world, left, left * signers, units=UNITS))
            if consent.execute:
                refuse_poor(taken)
            facts += [f"  {line}" for line in taken.lines()]
        return act(session, plan, consent, _shown(session, facts), as_json=as_json)


async def _asked(world: World, squad: Squad, publication: Publication, found: Published) -> Members:
    """What the members take who decide on it."""
    placed = publication.placed(world, found, STAND_IN, squad.vault)
    decision = decisions.publishing(squad, publication)
    return await one_decision(world, squad, decision, compiled(squad.vault, placed))


def _facts(file: Path, idl: Idl, found: Published) -> list[str]:
    """What is published, and in the place of what."""
    before = "published already" if found.holds(idl.content) else f"instead of {found.version}"
    return [
        (
            f"{file}: {idl.name} {idl.version}, {len(idl.instructions)} instructions,"
            f" {len(idl.content):,} bytes, {len(idl.packed):,} compressed"
        ),
        f"IDL at {found.address}: {before}",
    ]


def _shown(session: Session, facts: list[str], publication: Publication | None = None) -> Shown:
    running = session.world.wait(session.world.on_chain()).hash
    hashes = {"program": running} if running else {}
    if publication:
        hashes["idl"] = publication.idl.hash
    return Shown(facts=facts, hashes=hashes)


def _told(found: Published, legacy: bytes | None) -> dict[str, Json]:
    told: dict[str, Json] = {"address": str(found.address), "published": found.metadata is not None}
    if found.metadata:
        told |= {"version": found.version, **_content(found)}
        told |= {
            "changed by": str(found.metadata.authority or "the upgrade authority alone"),
            "mutable": found.metadata.mutable,
            "lamports": found.lamports,
        }
    if legacy is not None:
        told["legacy"] = f"{len(legacy):,} bytes of Anchor before 1.0, {sha256(legacy)}"
    return told


def _content(found: Published) -> dict[str, Json]:
    """The published bytes, in two words; why they cannot be read, where they cannot."""
    try:
        content = found.content()
    except IdlError as error:
        return {"problem": str(error)}
    return {"bytes": len(content), "hash": sha256(content)}


def _differences(found: Published, built: Idl) -> list[str]:
    """In what the published IDL differs from the built one; nothing where it does not."""
    try:
        content = found.content()
    except IdlError as error:
        return [str(error)]
    if says_the_same(content, built.content):
        return []
    try:
        there = parse_idl(content, found.metadata.program if found.metadata else Pubkey.default())
    except IdlError as error:
        return [f"what is published {error}"]
    lines = [f"version {there.version} is published, {built.version} was built"]
    for said, names in (
        ("is not published", set(built.instructions) - set(there.instructions)),
        ("is published, and not in the build", set(there.instructions) - set(built.instructions)),
    ):
        lines += [f"instruction {name} {said}" for name in sorted(names)]
    return [*lines, f"SHA-256 {there.hash} is published, {built.hash} was built"]


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise IdlError(f"{text} is no address") from None
