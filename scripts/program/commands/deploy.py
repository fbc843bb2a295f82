"""`slipway program deploy` and `upgrade`: a new build onto the chain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from environments.model import Cluster
from preview.environment import find_project
from scripts.program import plans, soak
from scripts.program.candidate import Candidate, SizeLimit
from scripts.program.commands.act import Shown, act
from scripts.program.commands.consent import Consent, signed_off, stranger
from scripts.program.elf import Program, read_program_file, without_room
from scripts.program.estimate import Bill, Estimate, estimate, left_behind, together
from scripts.program.gates import judge, passed
from scripts.program.idl.document import read_idl
from scripts.program.idl.publication import Publication
from scripts.program.idl.refusals import refuse_publication
from scripts.program.keys import read_key
from scripts.program.multisig import plans as multisig_plans
from scripts.program.multisig.asking import refuse_large
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.estimate import members, refuse_poor_member
from scripts.program.multisig.squads import Permission
from scripts.program.proofs import read_proofs
from scripts.program.record.origin import Origin
from scripts.program.record.record import Record, refuse_record
from scripts.program.record.steps import costs
from scripts.program.refusals import refuse_buffer, refuse_change, refuse_deploy, refuse_poor
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.smoke import read_smoke
from scripts.program.soak import Soak
from scripts.program.source import scan, tag_problem
from scripts.program.state import OnChain
from scripts.program.world import World
from scripts.runs.approvers import Approvers
from scripts.runs.canonical import Json, sha256
from scripts.runs.evidence import Bundle, verify
from scripts.runs.steps import Plan
from scripts.runs.times import utc_now


@dataclass(frozen=True, kw_only=True)
class Build:
    """What is to be deployed."""

    file: Path
    version: str | None = None
    checksum: str | None = None
    """The SHA-256 that was recorded when it was built; else the file beside it holds it."""
    smoke: Path | None = None
    proofs: Sequence[Path] = ()
    """Files or folders of `slipway program prove`."""
    evidence: Sequence[Path] = ()
    """Of deployments of the same bytes to the clusters before."""
    source: Path | None = None
    limit: SizeLimit | None = None
    without_smoke: str = ""
    """Why there is no smoke instruction, where mainnet wants one."""

    def inputs(self) -> dict[str, Json]:
        """What of it is approved with the plan, besides the bytes."""
        told: dict[str, Json] = {}
        if self.limit:
            told |= {"size_limit": self.limit.size, "size_limit_because": self.limit.because}
        if self.without_smoke:
            told["without_smoke"] = self.without_smoke
        return told


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
            world.wait(refuse_large(world, squad, beside, record))
            plan = multisig_plans.upgrade(session.target, inputs, squad, back, beside, record)
            more = asked = world.wait(members(world, squad, back, beside, record))
            if consent.execute:
                refuse_poor_member(asked)
        shown = _shown(session, found, program, build, consent, plan, more)
        return act(session, plan, consent, shown, as_json=as_json)


def _inputs(world: World, build: Build, consent: Consent) -> dict[str, Json]:
    """What is approved: the bytes, and what is let pass with them."""
    change: dict[str, Json] = {"change": consent.change.value} if consent.emergency else {}
    return {**plans.inputs(world), **build.inputs(), **change}


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
        *(f"  {line}" for line in [*taken.lines(), *_late(taken, plan)]),
        *(f"  {line}" for line in world.wait(left_behind(world, found))),
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
    candidate = _as_begun(_candidate(session, program, build, consent, plan, taken), taken)
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


def _candidate(  # noqa: PLR0913, PLR0917 - what is known comes from all of them
    session: Session,
    program: Program,
    build: Build,
    consent: Consent,
    plan: Plan[World],
    taken: Estimate,
) -> Candidate:
    """What is known of the build, before anything is spent."""
    world, now = session.world, utc_now()
    approvers = consent.known()
    branch = session.environment.release.branch
    earlier = _earlier(build.evidence, approvers, now)
    return Candidate(
        cluster=world.cluster,
        program=program.hash,
        size=program.size,
        checksum=sha256(program.code),
        recorded_checksum=build.checksum or _recorded(build.file),
        version=build.version,
        balance=taken.balance,
        at=now,
        limit=build.limit,
        proofs=read_proofs(build.proofs),
        approvers=approvers,
        stand_ins=scan(build.source) if build.source else None,
        tag_problem=tag_problem(build.source, build.version or "", branch)
        if build.source
        else None,
        earlier=earlier,
        is_first=plan.command == "program deploy",
        has_multisig=world.vault is not None,
        signed_off=signed_off(session, plan, consent),
        stranger=stranger(session, consent),
        soaks=_soaks(world, program, earlier),
        smoke=world.smoke.hash if world.smoke else "",
        without_smoke=build.without_smoke,
    )


def _soaks(world: World, program: Program, earlier: Sequence[Bundle]) -> list[Soak]:
    """What devnet says of the deployments there, where that matters."""
    if world.cluster is not Cluster.MAINNET_BETA:
        return []
    project = find_project(Path.cwd())
    ran = [one for one in earlier if passed(one, Cluster.DEVNET, program.hash)]
    return [world.wait(soak.ask(one, project)) for one in ran]


def _earlier(paths: Sequence[Path], approvers: Approvers | None, now: datetime) -> list[Bundle]:
    """What genuine evidence says of earlier deployments; evidence that is not is refused."""
    found: list[Bundle] = []
    for path in paths:
        if approvers is None:
            raise SessionError("evidence needs a file of approvers to be verified: --approvers")
        verdict = verify(path.read_bytes(), approvers, at=now)
        if verdict.problems or verdict.evidence is None:
            raise SessionError("\n  ".join([f"{path} does not verify:", *verdict.problems]))
        found.append(verdict.evidence.bundle)
    return found


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
