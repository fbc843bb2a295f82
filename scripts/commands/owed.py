"""`slipway evidence owed` and `settle`: what the runs of a target still owe, and bringing it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from preview.project import find_project
from scripts.exits import ExitCode
from scripts.runs.approvals import read_signatures
from scripts.runs.approvers import read_approvers
from scripts.runs.journal import Store
from scripts.runs.lease import Owner
from scripts.runs.owed import Brought, Owed, OwedError, owed, settle
from scripts.runs.stores import open_store
from scripts.runs.times import stamp


def owed_command(target: str, *, state: Path | None, as_json: bool) -> int:
    """Print what is owed, and how it is brought."""
    found = owed(_store(state), target)
    if as_json:
        sys.stdout.write(json.dumps([_as_json(one) for one in found], indent=2) + "\n")
    else:
        lines = [str(one) for one in found] or [f"{target}: nothing is owed"]
        sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.PENDING if found else ExitCode.DONE


@dataclass(frozen=True, kw_only=True)
class Named:
    """What is to be settled, and with what."""

    target: str
    run: str
    what: str
    document: Path | None
    link: str
    approvals: Sequence[Path]
    approvers: Path


def settle_command(named: Named, *, state: Path | None, operator: str) -> int:
    """Write down that it was brought."""
    store = _store(state)
    found = owed(store, named.target)
    one = next((each for each in found if (each.run, each.what) == (named.run, named.what)), None)
    if one is None:
        owes = ", ".join(f"{each.run} its {each.what}" for each in found) or "none owes anything"
        raise OwedError(f"{named.target}: the run {named.run} owes no {named.what}: {owes}")
    brought = Brought(
        document=sha256(named.document.read_bytes()).hexdigest() if named.document else "",
        link=named.link,
        signatures=read_signatures(named.approvals),
    )
    entry = settle(store, one, Owner.here(operator), brought, read_approvers(named.approvers))
    sys.stdout.write(f"{one.target}: the {one.what} of {one.run} is settled ({entry.hash})\n")
    return ExitCode.DONE


def _store(state: Path | None) -> Store:
    return open_store(state or find_project(Path.cwd()) / ".slipway")


def _as_json(one: Owed) -> dict[str, str | None]:
    return {
        "run": one.run,
        "what": one.what.value,
        "requirement": one.what.requirement,
        "by": one.by,
        "at": stamp(one.at),
        "due": stamp(one.due) if one.due else None,
        "why": one.why,
        "plan": one.plan,
    }
