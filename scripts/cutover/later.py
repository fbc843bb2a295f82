"""Later: the watch of the first week, a poll at a time, until the old sides go.

Each call looks once and ends; the next one goes on. As long as the old sides are kept, a breach
goes back by itself (ROLL-08).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from scripts.cutover.answers import Answers
from scripts.cutover.deciding import Ledger, worst
from scripts.cutover.decisions import Decision, Kind
from scripts.cutover.forward import leave
from scripts.cutover.hooks import Hooks
from scripts.cutover.judgement import Stage
from scripts.cutover.judging import Lookout
from scripts.cutover.limits import Period
from scripts.cutover.moving import MARGIN, is_leaving
from scripts.cutover.record import WATCH
from scripts.cutover.request import Cutover
from scripts.cutover.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Plan, Step, StepPendingError, Timeout, duration
from standards import figure

WEEK: Final = "watch the first week"


@dataclass(frozen=True, kw_only=True)
class Since:
    """What is watched: the forward run, and when its first minutes were over."""

    run: str
    at: float


def later(cutover: Cutover, since: Since, hooks: Hooks, answers: Answers) -> Plan[Stand]:
    """Look at `cutover` once more; take the old sides away once their time is over."""
    settings = cutover.settings
    steps = [_week(cutover, since, answers)]
    if settings.retain:
        steps += leave(cutover, hooks, answers)
    return Plan(
        target=cutover.target,
        command=WATCH,
        inputs={"cutover": cutover.inputs, "of": since.run, "since": since.at},
        steps=steps,
    )


def stages(cutover: Cutover, since: float) -> list[Stage]:
    """What is judged of the week after `since`."""
    return [
        replace(each.stage(since, cutover.settings, cutover.alarms), hold_seconds=inf)
        for each in cutover.plan.steps
        if each.period is Period.FIRST_WEEK
    ]


def _week(cutover: Cutover, since: Since, answers: Answers) -> Step[Stand]:
    settings = cutover.settings
    # The old sides go when their time is over, though the week is not.
    until = since.at + (settings.retain or figure("ROLL-06", "first_week_days").seconds)

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        ledger = Ledger(stand=stand, acting=acting, answers=answers)
        watched = stages(cutover, since.at)
        lookout = Lookout(stand=stand, ledger=ledger, stages=watched, name=WEEK)
        decision = ledger.ordered() or worst({each.name: lookout.look(each) for each in watched})
        if decision.kind is Kind.ROLL_BACK:
            ledger.go_back(decision, WEEK)
        if decision.kind is Kind.HOLD and stand.now() >= until:
            decision = replace(decision, kind=Kind.CONTINUE)
        ledger.write(decision, WEEK)
        if decision.kind is Kind.CONTINUE:
            stand.here.add(WEEK)
            return {"at": stand.now()}
        raise StepPendingError(_waiting(decision, until - stand.now()))

    return Step(
        id=WEEK,
        title="The first week",
        does="Looks once at all services, against the limits of their first week.",
        is_done=lambda stand: is_leaving(stand) or WEEK in stand.here,
        run=run,
        timeout=Timeout("a look", 2 * settings.read_back + MARGIN),
        on_failure="It goes back by itself while the old side is kept.",
        requirements=("ROLL-06", "ROLL-08", "MON-11"),
    )


def _waiting(decision: Decision, left: float) -> str:
    if decision.kind is Kind.ASK:
        return f"a person decides about {', '.join(sorted(decision.asked))}"
    return f"watched for {duration(max(left, 0))} more"
