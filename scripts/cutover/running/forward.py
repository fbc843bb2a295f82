"""The way forward: the plan of a cutover as steps that are run, killed and resumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.request import Cutover
from scripts.cutover.planning.steps import Step as Planned
from scripts.cutover.planning.steps import weight_id
from scripts.cutover.running.checking import refusals
from scripts.cutover.running.hooks import Hooks, Moment, Smoke
from scripts.cutover.running.judging import first_minutes, on, patience, smoke, watch
from scripts.cutover.running.moving import (
    BACK,
    MARGIN,
    confirm,
    is_leaving,
    retire,
    size,
    weigh,
)
from scripts.cutover.running.record import CHECK, FORWARD, MINUTES, VERIFY
from scripts.cutover.running.stand import Stand
from scripts.cutover.running.stated import stated
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Plan, Step, StepFailedError, Timeout
from standards import figure


def forward(cutover: Cutover, hooks: Hooks) -> Plan[Stand]:
    """Every step of `cutover`, from the checks to the old sides' end."""
    return Plan(
        target=cutover.target,
        command=FORWARD,
        inputs=cutover.inputs,
        steps=list(_Forward(cutover, hooks).steps()),
    )


def leave(cutover: Cutover, hooks: Hooks) -> Iterator[Step[Stand]]:
    """The steps from which no weights lead back: the old sides go, last."""
    yield confirm(len(cutover.order), cutover.settings)
    for service in cutover.order:
        yield retire(service, cutover.settings)
    yield from hooks.database.after


@dataclass(frozen=True)
class _Forward:
    cutover: Cutover
    hooks: Hooks

    def steps(self) -> Iterator[Step[Stand]]:
        cutover, settings = self.cutover, self.cutover.settings
        yield self._check()
        yield from self.hooks.database.before
        for service in cutover.order:
            for planned in cutover.window(service):
                yield size(planned, settings)
                if planned is cutover.window(service)[0] and self.hooks.smoke:
                    yield self._smoke(self.hooks.smoke, service)
                yield weigh(planned, settings)
                yield self._judge(planned)
        yield self._verify()
        yield self._minutes()
        if not settings.retain:
            yield from leave(cutover, self.hooks)

    def _check(self) -> Step[Stand]:
        def run(stand: Stand, _acting: Acting) -> Mapping[str, Json]:
            if found := refusals(stand, self.hooks):
                raise StepFailedError("; ".join(found))
            stand.past.settled[CHECK] = stand.now()
            rollback = stated(self.cutover, self.hooks).facts()
            record = {**self.hooks.facts, **self.hooks.record}
            return {"at": stand.now(), "rollback": rollback, **record}

        return Step(
            id=CHECK,
            title="Whether it may start",
            does="Sees that each gate could do its work, that both sides are there, and that "
            "nothing is breached already. Reads only.",
            is_done=lambda stand: CHECK in stand.past.settled,
            run=run,
            timeout=Timeout("checks", 300.0),
            on_failure="Nothing was changed. Mend it, and run it again.",
            requirements=("AUD-02", "GATE-05", "PIPE-11", "ROLL-03", "ROLL-04", "ROLL-05"),
        )

    def _smoke(self, tests: Smoke, service: str) -> Step[Stand]:
        name = f"{service} smoke"

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            smoke(tests, Moment.NEW_SIDE, [service], stand, acting)
            return {"at": stand.now()}

        return Step(
            id=name,
            title=f"{service}: smoke tests without users",
            does="Tests the new side before any user's request goes there.",
            is_done=lambda stand: is_leaving(stand) or _went_on(stand, name, 0.0),
            run=run,
            timeout=self._smoke_time(),
            on_failure=BACK,
            requirements=("SMOKE-07",),
        )

    def _judge(self, planned: Planned) -> Step[Stand]:
        name = f"{planned.service} judge {planned.weight}"
        settings = self.cutover.settings
        longest = patience([planned.stage(0.0, settings, self.cutover.alarms)], settings)

        def is_done(stand: Stand) -> bool:
            if is_leaving(stand):
                return True
            since = stand.past.settled.get(weight_id(planned))
            return since is not None and _went_on(stand, name, since)

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            *others, own = on(stand)
            stage = replace(own, hold_seconds=own.bake_seconds)
            watch([stage], others, longest, stand, acting)
            return {"decision": stand.past.sequence}

        return Step(
            id=name,
            title=f"{planned.service}: judged at {planned.weight} %",
            does="Holds it against its gates at each poll, until each has passed.",
            is_done=is_done,
            run=run,
            timeout=Timeout(f"{planned.service}: {planned.name} judged", longest + MARGIN),
            on_failure=BACK,
            requirements=("ROLL-06", "ROLL-07", "ROLL-10", "PIPE-03"),
        )

    def _verify(self) -> Step[Stand]:
        """The deployment window ends with it."""

        def is_done(stand: Stand) -> bool:
            if is_leaving(stand):
                return True
            last = max(
                stand.past.settled.get(weight_id(self.cutover.window(service)[-1]), float("inf"))
                for service in self.cutover.order
            )
            return stand.past.settled.get(VERIFY, 0.0) >= last

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            if tests := self.hooks.smoke:
                order = self.cutover.order
                smoke(tests, Moment.ALL_TRAFFIC, order, stand, acting)
            stand.past.settled[VERIFY] = stand.now()
            for service in self.cutover.order:
                stand.past.forget(service)
            return {"at": stand.now()}

        return Step(
            id=VERIFY,
            title="Production verification",
            does="Runs the smoke tests against what users get; the deployment window ends.",
            is_done=is_done,
            run=run,
            timeout=self._smoke_time(),
            on_failure=BACK,
            requirements=("PIPE-09", "PIPE-14", "SMOKE-07", "SMOKE-11") if self.hooks.smoke else (),
        )

    def _smoke_time(self) -> Timeout:
        settings = self.cutover.settings
        limit = figure("SMOKE-06", "duration_below_minutes").seconds
        seconds = limit + settings.ask + settings.poll + MARGIN
        return Timeout("smoke tests, and a question about them", seconds)

    def _minutes(self) -> Step[Stand]:
        settings = self.cutover.settings
        watched = [each for each in self.cutover.plan.steps if each.period is Period.FIRST_MINUTES]
        empty = [each.stage(0.0, settings, self.cutover.alarms) for each in watched]
        longest = patience(empty, settings)

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            stages = first_minutes(stand, stand.past.settled[VERIFY])
            watch(stages, [], longest, stand, acting)
            stand.past.settled[MINUTES] = stand.now()
            return {"at": stand.now()}

        return Step(
            id=MINUTES,
            title="The first minutes with all traffic",
            does="Holds all services against the limits of their first minutes.",
            is_done=lambda stand: (
                is_leaving(stand)
                or _went_on(stand, MINUTES, stand.past.settled.get(VERIFY, float("inf")))
            ),
            run=run,
            timeout=Timeout("first minutes", longest + MARGIN),
            on_failure=BACK,
            requirements=("ROLL-06", "ROLL-08", "POST-01", "POST-04"),
        )


def _went_on(stand: Stand, step: str, since: float) -> bool:
    """Whether it was decided that `step` is passed, after `since`."""
    decided = stand.past.decided.get(step)
    return decided is not None and decided.kind is Kind.CONTINUE and decided.at >= since
