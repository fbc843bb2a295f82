"""Change types and freezes: whether a cutover may be let in now (AUD-02, GATE-05).

A normal change has the change board's sign-offs and five business days since the first of them; a
standard one has those of its pre-approval; an emergency is released by somebody on call, and owes
the sign-offs afterwards. What earlier runs owe is brought before any but an emergency.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from environments.cutover import Cutover as Rules
from environments.record import Name
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvals import sign_offs_missing, unreleased, valid_approvals
from scripts.runs.approvers import Approvers
from scripts.runs.canonical import digest
from scripts.runs.evidence import Change, Signature
from scripts.runs.times import stamp
from standards import Tier, figure, requirement

_SATURDAY: Final = 5


class ChangeError(CommandError):
    """A file that declares no standard change."""

    code = ExitCode.USAGE


class StandardChange(BaseModel):
    """What may be released again and again under the same sign-offs, those of its pre-approval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, StringConstraints(min_length=1)]
    environment: Name
    services: Annotated[tuple[Name, ...], Field(min_length=1)]
    """What it may move."""
    database: bool = False
    """Whether a change of the database may come with it."""
    until: date
    """The last day on which it may be used, UTC."""

    @property
    def hash(self) -> str:
        """What its sign-offs are given to."""
        return digest(self.model_dump(mode="json"))


def read_standard_change(path: Path) -> StandardChange:
    """The standard change that the file `path` declares.

    Raises:
        ChangeError: it declares none; with its place.
    """
    try:
        content = cast("object", yaml.safe_load(path.read_text(encoding="utf-8")))
        return StandardChange.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ChangeError(f"{path}: {place}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ChangeError(f"{path}: cannot be read: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be let in."""

    environment: str
    tier: Tier
    services: Collection[str]
    has_database: bool
    plan: str
    """The hash of the plan."""
    change: Change
    operator: str
    at: datetime
    standard: StandardChange | None = None
    signatures: Sequence[Signature] = ()
    approvers: Approvers | None = None
    """Whose signatures count; nobody's where there is no such file."""
    typed: bool = False
    """Whether the operator has to type the environment's name."""
    overdue: Sequence[str] = ()
    """What earlier runs owe, and had to bring by now."""
    unrehearsed: Sequence[str] = ()
    """Why no rollback of it in staging is on record."""


def subject(asked: Asked) -> str:
    """The hash that sign-offs of it are given to."""
    return asked.standard.hash if asked.standard else asked.plan


def refusals(asked: Asked, rules: Rules) -> list[str]:
    """Why it may not be let in now, each with what to do."""
    return [*barred(asked, rules), *unsigned(asked)]


def barred(asked: Asked, rules: Rules) -> list[str]:
    """Why no signature would let it in now."""
    if asked.change is Change.EMERGENCY:
        return []
    if not _is_controlled(asked):
        return [*asked.overdue]
    return [*asked.overdue, *_frozen(asked, rules), *_standard(asked)]


def unsigned(asked: Asked) -> list[str]:
    """What it still has to be shown, and whose word it wants."""
    if not _is_controlled(asked):
        return []
    if asked.change is not Change.EMERGENCY:
        return [*asked.unrehearsed, *_signed(asked)]
    return [
        *asked.unrehearsed,
        *unreleased(
            asked.plan,
            asked.signatures,
            asked.approvers,
            asked.operator,
            at=asked.at,
            typed=asked.typed,
        ),
    ]


def _is_controlled(asked: Asked) -> bool:
    return asked.tier in requirement("AUD-02").environments


def _frozen(asked: Asked, rules: Rules) -> Iterator[str]:
    if freeze := rules.frozen(asked.at):
        yield (
            f"nothing is released until {stamp(freeze.until)}: {freeze.why}. A rollback always "
            "may; a release that cannot wait is an emergency (--emergency)"
        )


def _standard(asked: Asked) -> Iterator[str]:
    standard = asked.standard
    if standard is None:
        if asked.change is Change.STANDARD:
            yield "a standard change names its pre-approval: --standard FILE (AUD-02)"
        return
    if standard.environment != asked.environment:
        yield f"{standard.title} is pre-approved for {standard.environment}"
    if others := sorted({*asked.services} - {*standard.services}):
        allowed = ", ".join(standard.services)
        yield f"{standard.title} is pre-approved for {allowed}: not {others[0]}"
    if asked.has_database and not standard.database:
        yield f"{standard.title} is pre-approved without a change of the database"
    if asked.at.astimezone(UTC).date() > standard.until:
        yield f"{standard.title} was pre-approved until {standard.until}"


def _signed(asked: Asked) -> Iterator[str]:
    if asked.approvers is None:
        yield "there is no file of approvers, so nobody's sign-off counts: --approvers FILE"
        return
    of = subject(asked)
    valid, problems = valid_approvals(
        of, asked.signatures, asked.approvers, asked.operator, at=asked.at
    )
    yield from problems
    if missing := sign_offs_missing(valid, of, asked.operator):
        yield from missing
    elif asked.change is Change.NORMAL:
        yield from _too_soon(min(one.at for one in valid), asked.at)


def _too_soon(first: datetime, at: datetime) -> Iterator[str]:
    days = figure("AUD-02", "normal_lead_time_business_days").count
    earliest = after_business_days(first, days)
    if at < earliest:
        yield (
            f"a normal change has {days} business days from its first sign-off, {stamp(first)} "
            f"(AUD-02): not before {stamp(earliest)}. A standard change (--standard FILE) or an "
            "emergency (--emergency) may be sooner"
        )


def after_business_days(since: datetime, days: int) -> datetime:
    """The moment `days` business days after `since`; Saturdays and Sundays, UTC, are none."""
    at = since.astimezone(UTC)
    while days:
        at += timedelta(days=1)
        days -= at.weekday() < _SATURDAY
    return at
