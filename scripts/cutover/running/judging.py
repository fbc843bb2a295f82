"""Judging: stages are looked at at each poll until they pass, or the cutover goes back.

Who is on the new side is never out of sight: while one step waits for something else, it looks at
the stages that are on.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from math import inf
from threading import Thread
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.judge import Stage, judge
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.observations import Answer, Observations
from scripts.cutover.planning.steps import Settings, weight_id
from scripts.cutover.running.deciding import Ledger, going_back, worst
from scripts.cutover.running.hooks import Moment, Smoke
from scripts.cutover.running.record import VERIFY
from scripts.cutover.running.stand import Stand
from scripts.runs.steps import Acting, duration

_CALM: Final = frozenset({Kind.CONTINUE, Kind.HOLD})


def patience(stages: Sequence[Stage], settings: Settings) -> float:
    """How long stages may take: to bake, to be decided, and two questions after each other."""
    longest = max(each.bake_seconds + each.hold_seconds for each in stages)
    return longest + settings.blind + 2 * settings.ask + 2 * settings.poll


def on(stand: Stand) -> list[Stage]:
    """The stages that users are in now: the highest weight of each service that was set.

    They passed, or are about to be judged: none of them has to be decided in a time. Once the
    production verification is passed, they are those of the first minutes.
    """
    if (verified := stand.past.settled.get(VERIFY)) is not None:
        return [replace(stage, hold_seconds=inf) for stage in first_minutes(stand, verified)]
    found: list[Stage] = []
    for service in stand.cutover.order:
        steps = [
            (each, stand.past.settled[weight_id(each)])
            for each in stand.cutover.window(service)
            if weight_id(each) in stand.past.settled
        ]
        if steps:
            planned, since = steps[-1]
            stage = planned.stage(since, stand.cutover.settings, stand.cutover.alarms)
            found.append(replace(stage, hold_seconds=inf))
    return found


def first_minutes(stand: Stand, since: float) -> list[Stage]:
    """The stages after the window, which ended at `since`."""
    cutover = stand.cutover
    return [
        planned.stage(since, cutover.settings, cutover.alarms)
        for planned in cutover.plan.steps
        if planned.period is Period.FIRST_MINUTES
    ]


@dataclass(kw_only=True)
class Lookout:
    """Looks at stages while a step is under way."""

    stand: Stand
    ledger: Ledger
    stages: Sequence[Stage]
    name: str
    """What the step is about, for people."""
    sees: Callable[[Observations], Observations] = lambda seen: seen
    """What counts of all that is there: after a rollback the side that serves is the old one."""
    _looked: float = -inf
    _is_asking: bool = False

    @classmethod
    def on(cls, stand: Stand, acting: Acting, name: str) -> "Lookout":
        """Looks at the stages that are on."""
        ledger = Ledger(stand=stand, acting=acting)
        return cls(stand=stand, ledger=ledger, stages=on(stand), name=name)

    def glance(self) -> None:
        """Look, if it is time to, and go back where that is decided.

        Raises:
            GoingBackError: it was decided, and written down, that the cutover goes back.
        """
        now = self.stand.now()
        if now - self._looked < self.stand.cutover.settings.poll:
            return
        self._looked = now
        decision = self.ledger.ordered()
        if decision is None and self.stages:
            decision = worst({each.name: self.look(each) for each in self.stages})
        self._is_asking = decision is not None and decision.kind is Kind.ASK
        if decision and decision.kind is Kind.ROLL_BACK:
            self.ledger.go_back(decision, self.name)
        if decision and decision.kind is Kind.ASK:
            self.ledger.write(decision, self.name)

    def look(self, stage: Stage) -> Decision:
        """What `stage` comes to now; what it asks for is asked."""
        seen = self._seen(stage)
        question = self.ledger.asked(stage.name, stage.since)
        found = judge(stage, replace(seen, question=question), self.stand.now())
        if found.kind is Kind.ASK:
            self.ledger.ask(stage.name, found, stage.since)
        return found

    def _seen(self, stage: Stage) -> Observations:
        """What is seen now, and of a series that is not there now what was seen last.

        Its points get old by themselves; one answer that did not come says nothing.
        """
        last = self.stand.seen.get(stage.name, Observations(new={}))
        try:
            now = self.sees(self.stand.world.watch.observe(stage))
        except TimeoutError:
            return last
        seen = replace(now, new={**last.new, **now.new}, old={**last.old, **now.old})
        self.stand.seen[stage.name] = seen
        return seen

    def calm(self) -> None:
        """Wait while a question is open: nobody goes further before it is answered.

        Raises:
            GoingBackError: it was decided, and written down, that the cutover goes back.
        """
        self.glance()
        while self._is_asking:
            self.stand.world.clock.sleep(self.stand.cutover.settings.poll)
            self.ledger.acting.check()
            self.glance()

    def until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Whether `is_so` within `seconds`; what times out may have happened, and is asked again.

        The lease is checked before each try: nobody acts who may not.
        """

        def is_it() -> bool:
            self.glance()
            return is_so()

        return self.stand.until(is_it, seconds, self.ledger.acting, self._next)

    def _next(self) -> float:
        """The seconds until it is time to look."""
        return self._looked + self.stand.cutover.settings.poll - self.stand.now()


