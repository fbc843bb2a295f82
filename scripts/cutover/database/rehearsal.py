"""A change carried out in staging, with its way back, and how long that took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from scripts.cutover.database.change import Class
from scripts.cutover.database.lint import Phase
from scripts.cutover.database.restore import discard, limit, restore, verify
from scripts.cutover.database.steps import Stage, back_up, check, migrate
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import Approvers
from scripts.runs.evidence import Bundle
from scripts.runs.evidence import verify as verify_evidence
from scripts.runs.journal import Entry
from scripts.runs.steps import Plan, Step, duration
from scripts.runs.times import stamp
from standards import Tier, figure

COMMAND: Final = "cutover database rehearse"
_LONGEST: Final = 3600.0
"""How long a restore may take whose time nobody measured yet."""


class RehearsalError(CommandError):
    """Evidence that does not show what it has to."""

    code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was shown in staging."""

    at: datetime
    where: str
    hash: str
    """Of the change and the SQL that were tried."""
    seconds: float | None
    """How long the restore took, read and verified; None where nothing is restored."""

    def __str__(self) -> str:
        took = f"the way back took {duration(self.seconds)}" if self.seconds is not None else "done"
        return f"{took}, on {self.where} at {stamp(self.at)}"


def rehearsal(stage: Stage, environment: str) -> Plan[object]:
    """The change and its way back, on staging's data (QA-16): nothing of the restored is kept."""
    change = stage.change
    steps: list[Step[object]] = [check(stage)]
    if stage.is_backed_up:
        steps.append(back_up(stage, Phase.BEFORE))
    steps.append(migrate(stage, Phase.BEFORE))
    if change.kind is Class.DATA:
        steps.append(migrate(stage, Phase.REVERSE))
    if change.is_restored:
        steps += [
            restore(stage, _LONGEST, is_rehearsal=True),
            verify(stage, is_rehearsal=True),
            discard(stage),
        ]
    return Plan(
        target=f"{environment}/database",
        command=COMMAND,
        inputs={
            "change": change.name,
            "declared": change.hash,
            "database": stage.planned.hash,
        },
        steps=[replace(step, requirements=(*step.requirements, "QA-16")) for step in steps],
    )


def read_rehearsal(path: Path, stage: Stage, approvers: Approvers, *, at: datetime) -> Rehearsal:
    """What the evidence in the file `path` shows of this change; of which SQL, it says.

    Raises:
        RehearsalError: it is not to be trusted, is too old, or shows something else.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RehearsalError(
            f"{path}: {error.strerror}. Before production a change is tried on staging's data, "
            f"with its way back (QA-16): {COMMAND}, then sign its evidence"
        ) from None
    verdict = verify_evidence(text, approvers, at=at)
    if verdict.problems or verdict.evidence is None:
        raise RehearsalError("\n".join(f"{path}: {each}" for each in verdict.problems))
    bundle = verdict.evidence.bundle
    if why := _unfit(bundle, stage, at):
        raise RehearsalError(f"{path}: {why}. Rehearse the change again: {COMMAND}")
    seconds = _restored_in(bundle.entries, stage)
    if seconds is not None and seconds >= limit():
        raise RehearsalError(
            f"{path}: the way back took {duration(seconds)}, and has to take less than "
            f"{duration(limit())} (ROLL-01). Expand and contract instead of restoring"
        )
    inputs = cast("Mapping[str, object]", bundle.entries[0].data["inputs"])
    return Rehearsal(bundle.ended, bundle.where, str(inputs.get("database")), seconds)


def _unfit(bundle: Bundle, stage: Stage, at: datetime) -> str:
    """Why a bundle shows something else than this change and its way back; empty if it does."""
    inputs = bundle.entries[0].data.get("inputs")
    if bundle.what != COMMAND or not isinstance(inputs, Mapping):
        return f"it is of {bundle.what!r}"
    if inputs.get("declared") != stage.change.hash:
        return "it is of another change"
    if bundle.tier is not Tier.STAGING:
        return f"it was made in {bundle.tier.value}, not in staging"
    if bundle.outcome != "done":
        return f"the run ended as {bundle.outcome}"
    days = figure("BAK-03", "restore_test_interval_days").days
    if (at - bundle.ended).days >= days:
        return f"it is from {stamp(bundle.ended)}: older than {days} days (BAK-03)"
    return ""


def _restored_in(entries: Sequence[Entry], stage: Stage) -> float | None:
    """From the start of the restore to the verified instance, by the journal."""
    if not stage.change.is_restored:
        return None
    started = _at(entries, "step.started", f"database-restore-{stage.id(Phase.REVERSE)}")
    ended = _at(entries, "step.done", f"database-verify-{stage.id(Phase.REVERSE)}")
    if started is None or ended is None:
        raise RehearsalError("the evidence shows no restore that was begun and verified")
    return (ended - started).total_seconds()


def _at(entries: Sequence[Entry], kind: str, step: str) -> datetime | None:
    for entry in entries:
        if entry.kind == kind and entry.data.get("step") == step:
            return datetime.fromisoformat(entry.at)
    return None
