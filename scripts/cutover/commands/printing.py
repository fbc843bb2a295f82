"""A cutover before it is run: steps, gates, times, bound, what the database change allows."""

import json
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from scripts.cutover.commands.planned import held_against, lasting, times
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.verdicts import TWICE, compared
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.back import bound
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.stand import Stand
from scripts.cutover.running.stated import stated
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, duration
from standards import figure


def described(
    cutover: Cutover, plan: Plan[Stand], hooks: Hooks, refused: Sequence[str]
) -> Iterator[RenderableType]:
    """It, for people."""
    yield Text(f"{plan.command} on {plan.target}, plan {plan.hash}", style="bold")
    for name, each in cutover.releases.items():
        yield Text(f"  {name}: {each.old} -> {each.new}")
    yield Text("\nSteps, in order:", style="bold")
    for number, step in enumerate(plan.steps, 1):
        yield Text(f"  {number:>2}. {step.title}")
    yield Text("\nWhat it is held against:", style="bold")
    yield from held_against(cutover.plan)
    yield Text("")
    yield from times(cutover, hooks, plan.bound)
    yield from _back(cutover, hooks)
    yield from _database(hooks)
    yield from _refused(refused)
    yield Text("\nNothing was changed; --execute runs it.")


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
        "duration": [
            {"what": each.what, "least_seconds": each.least, "most_seconds": each.most}
            for each in lasting(cutover, hooks)
        ],
        "longest_seconds": float(plan.bound),
        "ask_seconds": float(cutover.settings.ask),
        "default_answer": Stage.default.value,
        "rollback": [
            {"name": each.name, "seconds": float(each.seconds)} for each in bound(cutover, hooks)
        ],
        "rollback_bound_seconds": float(sum(each.seconds for each in bound(cutover, hooks))),
        "rollback_plan": stated(cutover, hooks).facts(),
        "database": list(hooks.database.says),
        "refused": list(refused),
    }
    return json.dumps(said, indent=2) + "\n"


def _gate(gate: Gate) -> Json:
    return {
        "id": gate.id,
        "what": gate.what,
        "requirement": gate.requirement,
        "cited": gate.cited,
        "action": gate.action.value,
        "source": gate.source.value,
        "window_seconds": float(gate.window),
        **_threshold(gate),
    }


def _threshold(gate: Gate) -> dict[str, Json]:
    """What breaches it, and how much data that takes."""
    match gate:
        case Share() if against := compared(gate, None):
            return {
                "limit": against.limit,
                "baseline": against.baseline,
                "needed_requests": _finite(against.test.needed()),
                "false_alarms": gate.alpha,
            }
        case Level():
            return {
                "limit": float(gate.limit),
                "unit": gate.unit.strip(),
                "is_minimum": gate.is_minimum,
                "is_mean": gate.is_mean,
                "needed_points": 1 if gate.is_mean else TWICE,
            }
        case Event():
            return {"limit": 0, "needed_points": 1}
        case _:
            return {}


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def _back(cutover: Cutover, hooks: Hooks) -> Iterator[RenderableType]:
    timeouts = bound(cutover, hooks)
    limit = figure("ROLL-01", "duration_below_minutes")
    yield Text(
        f"\nA rollback ends within {duration(sum(each.seconds for each in timeouts))} ({limit}: "
        f"under {limit.minutes} min):"
    )
    yield from (Text(f"  {each}") for each in timeouts)
    retained = cutover.settings.retain
    kept = f"for {duration(retained)} more" if retained else "no longer"
    yield Text(f"The old side stays full until the first minutes are over, and is kept {kept}.")
    plan = stated(cutover, hooks)
    yield Text("It goes back to:")
    yield from (Text(f"  {name} {release}") for name, release in plan.target.items())
    yield Text("Who decides (ROLL-04, ROLL-10):")
    yield from (Padding(each, (0, 0, 0, 2)) for each in plan.decides)


def _database(hooks: Hooks) -> Iterator[RenderableType]:
    if not hooks.database.says:
        yield Text("\nThe database is not changed.")
    else:
        yield Text("\nThe database:", style="bold")
        yield from (Padding(line, (0, 0, 0, 2)) for line in hooks.database.says)


def _refused(refused: Sequence[str]) -> Iterator[RenderableType]:
    if refused:
        yield Text("\nIt would be refused now:", style="bold red")
        yield from (Text(f"  - {each}") for each in refused)