def watch(
    stages: Sequence[Stage],
    others: Sequence[Stage],
    longest: float,
    stand: Stand,
    acting: Acting,
) -> None:
    """Judge at each poll until each of `stages` has passed; `others` are not let out of sight.

    What is not decided within `longest` seconds goes back.

    Raises:
        GoingBackError: it was decided, and written down, that the cutover goes back.
    """
    name = ", ".join(each.name for each in stages)
    ledger = Ledger(stand=stand, acting=acting)
    lookout = Lookout(stand=stand, ledger=ledger, stages=[*stages, *others], name=name)
    end = stand.now() + longest
    while True:
        stand.world.clock.sleep(stand.cutover.settings.poll)
        acting.check()
        decision = ledger.ordered() or _judged(stages, others, lookout)
        if decision.kind is Kind.HOLD and stand.now() > end:
            decision = going_back(f"not decided within {duration(longest)}", name)
        if decision.kind is Kind.ROLL_BACK:
            ledger.go_back(decision, name)
        ledger.write(decision, name)
        if decision.kind is Kind.CONTINUE:
            return


def _judged(stages: Sequence[Stage], others: Sequence[Stage], lookout: Lookout) -> Decision:
    """What is to be done now: the worst of what each stage comes to."""
    passed = lookout.stand.past.passed
    own = {
        stage.name: lookout.look(
            replace(stage, hold_seconds=inf) if stage.name in passed else stage
        )
        for stage in stages
    }
    passed |= {name for name, each in own.items() if each.kind is Kind.CONTINUE}
    found = own | {stage.name: lookout.look(stage) for stage in others}
    if not all(each.kind in _CALM for each in found.values()):
        return worst(found)
    if all(stage.name in passed for stage in stages):
        return replace(worst(found), kind=Kind.CONTINUE)
    # What only looks after those that passed before holds nothing up.
    return worst(own)


def smoke(
    tests: Smoke,
    moment: Moment,
    services: Sequence[str],
    stand: Stand,
    acting: Acting,
) -> None:
    """Run smoke tests, and ask a person where they say so.

    Raises:
        GoingBackError: it was decided, and written down, that the cutover goes back.
    """
    # An answer about the tests of one service says nothing of another's.
    name = f"{', '.join(services)} smoke tests, {moment.value}"
    lookout = Lookout.on(stand, acting, name)
    lookout.glance()
    decision = _tested(tests, moment, services, lookout)
    if decision.kind is Kind.ASK:
        decision = _answered(decision, name, lookout)
    if decision.kind is not Kind.CONTINUE:
        lookout.ledger.go_back(replace(decision, kind=Kind.ROLL_BACK), name)
    lookout.ledger.write(decision, name)


def _tested(tests: Smoke, moment: Moment, services: Sequence[str], lookout: Lookout) -> Decision:
    """What the tests find, while users who are on the new side stay in sight."""
    stand = lookout.stand
    if not stand.background or not lookout.stages:
        return tests(moment, services)
    found: Future[Decision] = Future()

    def work() -> None:
        try:
            found.set_result(tests(moment, services))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            found.set_exception(error)

    # Whoever goes back does not wait for it.
    Thread(target=work, daemon=True).start()
    while not found.done():
        wait([found], timeout=stand.between)
        lookout.ledger.acting.check()
        lookout.glance()
    return found.result()


def _answered(decision: Decision, name: str, lookout: Lookout) -> Decision:
    """What a person says to `decision`, which asks; nobody in time means going back."""
    stand, ledger = lookout.stand, lookout.ledger
    settings = stand.cutover.settings
    gates = decision.asked or frozenset(each.gate for each in decision.reasons)
    asking = replace(decision, asked=gates)
    while True:
        ledger.ask(name, asking)
        question = stand.past.questions[name]
        until = question.at + settings.ask
        asking = replace(asking, until=until, default=Answer.ROLL_BACK)
        ledger.write(asking, name)
        lookout.glance()
        said = ledger.asked(name)
        if said and said.answer is Answer.GO_ON:
            return replace(decision, kind=Kind.CONTINUE)
        if said and said.answer is Answer.ROLL_BACK:
            return going_back(f"{said.by}: {said.answer}", name)
        if stand.now() >= until:
            return going_back("nobody answered in time, so by default: roll back", name)
        stand.world.clock.sleep(settings.poll)
        ledger.acting.check()
