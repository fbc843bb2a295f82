"""How a run is let in: a name typed, approvals on record, or somebody on call."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.exits import CommandError, ExitCode
from scripts.program.session import Session
from scripts.program.world import World
from scripts.runs.approvals import read_signatures, unreleased, valid_approvals
from scripts.runs.approvers import Approvers, ApproversError, Role, read_approvers
from scripts.runs.canonical import Json
from scripts.runs.evidence import Change, Signature
from scripts.runs.steps import Plan
from scripts.runs.times import utc_now
from standards import Tier

ASKS_NOBODY: Final = "nobody: it never asks"


class NotConfirmedError(CommandError):
    """Nobody confirmed, or the wrong name was typed; nothing was changed."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Consent:
    """How a run asks to be let in."""

    execute: bool
    yes: bool = False
    emergency: bool = False
    approvals: Sequence[Path] = ()
    approvers: Path = Path("approvers.yaml")
    typed: str | None = None
    """What has to be typed whatever the tier, where it cannot be undone."""

    @property
    def change(self) -> Change:
        """Its type."""
        return Change.EMERGENCY if self.emergency else Change.NORMAL

    def inputs(self) -> dict[str, Json]:
        """What of it is approved with a plan."""
        return {"change": self.change.value} if self.emergency else {}

    def known(self) -> Approvers | None:
        """Whose signatures count; nobody's where there is no such file."""
        return read_approvers(self.approvers) if self.approvers.exists() else None


def let_in(session: Session, plan: Plan[World], consent: Consent) -> list[Signature]:
    """Ask for what has to be typed, or for approvals on record; what approvals there are.

    Raises:
        NotConfirmedError: nobody confirmed it; nothing was changed.
    """
    signatures = read_signatures(consent.approvals)
    if consent.typed:
        question = f"This cannot be undone. Type {consent.typed!r} to go on: "
        _ask(question, consent.typed, "There is no other way: run it on a terminal")
    if session.environment.tier is not Tier.PRODUCTION:
        return signatures
    if consent.emergency:
        _refuse_unreleased(session, plan, consent, signatures)
    elif consent.yes:
        _refuse_unapproved(session, plan, consent, signatures)
    if not consent.yes:
        name = session.environment.name
        question = f"This changes {name}. Type its name to go on: "
        _ask(question, name, "In CI: --yes, with --approval FILE")
    return signatures


def asked(session: Session, consent: Consent) -> str:
    """Who was asked by `let_in`, for the record."""
    if consent.typed:
        return f"who ran it, who typed {consent.typed!r}"
    if session.environment.tier is not Tier.PRODUCTION:
        return f"nobody: {session.environment.tier} asks nothing"
    if consent.yes:
        return "those whose approvals are on record"
    return "who ran it, who typed the environment's name"


def signed_off(session: Session, plan: Plan[World], consent: Consent) -> frozenset[Role]:
    """In which roles people known to the file of approvers signed `plan` off."""
    if (approvers := consent.known()) is None:
        return frozenset()
    operator, given = session.setting.owner.operator, read_signatures(consent.approvals)
    valid, _ = valid_approvals(plan.hash, given, approvers, operator, at=utc_now())
    return frozenset(one.role for one in valid)


def stranger(session: Session, consent: Consent) -> str:
    """Why who runs it could never sign its evidence; empty where they can (AUD-01)."""
    operator = session.setting.owner.operator
    try:
        approvers = consent.known()
    except ApproversError as error:
        # Nothing that has to be done at once waits for that file.
        return f"nobody can sign the evidence of this run: {error}"
    if approvers is None:
        return f"{consent.approvers} is not there: nobody can sign the evidence of this run"
    if approvers.may(operator, Role.LEAD, utc_now()):
        return ""
    return (
        f"{operator} is no {Role.LEAD} in {consent.approvers}: the evidence of this run could"
        " never verify. Name who runs it: --operator NAME"
    )


def _refuse_unreleased(
    session: Session, plan: Plan[World], consent: Consent, signatures: Sequence[Signature]
) -> None:
    """In the place of the sign-offs: somebody on call (PIPE-11)."""
    operator = session.setting.owner.operator
    problems = unreleased(
        plan.hash, signatures, consent.known(), operator, at=utc_now(), typed=not consent.yes
    )
    if problems:
        raise NotConfirmedError("\n  ".join(problems))


def _refuse_unapproved(
    session: Session, plan: Plan[World], consent: Consent, signatures: Sequence[Signature]
) -> None:
    """Where nobody types a name: as many as the environment's file says approved it (PIPE-08)."""
    operator, approvers = session.setting.owner.operator, read_approvers(consent.approvers)
    valid, problems = valid_approvals(plan.hash, signatures, approvers, operator, at=utc_now())
    needed = max(1, session.environment.release.approvals)
    if len(valid) < needed:
        said = (
            f"--yes needs {needed} approval on record of the plan {plan.hash}, from others than"
            f" {operator}; there are {len(valid)}. To give one:"
            f" slipway evidence approve {plan.hash} --by NAME --role ROLE --key FILE"
        )
        raise NotConfirmedError("\n  ".join([said, *problems]))


def _ask(question: str, wanted: str, otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise NotConfirmedError(f"nobody can be asked here: {question.strip()} {otherwise}")
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip() != wanted:
        raise NotConfirmedError(f"that is not {wanted!r}: nothing was changed")
