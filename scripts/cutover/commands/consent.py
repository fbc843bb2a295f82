"""How a cutover is let in: change type, freezes, sign-offs, and the name typed in production."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from scripts.cutover.planning.changes import (
    Asked,
    StandardChange,
    read_standard_change,
    refusals,
    subject,
)
from scripts.cutover.planning.rehearsed import unrehearsed
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.standing import Standing, State
from scripts.cutover.session import Session
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvals import read_signatures, valid_approvals
from scripts.runs.approvers import Approvers, read_approvers
from scripts.runs.canonical import Json
from scripts.runs.evidence import Change, Signature
from scripts.runs.owed import overdue, owing_after_emergency
from scripts.runs.times import utc_now
from standards import Tier


class NotLetInError(CommandError):
    """It may not be run now, or nobody confirmed; nothing was changed."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Consent:
    """How a run asks to be let in."""

    execute: bool
    yes: bool = False
    emergency: bool = False
    standard: Path | None = None
    approvals: Sequence[Path] = ()
    rolled_back: Sequence[Path] = ()
    """Evidence of rollbacks in staging."""

    @property
    def is_named(self) -> bool:
        """Whether it says what type of change it is."""
        return self.emergency or self.standard is not None

    @property
    def change(self) -> Change:
        """Its type."""
        if self.emergency:
            return Change.EMERGENCY
        return Change.STANDARD if self.standard else Change.NORMAL


def asked(session: Session, cutover: Cutover, plan: str, consent: Consent) -> Asked:
    """What is to be let in, as change control looks at it."""
    now, known = utc_now(), approvers_of(session)
    return Asked(
        environment=session.environment.name,
        tier=session.environment.tier,
        services=cutover.order,
        has_database=bool(cutover.database),
        plan=plan,
        change=consent.change,
        operator=session.options.operator,
        at=now,
        standard=read_standard_change(consent.standard) if consent.standard else None,
        signatures=read_signatures(consent.approvals),
        approvers=known,
        typed=not consent.yes,
        overdue=overdue(session.store, session.target, now),
        unrehearsed=unrehearsed(cutover, consent.rolled_back, known, at=now),
    )


def asked_again(
    session: Session, there: Standing, cutover: Cutover, consent: Consent
) -> Asked | None:
    """The same of a cutover that is gone on with: its change type, with what let it in.

    One that goes back, or has moved all, asks nobody. What earlier runs owe, and what staging
    showed, was looked at when it began, and what it owes itself does not stop it.
    """
    if there.state is not State.OPEN:
        return None
    before = let_in_before(there)
    of = asked(session, cutover, str(there.entries[0].data["plan"]), consent)
    given = cast("Sequence[object]", before.get("approvals", ()))
    known = before.get("standard")
    return replace(
        of,
        change=of.change if consent.is_named else Change(cutover.change),
        standard=of.standard or (StandardChange.model_validate(known) if known else None),
        signatures=[*of.signatures, *(Signature.model_validate(each) for each in given)],
        overdue=(),
        unrehearsed=(),
    )


def let_in(session: Session, of: Asked, consent: Consent) -> None:
    """Let it in.

    Raises:
        NotLetInError: it may not be, or nobody confirmed it.
    """
    if found := refusals(of, session.environment.cutover):
        raise NotLetInError("\n  ".join(["not let in; nothing was changed:", *found]))
    if of.tier is not Tier.PRODUCTION:
        return
    if not consent.yes:
        confirm(session.environment.name)
    elif of.change is not Change.EMERGENCY:
        _on_record(session, of)


def how(of: Asked) -> Mapping[str, Json]:
    """How it was let in, and what it owes for that, as the journal keeps it."""
    standard, is_emergency = of.standard, of.change is Change.EMERGENCY
    return {
        "change": of.change.value,
        "approvals": [each.model_dump(mode="json") for each in of.signatures],
        "hashes": {"pre-approval": standard.hash} if standard else {},
        **({"standard": standard.model_dump(mode="json")} if standard else {}),
        **({"owed": owing_after_emergency(of.tier)} if is_emergency else {}),
    }


def let_in_before(there: Standing) -> Mapping[str, Json]:
    """How it was let in last, from the journal; nothing where it was not yet."""
    for entry in reversed(there.entries):
        data = entry.data.get("let_in", entry.data)
        if isinstance(data, Mapping) and "approvals" in data:
            return data
    return {}


def _on_record(session: Session, of: Asked) -> None:
    """In CI nobody types a name: as many as the environment's file says approved it (PIPE-08)."""
    needed = max(1, session.environment.release.approvals)
    valid, problems = (
        valid_approvals(subject(of), of.signatures, of.approvers, of.operator, at=of.at)
        if of.approvers
        else ([], ["there is no file of approvers"])
    )
    if len(valid) < needed:
        said = f"--yes needs {needed} approval on record of {subject(of)}; there are {len(valid)}"
        raise NotLetInError("\n  ".join([said, *problems]))


def confirm(name: str) -> None:
    """Ask for the environment's name to be typed."""
    if not sys.stdin.isatty():
        raise NotLetInError(
            f"nobody can be asked here to type {name!r}. In CI: --yes, with --approval FILE"
        )
    sys.stderr.write(f"This moves the users of {name}. Type its name to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != name:
        raise NotLetInError(f"that is not {name!r}: nothing was changed")


def approvers_of(session: Session) -> Approvers | None:
    """Whose signatures count."""
    path = session.options.approvers
    return read_approvers(path) if path.exists() else None
