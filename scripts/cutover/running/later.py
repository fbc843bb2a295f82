"""Later: what is watched once a cutover is over, a look at a time, by whoever calls next.

After a release that is its first week. As long as old sides are kept, a breach goes back by itself
(ROLL-08), and they only go once all was well. Afterwards steady state begins, which alarms watch.
After a rollback it is the old side, for as long as a release is watched closely (POST-04).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Finding, Kind
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.observations import Observations
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.deciding import Ledger, breached, worst
from scripts.cutover.running.forward import leave
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.judging import Lookout, first_minutes
from scripts.cutover.running.moving import MARGIN, is_leaving
from scripts.cutover.running.record import WATCH, WEEK
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
from scripts.runs.times import stamp
from standards import figure

KEPT: Final = "watch while the old side is kept"
STEADY: Final = "watch until the old side goes"
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
    return Plan(
        target=cutover.target,
        command=WATCH,
        inputs={"cutover": cutover.inputs, "of": since.run, "since": since.at},
        steps=[_old_side(cutover, since)] if since.is_back else [*_release(cutover, since, hooks)],
    )


def until(cutover: Cutover, since: Since) -> float:
    """When it is watched to its end."""
    week = figure("ROLL-06", "first_week_days").seconds
    return since.at + (_close(cutover) if since.is_back else max(week, cutover.settings.retain))


def _close(cutover: Cutover) -> float:
    """How long an old side is watched closely after a rollback."""
    return cutover.settings.first_minutes or figure("ROLL-11", "watch_minutes").seconds


def _release(cutover: Cutover, since: Since, hooks: Hooks) -> Iterator[Step[Stand]]:
    """The first week, and the old sides' end: within it, at its end, or after it."""
    week = figure("ROLL-06", "first_week_days").seconds
    retain = cutover.settings.retain
    kept = _Watch(cutover, hooks, id=KEPT, since=since.at, lasts=retain, is_kept=True)
    first = replace(kept, id=WEEK, lasts=week, is_kept=False, serves=("MON-11", "MON-14"))
    if retain < week:
        if retain:
            yield kept.step()
            yield from leave(cutover, hooks)
        yield first.step()
        return
    yield replace(first, is_kept=True).step()
    if rest := retain - week:
        steady = replace(kept, id=STEADY, period=Period.STEADY, since=since.at + week, lasts=rest)
        yield replace(steady, serves=("MON-12",)).step()
    yield from leave(cutover, hooks)


@dataclass(frozen=True)
class _Watch:
    """A time after the first minutes in which all services are looked at."""

    cutover: Cutover
    hooks: Hooks
    _: KW_ONLY
    id: str
    since: float
    lasts: float
    period: Period = Period.FIRST_WEEK
    is_kept: bool = False
    """Whether the old sides are there as long as it lasts."""
    serves: tuple[str, ...] = ("MON-11",)

    def step(self) -> Step[Stand]:
        settings = self.cutover.settings
        back = (
            "It goes back by itself: the old side is kept."
            if self.is_kept
            else "The old side is gone. To bring the old release up again, by its digest, and send "
            f"all traffic there: slipway cutover rollback {self.cutover.environment} --execute"
        )
        return Step(
            id=self.id,
            title=f"The {self.period}",
            does=f"Looks once at all services, against the limits of the {self.period}"
            + ("; at its end it measures what is usual now." if self.id == WEEK else "."),
            is_done=lambda stand: self.id in stand.here or (self.is_kept and is_leaving(stand)),
            run=self._look,
            timeout=Timeout("a look", 2 * settings.read_back + 2 * MARGIN),
            on_failure=back,
            requirements=("ROLL-06", "ROLL-08", *self.serves),
        )

    def _look(self, stand: Stand, acting: Acting) -> Mapping[str, Json]:
        ledger = Ledger(stand=stand, acting=acting)
        decision = ledger.ordered() or _judged(self._stages(), self.id, ledger)
        if decision.kind is Kind.ROLL_BACK and self.is_kept:
            ledger.go_back(decision, self.id)
        ledger.write(decision, self.id)
        _unless_well(decision, self.since + self.lasts - stand.now(), self.cutover)
        facts = {"at": stand.now(), **self._baseline()}
        stand.here.add(self.id)
        return facts

    def _stages(self) -> list[Stage]:
        """What is judged; what is not decided at the end, a person decides."""
        return [
            replace(
                each.stage(self.since, self.cutover.settings, self.cutover.alarms),
                bake_seconds=self.lasts,
                hold_seconds=0,
            )
            for each in self.cutover.plan.steps
            if each.period is self.period
        ]

    def _baseline(self) -> Mapping[str, Json]:
        """What the services are like, for the next release to be compared with (MON-14).

        Raises:
            StepPendingError: they could not be measured now.
        """
        if self.hooks.baseline is None or self.id != WEEK:
            return {}
        try:
            return {"baseline": self.hooks.baseline()}
        except (CommandError, TimeoutError) as error:
            raise StepPendingError(f"the new baseline (MON-14) is not measured: {error}") from error


def _old_side(cutover: Cutover, since: Since) -> Step[Stand]:
    settings = cutover.settings
    lasts = _close(cutover)

    def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
        ledger = Ledger(stand=stand, acting=acting)
        stages = [
            replace(each, bake_seconds=lasts, hold_seconds=0)
            for each in first_minutes(stand, since.at)
        ]
        decision = _judged(
            stages, OLD_SIDE, ledger, lambda seen: replace(seen, new=seen.old, old={})
        )
        ledger.write(decision, OLD_SIDE)
        _unless_well(decision, since.at + lasts - stand.now(), cutover)
        stand.here.add(OLD_SIDE)
        return {"at": stand.now()}

    return Step(
        id=OLD_SIDE,
        title="The old side, after the rollback",
        does="Looks once at what users get since, against the limits of the first minutes.",
        is_done=lambda stand: OLD_SIDE in stand.here,
        run=run,
        timeout=Timeout("a look", 2 * settings.read_back + MARGIN),
        on_failure="There is nothing to go back to: page the person on call.",
        requirements=("POST-04", "ROLL-11"),
    )


def _judged(
    stages: list[Stage],
    name: str,
    ledger: Ledger,
    sees: Callable[[Observations], Observations] = lambda seen: seen,
) -> Decision:
    """What all `stages` together come to now; what they ask for is asked."""
    lookout = Lookout(stand=ledger.stand, ledger=ledger, stages=stages, name=name, sees=sees)
    return worst({each.name: lookout.look(each) for each in stages})


def _unless_well(decision: Decision, left: float, cutover: Cutover) -> None:
    """Go on only where all of it passed, or a person let it.

    Raises:
        StepFailedError: it is breached, or nobody answered what was asked.
        StepPendingError: it is not over, or a person decides.
    """
    match decision.kind:
        case Kind.CONTINUE:
            return
        case Kind.ROLL_BACK:
            raise StepFailedError("; ".join(map(str, breached(decision.reasons))))
        case Kind.ASK:
            gates = ", ".join(sorted(decision.asked))
            until = (
                f" until {stamp(datetime.fromtimestamp(decision.until, UTC))}"
                if decision.until is not None
                else ""
            )
            raise StepPendingError(
                f"a person decides{until} about {gates}: slipway cutover answer "
                f"{cutover.environment} go-on|roll-back"
            )
        case _:
            open_ = sum(each.finding is not Finding.PASSED for each in decision.reasons)
            more = f"watched for {duration(left)} more" if left > 0 else f"{open_} are open"
            raise StepPendingError(more)
