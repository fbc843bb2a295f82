"""Printing a plan or running it: confirmation, approvals, the run itself, its evidence."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.exits import CommandError, ExitCode
from scripts.program.commands.consent import ASKS_NOBODY, Consent, asked, let_in, stranger
from scripts.program.gate import Gate
from scripts.program.refusals import refuse_unsigned, unsigned
from scripts.program.session import Session
from scripts.program.spending import costs
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.evidence import About, Change, Signature, collect, seal
from scripts.runs.journal import Journal
from scripts.runs.owed import owing_after_emergency
from scripts.runs.runner import Outcome, execute
from scripts.runs.steps import Plan, as_json, describe
from scripts.telling import tell


class GatesError(CommandError):
    """A gate is not passed: no deployment (GATE-02)."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is printed above the steps."""

    facts: Sequence[str] = ()
    gates: Sequence[Gate] = ()
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])
    owed: Sequence[Json] = ()
    """What is brought afterwards; an emergency's sign-offs besides."""


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
    if warning := stranger(session, consent):
        shown = replace(shown, facts=[*shown.facts, f"  Warning: {warning}"])
    if not consent.execute:
        shown = replace(shown, facts=[*shown.facts, *unsigned(session.world)])
        sys.stdout.write(_planned(session, plan, shown, as_json=as_json))
        return ExitCode.DONE
    refuse_unsigned(session.world)
    missing = [gate for gate in shown.gates if not gate.passed]
    if missing:
        raise GatesError("\n  ".join(["no deployment, a gate is not passed:", *_lines(missing)]))
    if not asks:
        consent = replace(consent, emergency=True)
    approvals = let_in(session, plan, consent) if asks else []
    for fact in shown.facts:
        tell(fact)
    how = _how(session, consent, shown, asks=asks)
    outcome = execute(plan, session.world, session.setting, let_in=how)
    path = _record(session, outcome, consent.change, shown, approvals)
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
        f"{_mark(gate)} {gate.requirement} {gate.name}: {gate.found}"
        + (f" ({gate.skipped})" if gate.skipped else "")
        + ("" if gate.passed else f". To pass it: {gate.how}")
        for gate in gates
    ]


def _mark(gate: Gate) -> str:
    return "SKIPPED" if gate.skipped else "passed " if gate.passed else "MISSING"


def _how(session: Session, consent: Consent, shown: Shown, *, asks: bool) -> dict[str, Json]:
    """How it was let in, for the journal and the evidence: what was passed, skipped, and owed."""
    afterwards = asks and consent.emergency
    return {
        "change": consent.change.value,
        "asked": asked(session, consent) if asks else ASKS_NOBODY,
        "gates": [gate.found_out() for gate in shown.gates],
        "owed": [
            *shown.owed,
            *(owing_after_emergency(session.environment.tier) if afterwards else []),
        ],
    }


def _record(
    session: Session,
    outcome: Outcome,
    change: Change,
    shown: Shown,
    approvals: Sequence[Signature],
) -> Path:
    """Write the run's evidence; who ran it signs it afterwards."""
    entries = Journal(outcome.journal, session.setting.store).entries()
    about = About(
        tier=session.environment.tier,
        change=change,
        repeatable=False,
        hashes=dict(shown.hashes),
        costs=costs(session.world, entries, outcome.run),
        approvals=approvals,
    )
    folder = session.state / "evidence"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{outcome.run}.json"
    seal(collect(entries, outcome.run, about), []).write(path)
    return path


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
