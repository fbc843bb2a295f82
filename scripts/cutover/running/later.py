"""Later: what is watched once a cutover is over, a look at a time, by whoever calls next.

After a release that is its first week, at the end of which the old sides go that were kept; as long
as they are there, a breach goes back by itself (ROLL-08). After a rollback it is the old side, for
as long as a release is watched closely (POST-04).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.judge import Stage, judge
from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.deciding import Ledger, worst
from scripts.cutover.running.forward import leave
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.judging import Lookout, first_minutes
from scripts.cutover.running.moving import MARGIN, is_leaving
from scripts.cutover.running.record import WATCH
from scripts.cutover.running.stand import Stand
from scripts.exits import CommandError
from scripts.runs.canonical import Json
from scripts.runs.steps import (
    Acting,
    Plan,
    Step,
    StepFailedError,
    StepPendingError,
    Timeout,
    duration,
)
from standards import figure

WEEK: Final = "watch the first week"
OLD_SIDE: Final = "watch the old side"


@dataclass(frozen=True, kw_only=True)
class Since:
    """What is watched: the forward run, and when it or its rollback was over."""

    run: str
    at: float
    is_back: bool = False
    """Whether it was taken back."""


def later(cutover: Cutover, since: Since, hooks: Hooks) -> Plan[Stand]:
    """Look at `cutover` once more; take the old sides away once their time is over."""
    if since.is_back:
        steps = [_old_side(cutover, since)]
    else:
        steps = [_week(cutover, since, hooks)]
        if cutover.settings.retain:
            steps += leave(cutover, hooks)
    return Plan(
        target=cutover.target,
        command=WATCH,
        inputs={"cutover": cutover.inputs, "of": since.run, "since": since.at},
        steps=steps,
    )


def _stages(cutover: Cutover, since: float) -> list[Stage]:
    """What is judged of the week after `since`."""
    return [
        replace(each.stage(since, cutover.settings, cutover.alarms), hold_seconds=inf)
        for each in cutover.plan.steps
        if each.period is Period.FIRST_WEEK
    ]


def _week(cutover: Cutover, since: Since, hooks: Hooks) -> Step[Stand]:
    settings = cutover.settings
    # The old sides go when their time is over, though the week is not.
    until = since.at + (settings.retain or figure("ROLL-06", "first_week_days").seconds)

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        ledger = Ledger(stand=stand, acting=acting)
        stages = _stages(cutover, since.at)
        lookout = Lookout(stand=stand, ledger=ledger, stages=stages, name=WEEK)
        decision = ledger.ordered() or worst({each.name: lookout.look(each) for each in stages})
        if decision.kind is Kind.ROLL_BACK:
            ledger.go_back(decision, WEEK)
        if decision.kind is Kind.HOLD and stand.now() >= until:
            decision = replace(decision, kind=Kind.CONTINUE)
        ledger.write(decision, WEEK)
        if decision.kind is not Kind.CONTINUE:
            raise StepPendingError(_waiting(decision, until - stand.now()))
        stand.here.add(WEEK)
        return {"at": stand.now(), **_baseline(hooks)}

    return Step(
        id=WEEK,
        title="The first week",
        does="Looks once at all services, against the limits of their first week; at its end it "
        "measures what is usual now.",
        is_done=lambda stand: is_leaving(stand) or WEEK in stand.here,
        run=run,
        timeout=Timeout("a look", 2 * settings.read_back + 2 * MARGIN),
        on_failure="It goes back by itself while the old side is kept.",
        requirements=("ROLL-06", "ROLL-08", "MON-11"),
    )


def _baseline(hooks: Hooks) -> Mapping[str, Json]:
    """What the services are like, for the next release to be compared with (MON-14)."""
    if hooks.baseline is None:
        return {}
    try:
        return {"baseline": hooks.baseline()}
    except (CommandError, TimeoutError) as error:
        return {"baseline_missing": str(error)}


def _old_side(cutover: Cutover, since: Since) -> Step[Stand]:
    settings = cutover.settings
    lasts = settings.first_minutes or figure("ROLL-11", "watch_minutes").seconds
    until = since.at + lasts

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        found: dict[str, Decision] = {}
        for stage in first_minutes(stand, since.at):
            seen = stand.patient(lambda of=stage: stand.world.watch.observe(of))
            there = replace(seen, new=seen.old, old={}, question=None)
            found[stage.name] = judge(replace(stage, hold_seconds=inf), there, stand.now())
        decision, ledger = worst(found), Ledger(stand=stand, acting=acting)
        is_breached = decision.kind in {Kind.ROLL_BACK, Kind.ASK}
        if not is_breached and stand.now() >= until:
            decision = replace(decision, kind=Kind.CONTINUE)
        if is_breached:
            # There is nothing to go back to: a person has to look.
            decision = replace(decision, kind=Kind.ASK)
        ledger.write(decision, OLD_SIDE)
        if is_breached:
            raise StepFailedError("the old side does not hold its limits, either")
        if decision.kind is not Kind.CONTINUE:
            raise StepPendingError(_waiting(decision, until - stand.now()))
        stand.here.add(OLD_SIDE)
        return {"at": stand.now()}

    return Step(
        id=OLD_SIDE,
        title="The old side, after the rollback",
        does="Looks once at what users get since, against the limits of the first minutes.",
        is_done=lambda stand: OLD_SIDE in stand.here,
        run=run,
        timeout=Timeout("a look", 2 * settings.read_back + MARGIN),
        on_failure="Page the person on call.",
        requirements=("POST-04",),
    )


def _waiting(decision: Decision, left: float) -> str:
    if decision.kind is Kind.ASK:
        return f"a person decides about {', '.join(sorted(decision.asked))}"
    return f"watched for {duration(max(left, 0))} more"
