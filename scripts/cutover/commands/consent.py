"""How a cutover is let in: change type, freezes, sign-offs, and the name typed in production."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.cutover.planning.changes import Asked, read_standard_change, refusals
from scripts.cutover.planning.request import Cutover
from scripts.cutover.session import Session
from scripts.exits import CommandError, ExitCode
from scripts.runs.approvals import read_signatures, valid_approvals
from scripts.runs.approvers import Approvers, read_approvers
from scripts.runs.evidence import Change, Signature
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

    @property
    def change(self) -> Change:
        """Its type."""
        if self.emergency:
            return Change.EMERGENCY
        return Change.STANDARD if self.standard else Change.NORMAL


def asked(session: Session, cutover: Cutover, plan: str, consent: Consent) -> Asked:
    """What is to be let in, as change control looks at it."""
    return Asked(
        environment=session.environment.name,
        tier=session.environment.tier,
        services=cutover.order,
        has_database=bool(cutover.database),
        plan=plan,
        change=consent.change,
        operator=session.options.operator,
        at=utc_now(),
        standard=read_standard_change(consent.standard) if consent.standard else None,
        signatures=read_signatures(consent.approvals),
        approvers=approvers_of(session),
    )


def let_in(session: Session, of: Asked, consent: Consent) -> Sequence[Signature]:
    """Let it in, with the sign-offs that count for it.

    Raises:
        NotLetInError: it may not be, or nobody confirmed it.
    """
    if found := refusals(of, session.environment.cutover):
        raise NotLetInError("\n  ".join(["not let in; nothing was changed:", *found]))
    if of.tier is not Tier.PRODUCTION:
        return of.signatures
    if not consent.yes:
        confirm(session.environment.name)
    elif not consent.emergency:
        _on_record(session, of)
    return of.signatures


def _on_record(session: Session, of: Asked) -> None:
    """In CI nobody types a name: as many as the environment's file says approved it (PIPE-08)."""
    needed = max(1, session.environment.release.approvals)
    subject = of.standard.hash if of.standard else of.plan
    valid, problems = (
        valid_approvals(subject, of.signatures, of.approvers, of.operator, at=of.at)
        if of.approvers
        else ([], ["there is no file of approvers"])
    )
    if len(valid) < needed:
        said = f"--yes needs {needed} approval on record of {subject}; there are {len(valid)}"
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
