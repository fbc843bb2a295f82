"""What is to be deployed, and what is found out about it before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from environments.model import Cluster
from preview.project import find_project
from scripts.program import soak
from scripts.program.candidate import Candidate, SizeLimit
from scripts.program.commands.consent import Consent, signed_off, stranger
from scripts.program.elf import Program
from scripts.program.estimate import Estimate
from scripts.program.gates import passed
from scripts.program.proofs import read_proofs
from scripts.program.session import Session, SessionError
from scripts.program.soak import Soak
from scripts.program.source import scan, tag_problem
from scripts.program.world import World
from scripts.runs.approvers import Approvers
from scripts.runs.canonical import Json, sha256
from scripts.runs.evidence import Bundle, verify
from scripts.runs.owed import overdue
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


def candidate_of(  # noqa: PLR0913, PLR0917 - what is known comes from all of them
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
        # As it was before the rent of a buffer that is already there.
        balance=taken.balance + (taken.returned if taken.resumable else 0),
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
        owed=overdue(session.setting.store, session.target, now),
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


def _recorded(file: Path) -> str | None:
    """The checksum in the file beside `file`, as sha256sum writes it."""
    beside = file.with_name(f"{file.name}.sha256")
    if not beside.exists():
        return None
    words = beside.read_text(encoding="utf-8").split()
    if not words:
        raise SessionError(f"{beside} is empty: sha256sum {file.name} > {beside.name}")
    return words[0].lower()
