"""`slipway program show` and `verify`: what the chain has, and whether it is what was built."""

import json
import sys
from pathlib import Path

from scripts.exits import ExitCode
from scripts.program.elf import read_program_file
from scripts.program.node import sol
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.state import OnChain
from scripts.runs.canonical import Json, NotCanonicalError, parse
from scripts.runs.evidence import Evidence


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


def verify_command(
    options: Options,
    *,
    file: Path | None = None,
    hash_: str | None = None,
    evidence: Path | None = None,
    as_json: bool = False,
) -> int:
    """Compare what runs with a file, a hash, or the evidence of a run; 1 where it differs."""
    wanted = _wanted(file, hash_, evidence)
    with opened(options) as session:
        found = session.world.wait(session.world.on_chain())
    same = found.hash == wanted
    if as_json:
        said = {"program": str(found.program), "on_chain": found.hash, "wanted": wanted}
        sys.stdout.write(json.dumps({**said, "same": same}, indent=2) + "\n")
    else:
        verdict = "runs what was built" if same else "does NOT run what was built"
        sys.stdout.write(
            f"{found.program} {verdict}\n"
            f"  on chain {found.hash or 'nothing'}\n"
            f"  wanted   {wanted}\n"
        )
    return ExitCode.DONE if same else ExitCode.FAILED


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
        }
    told["saved"] = ", ".join(one.version or one.hash[:16] for one in world.folder.all_saved())
    return told


def _wanted(file: Path | None, hash_: str | None, evidence: Path | None) -> str:
    if sum(one is not None for one in (file, hash_, evidence)) != 1:
        raise SessionError("name one: --file FILE, --hash HASH or --evidence FILE")
    if file:
        return read_program_file(file).hash
    if evidence:
        return _of_evidence(evidence)
    return (hash_ or "").lower()


def _of_evidence(path: Path) -> str:
    """The program's hash in the evidence of a run; `slipway evidence verify` says if it is good."""
    try:
        bundle = Evidence.model_validate(parse(path.read_bytes().removesuffix(b"\n"))).bundle
        return bundle.hashes["program"]
    except OSError as error:
        raise SessionError(f"{path}: {error.strerror}") from None
    except (NotCanonicalError, ValueError, KeyError):
        raise SessionError(f"{path} is no evidence of a run about a program") from None
