"""`slipway program deploy` and `upgrade`: a new build onto the chain."""

from dataclasses import dataclass, replace
from pathlib import Path

from scripts.program import plans
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.elf import Program, read_program_file, without_room
from scripts.program.estimate import Estimate, estimate
from scripts.program.gates import Candidate, judge
from scripts.program.keys import read_key
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.squads import Permission
from scripts.program.refusals import refuse_buffer, refuse_change, refuse_deploy, refuse_poor
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.smoke import read_smoke
from scripts.program.state import OnChain
from scripts.runs.canonical import sha256


@dataclass(frozen=True, kw_only=True)
class Build:
    """What is to be deployed."""

    file: Path
    version: str | None = None
    checksum: str | None = None
    """The SHA-256 that was recorded when it was built; else the file beside it holds it."""
    smoke: Path | None = None


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
    program, key = read_program_file(build.file), read_key(program_key) if program_key else None
    smoke = read_smoke(build.smoke) if build.smoke else None
    with opened(options) as session:
        world = session.world
        world.code, world.version, world.smoke = program.code, build.version, smoke
        world.program_key, world.room = key, room
        found = world.wait(world.on_chain())
        refuse_deploy(world, found)
        shown = _shown(session, program, build, found)
        plan = plans.deploy(session.target, plans.inputs(world))
        return act(session, plan, consent, shown, as_json=as_json)


def upgrade_command(
    options: Options,
    build: Build,
    consent: Consent,
    *,
    vault: Vault | None = None,
    as_json: bool = False,
) -> int:
    """Put a new version in the place of the running one, or print the steps.

    Where a `vault` owns the program, its members decide, first on the way back.
    """
    program = read_program_file(build.file)
    smoke = read_smoke(build.smoke) if build.smoke else None
    with opened(options) as session:
        world = session.world
        world.code, world.version, world.smoke = program.code, build.version, smoke
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE) if vault else None
        found = world.wait(world.on_chain())
        refuse_change(world, found)
        shown = _shown(session, program, build, found)
        inputs = plans.inputs(world)
        if squad is None:
            plan = plans.upgrade(session.target, inputs)
        else:
            back = None if consent.emergency else _running(session, found)
            plan = multisig_plans.upgrade(session.target, inputs, squad, back)
        return act(session, plan, consent, shown, as_json=as_json)


def _running(session: Session, found: OnChain) -> bytes:
    """What runs before the upgrade: saved since, where a resumed run has switched already."""
    world = session.world
    if found.data and not found.runs(world.code):
        return without_room(found.data.code)
    return world.folder.code(world.folder.previous(found.hash).hash)


def facts(session: Session, found: OnChain, taken: Estimate) -> list[str]:
    """What is printed above the steps."""
    world = session.world
    running = found.hash or "nothing"
    return [
        f"Program {world.program} on {world.cluster}, genesis {world.genesis or 'confirmed'}",
        f"  runs {running} ({found.capacity:,} bytes of room)",
        f"  authority {found.data.authority if found.data else world.authority.pubkey()}",
        (
            f"  at {world.node.pace.per_second:g} transactions a second, at most"
            f" {world.sender.ceiling:,} micro-lamports a compute unit"
        ),
        *(f"  {line}" for line in taken.lines()),
    ]


def _shown(session: Session, program: Program, build: Build, found: OnChain) -> Shown:
    world = session.world
    world.wait(refuse_buffer(world))
    taken = world.wait(estimate(world, found))
    refuse_poor(world, taken)
    checksum = sha256(program.code)
    candidate = Candidate(
        cluster=world.cluster,
        size=program.size,
        checksum=checksum,
        recorded_checksum=build.checksum or _recorded(build.file),
        version=build.version,
        balance=taken.balance,
    )
    return Shown(
        facts=[
            f"{build.file}: {program.size:,} bytes, hash {program.hash}",
            *facts(session, found, taken),
        ],
        # What already runs passed them when it was let in: a resumed run has spent the balance.
        gates=[] if found.runs(program.code) else judge(_as_begun(candidate, taken)),
        hashes={"program": program.hash, "file": checksum},
    )


def _as_begun(candidate: Candidate, taken: Estimate) -> Candidate:
    """With the wallet as it was before the rent of a buffer that is already there."""
    if taken.resumable is None:
        return candidate
    return replace(candidate, balance=candidate.balance + taken.returned)


def _recorded(file: Path) -> str | None:
    """The checksum in the file beside `file`, as sha256sum writes it."""
    beside = file.with_name(f"{file.name}.sha256")
    if not beside.exists():
        return None
    words = beside.read_text(encoding="utf-8").split()
    if not words:
        raise SessionError(f"{beside} is empty: sha256sum {file.name} > {beside.name}")
    return words[0].lower()
