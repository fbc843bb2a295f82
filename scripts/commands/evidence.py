"""`slipway evidence verify`: whether a file of evidence is genuine, in force and signed enough."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from scripts.exits import ExitCode
from scripts.runs.approvers import read_approvers
from scripts.runs.evidence import Bundle, Verdict, verify
from scripts.runs.times import stamp, utc_now


def verify_command(
    file: Path, *, approvers: Path, at: datetime | None = None, as_json: bool = False
) -> int:
    """Print what `file` says and whether it can be believed at `at`, unless given now."""
    known = read_approvers(approvers)
    verdict = verify(file.read_bytes(), known, at=at or utc_now())
    sys.stdout.write(_json(verdict) if as_json else "\n".join(_lines(file, verdict)) + "\n")
    if verdict.problems:
        return ExitCode.FAILED
    return ExitCode.PENDING if verdict.outstanding else ExitCode.DONE


def _json(verdict: Verdict) -> str:
    evidence = verdict.evidence
    return (
        json.dumps(
            {
                "verified": not verdict.problems,
                "problems": verdict.problems,
                "outstanding": verdict.outstanding,
                "evidence": evidence.model_dump(mode="json") if evidence else None,
            },
            indent=2,
        )
        + "\n"
    )


def _lines(file: Path, verdict: Verdict) -> Iterator[str]:
    if verdict.problems:
        yield f"{file}: NOT verified"
        yield from (f"  - {problem}" for problem in verdict.problems)
        return
    if evidence := verdict.evidence:
        yield f"{file}: verified, {evidence.hash}"
        yield from _about(evidence.bundle)
    yield from (f"  Outstanding: {one}" for one in verdict.outstanding)


def _about(bundle: Bundle) -> Iterator[str]:
    yield f"  {bundle.what} on {bundle.where} ({bundle.tier.value}): {bundle.outcome}"
    yield f"  {bundle.who} on {bundle.host}, {stamp(bundle.started)} to {stamp(bundle.ended)}"
    yield f"  {bundle.change.value} change, plan {bundle.plan}"
    yield f"  Journal up to entry {bundle.head.sequence}, {bundle.head.hash}"
    yield from (
        f"  Approved: {one.by} as {one.role.value}, {stamp(one.at)}" for one in bundle.approvals
    )
    yield from (f"  Hash of {name}: {value}" for name, value in bundle.hashes.items())
    yield from (f"  Cost, {name}: {value}" for name, value in bundle.costs.items())
