"""The controller of a rehearsal: the real conductor, in a process that can be killed and resumed.

Run as `python -m scripts.cutover.rehearse.controller FOLDER SOCKETS SECONDS`.

FOLDER has the cutover and gets journal and evidence; SOCKETS has the local sockets of the load
balancer and of the rehearsal. What it sees and does is printed in lines of JSON, the outcome last.
"""

import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from preview.files import write
from scripts.cutover.planning.plan import CutoverPlan
from scripts.cutover.planning.request import Cutover, read
from scripts.cutover.rehearse import lifeline
from scripts.cutover.rehearse.smoke import loopback_smoke
from scripts.cutover.rehearse.world import PROVIDER, LoopbackWorld, Provider
from scripts.cutover.report.page import write_report
from scripts.cutover.running.conductor import Ended, Outcome, carry_out
from scripts.cutover.running.hooks import Hooks
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import Role
from scripts.runs.evidence import About, Change, Purpose, collect, hash_of, seal, sign
from scripts.runs.journal import Entry, JournalError, Store, current
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from scripts.runs.sqlite import SqliteStore
from scripts.runs.times import utc_now
from standards import Tier

OPERATOR: Final = "rehearsal"
CUTOVER: Final = "cutover.json"
JOURNAL: Final = "journal.sqlite"
EVIDENCE: Final = "evidence"
APPROVERS: Final = "approvers.yaml"
REPORT: Final = "report.html"
_GRACE: Final = 5.0
"""How long it has to write down that it was interrupted."""


def main() -> None:
    """Carry it out, or go on with it."""
    folder, sockets, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    threading.Thread(target=_end_with_input, daemon=True).start()
    _end_after(seconds)
    cutover = read(cast("Mapping[str, Any]", json.loads((folder / CUTOVER).read_bytes())))
    store = SqliteStore(folder / JOURNAL)
    try:
        lifeline.tell(_conducted(cutover, folder, sockets, store))
    except CommandError as error:
        lifeline.tell({"outcome": Outcome.REFUSED, "message": str(error), "code": error.code})
    except KeyboardInterrupt:
        lifeline.tell({"outcome": Outcome.INTERRUPTED, "code": ExitCode.INTERRUPTED})
    store.close()


def _conducted(cutover: Cutover, folder: Path, sockets: Path, store: Store) -> Mapping[str, object]:
    (service, releases), *_ = cutover.releases.items()
    world = LoopbackWorld(sockets, service, (releases.old, releases.new))
    setting = Setting(
        store=store,
        owner=Owner.here(OPERATOR),
        tell=lambda said: lifeline.tell({"progress": said}),
        resume="slipway cutover rehearse",
    )
    hooks = Hooks(smoke=loopback_smoke(Provider(sockets / PROVIDER)))
    ended = carry_out(cutover, world, setting, hooks)
    entries = current(cutover.target, store).entries()
    evidence = list(_evidence(entries, folder))
    write_report(folder / REPORT, entries, evidence)
    return {
        **_told(ended, cutover.plan),
        "evidence": [str(path) for path in evidence],
        "report": str(folder / REPORT),
    }


def _told(ended: Ended, plan: CutoverPlan) -> Mapping[str, object]:
    """How it ended."""
    return {
        "outcome": ended.outcome,
        "message": ended.message,
        "code": ended.code,
        "why": ended.why,
        "decision_to_verified_seconds": ended.seconds,
        "bound_seconds": plan.rollback_bound,
        "controller_mebibytes": _peak_mebibytes(),
    }


def _evidence(entries: Sequence[Entry], folder: Path) -> Iterator[Path]:
    """The evidence of each run that has ended, signed with a key that nobody keeps."""
    key = Ed25519PrivateKey.generate()
    _write_approvers(key, folder / APPROVERS)
    about = About(
        tier=Tier.DEVELOPMENT,
        change=Change.NORMAL,
        repeatable=True,
        hashes={},
        costs={},
    )
    for run in dict.fromkeys(entry.run for entry in entries):
        try:
            bundle = collect(entries, run, about)
        except JournalError:
            continue  # it was killed, and what went on from there is another run
        signature = sign(
            key,
            Purpose.EVIDENCE,
            hash_of(bundle),
            by=OPERATOR,
            role=Role.LEAD,
            at=utc_now(),
        )
        path = folder / EVIDENCE / f"{run}.json"
        path.parent.mkdir(exist_ok=True)
        seal(bundle, [signature]).write(path)
        yield path


def _write_approvers(key: Ed25519PrivateKey, path: Path) -> None:
    """Write who may sign: this key, today. The key itself is written nowhere."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    today = utc_now().date()
    known = {
        "name": OPERATOR,
        "roles": [Role.LEAD.value],
        "key": public.decode(),
        "from": today,
        "until": today + timedelta(days=1),
    }
    write(path, yaml.safe_dump({"approvers": [known]}, sort_keys=False))


def _peak_mebibytes() -> float:
    """The most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says, Linux hands down from whoever started the process
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / (1 << 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _end_with_input() -> None:
    """End as after Ctrl-C when the rehearsal closes standard input, or is gone."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    _end_after(_GRACE)


def _end_after(seconds: float) -> None:
    """End after so long, whatever happens."""
    timer = threading.Timer(seconds, os._exit, [ExitCode.FAILED])
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
