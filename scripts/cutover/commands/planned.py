"""What a plan holds each weight against, and how long it takes, as people read it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scripts.cutover.judgement.gates import Action, Event, Gate, Level, Share
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.verdicts import TWICE, compared
from scripts.cutover.planning.plan import CutoverPlan
from scripts.cutover.planning.request import Cutover
from scripts.cutover.planning.steps import Settings, Step
from scripts.cutover.report import findings, words
from scripts.cutover.running.hooks import Hooks
from scripts.runs.steps import duration
from standards import figure

_PERIODS: Final = {
    Period.WINDOW: "the deployment window",
    Period.FIRST_MINUTES: "the first minutes with all traffic",
    Period.FIRST_WEEK: "the first week, for `slipway cutover watch`: the run does not wait for it",
}


def held_against(plan: CutoverPlan) -> Iterator[RenderableType]:
    """Each service and period: its weights, then its gates, by what follows from them."""
    for each in plan.merged:
        yield Padding(f"Left out: {each}", (0, 0, 0, 2))
    for (period, service), steps in groupby(plan.steps, lambda each: (each.period, each.service)):
        own = list(steps)
        yield Text(f"\n{service}, in {_PERIODS.get(period, period)}:", style="bold")
        yield Padding(_weights(own), (0, 0, 0, 2))
        for action in Action:
            gates = [gate for gate in own[0].gates if gate.action is action]
            if gates:
                yield Text(f"  {_then(action, plan.settings)}:")
                yield Padding(_gates(gates, own), (0, 0, 0, 4))


def _then(action: Action, settings: Settings) -> str:
    if action is Action.ASK:
        return f"asks a person, who has {duration(settings.ask)} to answer; then it rolls back"
    return action.value


def _weights(steps: Sequence[Step]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in steps:
        instances = f"{each.instances} instance{'s' * (each.instances != 1)}"
        expected = f"{each.requests:,.0f} requests expected"
        table.add_row(each.name, instances, f"at least {duration(each.bake)}", expected)
    return table


def _gates(gates: Sequence[Gate], steps: Sequence[Step]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("")
    for name in ("limit", "baseline", "decided by", "by mistake"):
        table.add_column(name, justify="right")
    table.add_column("source")
    table.add_column("cited")
    for gate in gates:
        everywhere = [each for step in steps for each in step.gates if each.id == gate.id]
        table.add_row(
            gate.what,
            _limit(gate),
            _baseline(gate),
            _decided_by(everywhere),
            _mistakes(everywhere),
            gate.source,
            words.cited(gate.cited),
        )
    return table


def _limit(gate: Gate) -> str:
    match gate:
        case Share():
            against = compared(gate, None)
            return findings.limit(gate, against.limit if against else gate.limit)
        case Level():
            return findings.limit(gate, gate.limit)
        case _:
            return findings.limit(gate, 0)


def _baseline(gate: Gate) -> str:
    against = compared(gate, None) if isinstance(gate, Share) else None
    return words.share(against.baseline) if against else ""


def _decided_by(gates: Sequence[Gate]) -> str:
    """How much data decides a gate, at the weights that it has."""
    first = gates[0]
    needed = [
        against.test.needed()
        for gate in gates
        if isinstance(gate, Share) and (against := compared(gate, None))
    ]
    if needed:
        least, most = f"{min(needed):,.0f}", f"{max(needed):,.0f}"
        range_ = least if least == most else f"{least}-{most}"
        return f"{range_} {findings.unit(first)}s"
    if isinstance(first, Event):
        return f"{duration(first.window)} of them" if first.window else "1 point"
    if isinstance(first, Level) and first.is_mean:
        return "the mean"
    return f"{TWICE} points"


def _mistakes(gates: Sequence[Gate]) -> str:
    """The chance that a healthy release is taken for a bad one, at all weights together."""
    parts = [gate.alpha for gate in gates if isinstance(gate, Share)]
    return f"{sum(parts):.1e}" if parts else ""


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """A part of the time that a cutover takes."""

    what: str
    least: float
    most: float


def lasting(cutover: Cutover, hooks: Hooks) -> Iterator[Lasting]:
    """What a cutover takes its time for, where nobody is asked and all goes well."""
    settings = cutover.settings
    steps = [each for each in cutover.plan.steps if each.period is Period.WINDOW]
    count = len(steps)
    if database := [*hooks.database.before]:
        most = float(sum(each.timeout.seconds for each in database))
        yield Lasting(what="the database", least=0, most=most)
    yield Lasting(
        what=f"new instances come up, {count} times (SVC-02)",
        least=0,
        most=count * settings.starting,
    )
    if hooks.smoke:
        tests = len(cutover.order) + 1
        limit = figure("SMOKE-06", "duration_below_minutes").seconds
        what = f"smoke tests, {tests} times (SMOKE-06)"
        yield Lasting(what=what, least=0, most=float(tests * limit))
    each = settings.set_weights + settings.read_back
    yield Lasting(what=f"weights set and read back, {count} times", least=0, most=count * each)
    bakes = sum(step.bake for step in steps)
    yield Lasting(what="each weight judged", least=bakes, most=2 * bakes)
    first = settings.first_minutes or figure("ROLL-06", "first_period_minutes").seconds
    yield Lasting(what="the first minutes judged", least=float(first), most=2.0 * first)


def times(cutover: Cutover, hooks: Hooks, longest: float) -> Iterator[RenderableType]:
    """How long it takes, by its parts; `longest` is the sum of its steps' timeouts."""
    parts = list(lasting(cutover, hooks))
    least, most = (sum(getattr(each, name) for each in parts) for name in ("least", "most"))
    yield Text("How long it takes:", style="bold")
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in parts:
        span = f"up to {duration(each.most)}"
        if each.least:
            span = f"{duration(each.least)}, {span} where traffic is slow to decide"
        table.add_row(f"  {each.what}", span)
    yield table
    yield Padding(
        f"Together {duration(least)} where all is quick, up to {duration(most)} where nobody is "
        f"asked, and never more than {duration(longest)}: by then it has ended, or goes back.",
        (0, 0, 0, 2),
    )
