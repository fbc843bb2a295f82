"""`slipway cutover rehearse`: a rehearsal, shown as it goes, and how it ended."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.cutover.rehearse.controller import APPROVERS
from scripts.cutover.rehearse.options import Options
from scripts.cutover.rehearse.rehearsal import Rehearsal, is_as_it_should
from scripts.cutover.rehearse.view import Lines, Screen
from scripts.cutover.running.conductor import Outcome
from scripts.exits import ExitCode


def rehearse_command(options: Options, *, as_json: bool) -> int:
    """Carry it out; the exit code says whether it ended as its fault has it."""
    console = Console()
    if as_json or not console.is_terminal or console.is_dumb_terminal:
        lines = Lines(sys.stderr if as_json else sys.stdout)
        said = asyncio.run(Rehearsal(options, lines.show).run())
    else:
        with Screen(console) as screen:
            said = asyncio.run(Rehearsal(options, screen.show).run())
    sys.stdout.write(json.dumps(said) + "\n" if as_json else ended(said))
    if said["outcome"] == Outcome.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if is_as_it_should(said) else ExitCode.FAILED


def ended(said: Mapping[str, Any]) -> str:
    """How it ended, for people."""
    if said["outcome"] == Outcome.INTERRUPTED:
        return "\nInterrupted; every process of the rehearsal has ended.\n"
    lines = [f"\nOutcome: {said['outcome']}, after {said['seconds']:.0f} s."]
    if why := said.get("why"):
        lines.append(f"  Why: {why}")
    if said["outcome"] not in {Outcome.DONE, Outcome.ROLLED_BACK}:
        lines.append(f"  {said['message']}")
    if (took := said.get("decision_to_verified_seconds")) is not None:
        lines.append(
            f"  From the decision to the verified old side: {took:.2f} s "
            f"(its timeouts allow {said['bound_seconds']:.0f} s)."
        )
    if (sent := said["breach_to_weight_seconds"]) is not None:
        lines.append(
            f"  From the data that breached to the weight sent: {sent:.2f} s "
            f"(polled every {said['poll_seconds']:g} s)."
        )
    users = said["users"]
    lines.append(f"  Users sent {users['sent']:,} requests; {users['failed']:,} failed.")
    if memory := said.get("controller_mebibytes"):
        lines.append(f"  The controller took {memory:.0f} MiB.")
    if report := said.get("report"):
        lines.append(f"  Report: {report}")
    for path in said.get("evidence", ()):
        approvers = Path(said["folder"]) / APPROVERS
        lines.append(f"  Evidence: slipway evidence verify {path} --approvers {approvers}")
    if said.get("evidence"):
        lines.append("  It is signed with a key that was made for this rehearsal alone.")
    return "\n".join(lines) + "\n"
