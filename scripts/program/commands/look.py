"""`slipway program show` and `verify`: what the chain has, and whether it is what was built."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.exits import ExitCode
from scripts.program.elf import read_program_file
from scripts.program.multisig.standing import overdue
from scripts.program.node import sol
from scripts.program.record.look import recorded
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.state import OnChain
from scripts.runs.approvers import read_approvers
from scripts.runs.canonical import Json
from scripts.runs.evidence import verify
from scripts.runs.owed import owed
from scripts.runs.times import utc_now

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_RELEASES: Final = {(f"program {what}", "done") for what in ("deploy", "upgrade", "rollback")}


def show_command(options: Options, *, as_json: bool = False) -> int:
    """Print what the chain says of the program."""
    with opened(options) as session:
        found = session.world.wait(session.world.on_chain())
        told = _told(session, found)
        sys.stdout.write(
            json.dumps(told, indent=2) + "\n"
            if as_json
            else "".join(f"{name:14} {value}\n" for name, value in told.items())
        )
    return ExitCode.DONE


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the program is compared with: one of the first three, and its verify record."""

    file: Path | None = None
    hash: str | None = None
    evidence: Path | None = None
    approvers: Path
    """Whose signatures of the evidence count."""
    repository: str | None = None
    commit: str | None = None

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.file, self.hash, self.evidence)) != 1:
            raise SessionError("name one: --file FILE, --hash HASH or --evidence FILE")


def verify_command(options: Options, given: Given, *, as_json: bool = False) -> int:
    """Compare what runs with a file, a hash, or the evidence of a run; 1 where it differs.

    The verify record beside it is shown, and compared with what is named of it.
    """
    with opened(options) as session:
        world = session.world
        wanted = _wanted(session, given)
        found = world.wait(world.on_chain())
        record = world.wait(recorded(world, found))
    differences = record.differences(given.repository, given.commit)
    same = found.hash == wanted
    if as_json:
        said = {"program": str(found.program), "on_chain": found.hash, "wanted": wanted}
        beside = {"record": record.told(), "record_differences": differences}
        sys.stdout.write(json.dumps({**said, "same": same, **beside}, indent=2) + "\n")
    else:
        verdict = "runs what was built" if same else "does NOT run what was built"
        sys.stdout.write(
            f"{found.program} {verdict}\n"
            f"  on chain {found.hash or 'nothing'}\n"
            f"  wanted   {wanted}\n"
            f"  verify record: {record.line()}\n" + "".join(f"  {one}\n" for one in differences)
        )
    return ExitCode.DONE if same and not differences else ExitCode.FAILED


def _told(session: Session, found: OnChain) -> dict[str, Json]:
    world, data = session.world, found.data
    state = "closed" if found.closed else "absent" if data is None else "deployed"
    told: dict[str, Json] = {
        "program": str(world.program),
        "cluster": world.cluster.value,
        "state": "final" if found.is_final else state,
    }
    if data is not None:
        about = world.folder.saved(found.hash or "")
        told |= {
            "hash": found.hash,
            "version": about.version if about else None,
            "authority": str(data.authority) if data.authority else None,
            "bytes": found.capacity,
            "rent": sol(found.lamports),
            "slot": data.slot,
            "record": world.wait(recorded(world, found)).line(),
        }
    if due := world.wait(overdue(world, session.environment.name)):
        told["due"] = "; ".join(due)
    if owing := owed(session.setting.store, session.target):
        told["owed"] = "; ".join(map(str, owing))
    told["saved"] = ", ".join(one.version or one.hash[:16] for one in world.folder.all_saved())
    return told


def _wanted(session: Session, given: Given) -> str:
    if given.file:
        return read_program_file(given.file).hash
    if given.evidence:
        return _of_evidence(session, given.evidence, given.approvers)
    wanted = (given.hash or "").lower()
    if not _HASH.fullmatch(wanted):
        raise SessionError(f"{given.hash!r} is no hash: 64 digits, as solana-verify shows it")
    return wanted


def _of_evidence(session: Session, path: Path, approvers: Path) -> str:
    """The hash of the program that a run has put there, from evidence that verifies."""
    try:
        verdict = verify(path.read_bytes(), read_approvers(approvers), at=utc_now())
    except OSError as error:
        raise SessionError(f"{path}: {error.strerror}") from None
    if verdict.problems or verdict.evidence is None:
        raise SessionError("\n  ".join([f"{path} is not to be trusted:", *verdict.problems]))
    bundle = verdict.evidence.bundle
    if (bundle.what, bundle.outcome) not in _RELEASES or "program" not in bundle.hashes:
        raise SessionError(
            f"{path} is of {bundle.what}, {bundle.outcome}: name a deployment's, an upgrade's or a"
            " rollback's that is done"
        )
    if bundle.where != session.target:
        raise SessionError(f"{path} is of {bundle.where}, and not of {session.target}")
    return bundle.hashes["program"]
