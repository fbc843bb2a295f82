"""Printing a plan or running it: confirmation, approvals, the run itself, its evidence."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.exits import CommandError, ExitCode
from scripts.program.gates import Gate
from scripts.program.session import Session
from scripts.program.world import World
from scripts.runs.approvals import read_signatures, valid_approvals
from scripts.runs.approvers import Role, read_approvers
from scripts.runs.canonical import Json
from scripts.runs.evidence import About, Change, Signature, collect, seal
from scripts.runs.journal import Entry, Journal
from scripts.runs.runner import Outcome, execute
from scripts.runs.steps import Plan, as_json, describe
from scripts.runs.times import utc_now
from scripts.telling import tell
from standards import Tier


class NotConfirmedError(CommandError):
    """Nobody confirmed, or the wrong name was typed; nothing was changed."""

    code = ExitCode.USAGE


class GatesError(CommandError):
    """A gate is not passed: no deployment (GATE-02)."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """How a run was let in."""

    execute: bool
    yes: bool = False
    emergency: bool = False
    approvals: Sequence[Path] = ()
    approvers: Path = Path("approvers.yaml")
    typed: str | None = None
    """What has to be typed whatever the tier, where it cannot be undone."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is printed above the steps."""

    facts: Sequence[str] = ()
    gates: Sequence[Gate] = ()
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])


def act(  # noqa: PLR0913 - each is a part of how a plan is run
    session: Session,
    plan: Plan[World],
    consent: Consent,
    shown: Shown,
    *,
    asks: bool = True,
    as_json: bool = False,
) -> int:
    """Print what `plan` would do, or do it; the exit code. With `asks` false it just goes ahead."""
    if not consent.execute:
        sys.stdout.write(_planned(session, plan, shown, as_json=as_json))
        return ExitCode.DONE
    missing = [gate for gate in shown.gates if not gate.passed]
    if missing:
        raise GatesError("\n  ".join(["no deployment, a gate is not passed:", *_lines(missing)]))
    approvals = _let_in(session, plan, consent) if asks else []
    for fact in shown.facts:
        tell(fact)
    outcome = execute(plan, session.world, session.setting)
    path = _record(session, outcome, consent, shown, approvals, asks=asks)
    _end(session, outcome, path, as_json=as_json)
    return outcome.code


def _planned(session: Session, plan: Plan[World], shown: Shown, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(_as_json(plan, session, shown), indent=2) + "\n"
    lines = [*shown.facts]
    if shown.gates:
        lines += ["", "Gates:", *(f"  {line}" for line in _lines(shown.gates))]
    return "\n".join([*lines, "", describe(plan, session.world)]).lstrip("\n")


def _as_json(plan: Plan[World], session: Session, shown: Shown) -> dict[str, Json]:
    return {
        **as_json(plan, session.world),
        "facts": list(shown.facts),
        "gates": [vars(gate) for gate in shown.gates],
    }


def _lines(gates: Sequence[Gate]) -> list[str]:
    return [
        f"{'passed ' if gate.passed else 'MISSING'} {gate.requirement} {gate.name}: {gate.found}"
        + ("" if gate.passed else f". To pass it: {gate.how}")
        for gate in gates
    ]


def _let_in(session: Session, plan: Plan[World], consent: Consent) -> list[Signature]:
    """Ask for the name to be typed, or for approvals on record; what approvals there are."""
    signatures = read_signatures(consent.approvals)
    if consent.typed:
        _ask(f"This cannot be undone. Type {consent.typed!r} to go on: ", consent.typed)
    if session.environment.tier is not Tier.PRODUCTION:
        return signatures
    name = session.environment.name
    if not consent.yes:
        _ask(f"This changes {name}. Type its name to go on: ", name)
        return signatures
    if consent.emergency:
        return signatures
    approvers = read_approvers(consent.approvers)
    operator = session.setting.owner.operator
    valid, problems = valid_approvals(plan.hash, signatures, approvers, operator, at=utc_now())
    needed = max(1, session.environment.release.approvals)
    if len(valid) < needed:
        said = (
            f"--yes needs {needed} approval on record of the plan {plan.hash}, from others than"
            f" {operator}; there are {len(valid)}. To give one:"
            f" slipway evidence approve {plan.hash} --by NAME --role ROLE --key FILE"
        )
        raise NotConfirmedError("\n  ".join([said, *problems]))
    return signatures


def _ask(question: str, wanted: str) -> None:
    if not sys.stdin.isatty():
        raise NotConfirmedError(
            f"nobody can be asked here: {question.strip()} In CI: --yes, with --approval FILE"
        )
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip() != wanted:
        raise NotConfirmedError(f"that is not {wanted!r}: nothing was changed")


def _record(  # noqa: PLR0913 - each is a part of the evidence
    session: Session,
    outcome: Outcome,
    consent: Consent,
    shown: Shown,
    approvals: Sequence[Signature],
    *,
    asks: bool,
) -> Path:
    """Write the run's evidence; who ran it signs it afterwards."""
    entries = Journal(outcome.journal, session.setting.store).entries()
    emergency = consent.emergency or not asks
    about = About(
        tier=session.environment.tier,
        change=Change.EMERGENCY if emergency else Change.NORMAL,
        repeatable=False,
        hashes=dict(shown.hashes),
        costs=costs(entries, outcome.run),
        approvals=approvals,
    )
    folder = session.state / "evidence"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{outcome.run}.json"
    seal(collect(entries, outcome.run, about), []).write(path)
    return path


def signed_off(session: Session, plan: Plan[World], consent: Consent) -> frozenset[Role]:
    """In which roles people known to the file of approvers signed `plan` off."""
    if not consent.approvers.exists():
        return frozenset()
    given, _ = valid_approvals(
        plan.hash,
        read_signatures(consent.approvals),
        read_approvers(consent.approvers),
        session.setting.owner.operator,
        at=utc_now(),
    )
    return frozenset(one.role for one in given)


def costs(entries: Sequence[Entry], run: str) -> dict[str, int]:
    """What the run's last sum says it cost."""
    sums = [
        entry.data
        for entry in entries
        if entry.run == run and entry.kind == "step.done" and "fees_lamports" in entry.data
    ]
    names = ("fees_lamports", "rent_paid_lamports", "rent_returned_lamports")
    return {name: value for name in names if sums and isinstance(value := sums[-1][name], int)}


def _end(session: Session, outcome: Outcome, path: Path, *, as_json: bool) -> None:
    if as_json:
        said = {"run": outcome.run, "code": outcome.code, "evidence": str(path)}
        sys.stdout.write(json.dumps({**said, "message": outcome.message}, indent=2) + "\n")
    elif outcome.code is ExitCode.DONE:
        sys.stdout.write(f"{outcome.message}\n  Evidence: {path}\n")
    else:
        sys.stderr.write(f"slipway: {outcome.message}\n  Evidence: {path}\n")
    if outcome.code is ExitCode.DONE:
        operator = session.setting.owner.operator
        tell(f"  To sign it: slipway evidence sign {path} --by {operator!r} --role lead --key FILE")
