"""A cutover before it is run: steps, gates, times, bound, what the database change allows."""

import json
from collections.abc import Iterator, Sequence

from scripts.cutover.judgement.gates import Gate, Share
from scripts.cutover.judgement.verdicts import compared
from scripts.cutover.planning.plan import describe
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.back import bound
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, duration
from standards import figure


def described(cutover: Cutover, plan: Plan[Stand], hooks: Hooks, refused: Sequence[str]) -> str:
    """It, for people."""
    lines = [
        f"{plan.command} on {plan.target}, plan {plan.hash}",
        *(f"  {name}: {each.old} -> {each.new}" for name, each in cutover.releases.items()),
        "",
        "Steps, in order:",
        *(f"  {number:>2}. {step.title}" for number, step in enumerate(plan.steps, 1)),
        "",
        "What each weight is held against:",
        *(f"  {line}" for line in describe(cutover.plan).splitlines()[:-2]),
        "",
        *_times(cutover, hooks),
        "",
        *_database(hooks),
        *_refused(refused),
        "Nothing was changed; --execute runs it.",
    ]
    return "\n".join(lines) + "\n"


def for_programs(cutover: Cutover, plan: Plan[Stand], hooks: Hooks, refused: Sequence[str]) -> str:
    """It, for programs."""
    said: dict[str, Json] = {
        "target": plan.target,
        "command": plan.command,
        "plan": plan.hash,
        "inputs": plan.inputs,
        "steps": [
            {
                "id": step.id,
                "title": step.title,
                "does": step.does,
                "timeout": {"name": step.timeout.name, "seconds": float(step.timeout.seconds)},
                "on_failure": step.on_failure,
                "requirements": step.requirements,
            }
            for step in plan.steps
        ],
        "stages": [
            {
                "service": each.service,
                "name": each.name,
                "weight": each.weight,
                "instances": each.instances,
                "bake_seconds": each.bake,
                "requests": each.requests,
                "gates": [_gate(gate) for gate in each.gates],
            }
            for each in cutover.plan.steps
        ],
        "merged": list(cutover.plan.merged),
        "window_seconds": cutover.plan.seconds,
        "rollback": [
            {"name": each.name, "seconds": float(each.seconds)} for each in bound(cutover, hooks)
        ],
        "rollback_bound_seconds": float(sum(each.seconds for each in bound(cutover, hooks))),
        "database": list(hooks.database.says),
        "refused": list(refused),
    }
    return json.dumps(said, indent=2) + "\n"


def _gate(gate: Gate) -> Json:
    against = compared(gate, None) if isinstance(gate, Share) else None
    return {
        "id": gate.id,
        "what": gate.what,
        "requirement": gate.requirement,
        "cited": gate.cited,
        "action": gate.action.value,
        "source": gate.source.value,
        "window_seconds": float(gate.window),
        **(
            {
                "baseline": against.baseline,
                "limit": against.limit,
                "needed_requests": _finite(against.test.needed()),
            }
            if against
            else {}
        ),
    }


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def _times(cutover: Cutover, hooks: Hooks) -> Iterator[str]:
    window = duration(cutover.plan.seconds)
    first = figure("ROLL-06", "first_period_minutes").seconds
    yield (
        f"The deployment window takes {window} when all goes well, and the first minutes after it "
        f"{duration(cutover.settings.first_minutes or first)}."
    )
    timeouts = bound(cutover, hooks)
    limit = figure("ROLL-01", "duration_below_minutes")
    yield (
        f"A rollback ends within {duration(sum(each.seconds for each in timeouts))} ({limit}: "
        f"under {limit.minutes} min):"
    )
    yield from (f"  {each}" for each in timeouts)
    retained = cutover.settings.retain
    kept = f"for {duration(retained)} more" if retained else "no longer"
    yield f"The old side stays full until the first minutes are over, and is kept {kept}."


def _database(hooks: Hooks) -> Iterator[str]:
    if not hooks.database.says:
        yield "The database is not changed."
    else:
        yield "The database:"
        yield from (f"  {line}" for line in hooks.database.says)
    yield ""


def _refused(refused: Sequence[str]) -> Iterator[str]:
    if refused:
        yield "It would be refused now:"
        yield from (f"  - {each}" for each in refused)
        yield ""
