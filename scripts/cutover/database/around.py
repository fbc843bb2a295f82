"""A database change around a cutover: what comes before, after and on the way back, and why not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Generic, TypeVar, overload

from scripts.cutover.database.change import Change, Class
from scripts.cutover.database.lint import Phase
from scripts.cutover.database.rehearsal import Rehearsal
from scripts.cutover.database.restore import limit, restore, switch, verify
from scripts.cutover.database.steps import Stage, back_up, check, contracted, migrate
from scripts.runs.approvals import valid_approvals
from scripts.runs.approvers import Approvers
from scripts.runs.evidence import Signature
from scripts.runs.steps import Step, World, duration

Made = TypeVar("Made")

_MARGIN: Final = 1.5
"""How much longer than in its rehearsal a restore may take before people are told."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who accepted what a restore would lose."""

    signatures: Sequence[Signature]
    approvers: Approvers
    operator: str
    """Who runs it, and so does not approve it."""


class Later(Sequence[Made]):
    """A sequence that is made when somebody looks: a way back waits for no SQL to be printed."""

    def __init__(self, make: Callable[[], Iterable[Made]]) -> None:
        self._make: Final = make

    @cached_property
    def _made(self) -> Sequence[Made]:
        return tuple(self._make())

    @overload
    def __getitem__(self, index: int) -> Made: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Made]: ...
    def __getitem__(self, index: int | slice) -> Made | Sequence[Made]:
        return self._made[index]

    def __len__(self) -> int:
        return len(self._made)


@dataclass(frozen=True, kw_only=True)
class DatabaseSteps(Generic[World]):
    """A change as steps of the plans of a cutover."""

    before: Sequence[Step[World]]
    """Before the first traffic."""
    after: Sequence[Step[World]]
    """Once the old side is gone."""
    back: Sequence[Step[World]]
    """In a rollback, once all traffic is back."""
    allows: str
    """What the change allows on a rollback, and what that loses, for people."""


def database_steps(stage: Stage, rehearsed: Rehearsal | None = None) -> DatabaseSteps[World]:
    """The steps of the change that `stage` holds; those forward are made when asked for."""
    return DatabaseSteps(
        before=Later(lambda: _before(stage)),
        after=Later(lambda: _after(stage)),
        back=_back(stage, rehearsed),
        allows="\n".join(allows(stage.change, rehearsed)),
    )


def _before(stage: Stage) -> Iterator[Step[World]]:
    yield check(stage)
    if stage.is_backed_up:
        yield back_up(stage, Phase.BEFORE)
    yield migrate(stage, Phase.BEFORE)


def _after(stage: Stage) -> Iterator[Step[World]]:
    if stage.change.contract:
        if stage.is_backed_up:
            yield back_up(stage, Phase.CONTRACT)
        yield migrate(stage, Phase.CONTRACT)


def _back(stage: Stage, rehearsed: Rehearsal | None) -> list[Step[World]]:
    change = stage.change
    if change.contract:
        return [contracted(stage)]
    if change.kind is Class.DATA:
        return [migrate(stage, Phase.REVERSE)]
    if change.is_restored:
        measured = rehearsed.seconds if rehearsed else None
        seconds = _MARGIN * measured if measured else limit()
        return [restore(stage, seconds), verify(stage), switch(stage)]
    return []


def allows(change: Change, rehearsed: Rehearsal | None) -> list[str]:
    """What a change allows on a rollback, a line each."""
    said = [f"Database: {change.name}, {change.from_revision} to {change.to_revision}."]
    if change.contract:
        said.append(
            f"A breaking change, expanded first: a rollback leaves it in place and loses nothing, "
            f"until {change.contract} takes the old form away, after which there is no way back."
        )
    elif change.loses:
        tables = ", ".join(change.loses.tables)
        said.append(
            "A breaking change: a rollback restores the moment before it into a new instance, and "
            "people decide whether the services use that."
        )
        said.append(
            f"LOST by that: what was written to {tables} since the migration began, accepted up "
            f"to {change.loses.at_most_rows:,} rows ({change.loses.why})."
        )
    elif change.kind is Class.DATA:
        said.append(
            "A data migration: a rollback runs its reverse script, at most "
            f"{duration(change.limits.reverse_seconds)}, once all traffic is back."
        )
    else:
        said.append("An additive change: a rollback leaves it in place and loses nothing.")
    if rehearsed:
        said.append(f"Rehearsed: {rehearsed}.")
    elif change.is_restored:
        said.append("The way back was not rehearsed: how long it takes is not known.")
    return said


def refusals(
    stage: Stage, approval: Approval | None, rehearsed: Rehearsal | None, *, at: datetime
) -> list[str]:
    """Why the change cannot start, each with what to do; reads only."""
    change = stage.change
    refused = stage.planned.refusals()
    if rehearsed and rehearsed.hash != stage.planned.hash:
        refused.append(
            f"{change.name}: its SQL is another one than was rehearsed on {rehearsed.where} (QA-16)"
        )
    if change.is_restored:
        if stage.copies is None:
            refused.append(
                f"{change.name}: nothing here can be restored, and only a restore takes it back: "
                "expand and contract"
            )
        refused += _not_approved(stage, approval, at)
    known = {change.from_revision, change.to_revision, change.contract}
    if (revision := stage.schema.status().revision) not in known:
        refused.append(
            f"{change.name}: the schema is at {revision}; the change begins at "
            f"{change.from_revision}: declare one that begins there"
        )
    return refused


def _not_approved(stage: Stage, approval: Approval | None, at: datetime) -> list[str]:
    """Whether somebody else than the operator accepted what would be lost."""
    planned, problems = stage.planned, list[str]()
    if approval:
        good, problems = valid_approvals(
            planned.hash, approval.signatures, approval.approvers, approval.operator, at=at
        )
        if good and not problems:
            return []
    wanted = (
        f"{stage.change.name}: nobody accepted yet what a rollback would lose (ROLL-13): "
        f"somebody else than who runs it signs `slipway evidence approve {planned.hash}`"
    )
    return [*problems, wanted]
