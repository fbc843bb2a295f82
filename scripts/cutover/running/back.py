"""The way back: one change of weight a service, onto a side that is still at full size.

It never asks, never waits for a journal, and sets what it has set before once more after a kill:
what a load balancer says may be old, and what was set and read back in one go is not.

From the decision to the verified old side it has one bound (ROLL-01), which all tries share,
whoever makes them.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.planning.plan import SMOKE_TESTS
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.deciding import Ledger
from scripts.cutover.running.hooks import Hooks, Moment, Smoke
from scripts.cutover.running.moving import MARGIN, take_away
from scripts.cutover.running.record import BACK
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.lease import LeaseLostError
from scripts.runs.owed import owing_after_rollback
from scripts.runs.steps import Acting, Limit, Plan, Step, StepFailedError, Timeout, duration
from standards import figure

WEIGHTS: Final = "weights"
HEALTHY: Final = "healthy"
SMOKE: Final = "smoke"
VERIFIED: Final = "verified"
_AGAIN: Final = "Page the person on call. It tries again with: slipway cutover resume"
_UNDER_WAY: Final = 15.0
"""What a call under way takes at most when the time of its step is up."""


@dataclass(frozen=True, kw_only=True)
class Because:
    """Why it goes back, and since when that is known."""

    of: str
    """The run that is taken back."""
    why: str
    at: float


def bound(cutover: Cutover, hooks: Hooks) -> tuple[Timeout, ...]:
    """The named timeouts of a rollback: what comes first, weights, smoke tests, the database."""
    planned = [each for each in cutover.plan.rollback if each.name != SMOKE_TESTS or hooks.smoke]
    return (*hooks.before_back, *planned, *(step.timeout for step in hooks.database.back))


def bound_seconds(cutover: Cutover, hooks: Hooks) -> float:
    """The longest from the decision to the verified old side: the sum of the named timeouts."""
    return float(sum(each.seconds for each in bound(cutover, hooks)))


def held_to(seconds: float, at: float, stand: Stand, limit: Limit) -> Limit:
    """`limit`, which no step outlasts that gets users back within `seconds` of the decision `at`.

    A clock may have been set back since: more than all of it is never left.
    """

    @contextmanager
    def held(own: float) -> Generator[None]:
        if VERIFIED in stand.past.settled:
            left = own  # users are back, and the new sides go in their own time
        elif (left := min(at + seconds - stand.now(), seconds)) <= 0:
            raise TimeoutError("the bound of the rollback is over (ROLL-01)")
        with limit(min(own, left)):
            yield

    return held


def back(cutover: Cutover, because: Because, hooks: Hooks) -> Plan[Stand]:
    """Every step of taking `cutover` back."""
    return Plan(
        target=cutover.target,
        command=BACK,
        inputs={
            "cutover": cutover.inputs,
            "of": because.of,
            "why": because.why,
            "decided_at": because.at,
            **hooks.record,
        },
        steps=list(_Back(cutover, because, hooks).steps()),
        always=True,
    )


@dataclass(frozen=True)
class _Back:
    cutover: Cutover
    because: Because
    hooks: Hooks

    def steps(self) -> Iterator[Step[Stand]]:
        yield self._weights()
        yield self._healthy()
        yield from self.hooks.database.back
        if self.hooks.smoke:
            yield self._smoke(self.hooks.smoke)
        yield self._verified()
        for service in reversed(self.cutover.order):
            yield self._retire(service)

    def _weights(self) -> Step[Stand]:
        settings, services = self.cutover.settings, tuple(reversed(self.cutover.order))
        within = len(services) * (settings.set_weights + settings.read_back)

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            if failed := _each(services, stand, acting, within):
                named = ", ".join(failed)
                raise StepFailedError(f"not read back within {duration(within)}: {named}")
            stand.here.add(WEIGHTS)
            return {"at": stand.now()}

        return Step(
            id=WEIGHTS,
            title=f"All traffic back: {', '.join(services)}",
            does="Sets each weight, onto the old side, and reads it back.",
            is_done=lambda stand: WEIGHTS in stand.here,
            run=run,
            timeout=Timeout("set and read weights back", within + _UNDER_WAY),
            on_failure=_AGAIN,
            requirements=("ROLL-01", "ROLL-02"),
        )

    def _healthy(self) -> Step[Stand]:
        settings, services = self.cutover.settings, self.cutover.order

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            lacking = [*services]

            def are_full() -> bool:
                while lacking and _is_full(lacking[0], stand):
                    del lacking[0]
                return not lacking

            if not stand.until(are_full, settings.healthy, acting):
                raise StepFailedError(f"{', '.join(lacking)}: the old side is not healthy in full")
            stand.here.add(HEALTHY)
            return {"at": stand.now()}

        return Step(
            id=HEALTHY,
            title="The old side in full",
            does="Sees every instance of each old side healthy.",
            is_done=lambda stand: HEALTHY in stand.here,
            run=run,
            timeout=Timeout("old sides healthy", settings.healthy + _UNDER_WAY),
            on_failure=_AGAIN,
            requirements=("ROLL-01",),
        )

    def _smoke(self, tests: Smoke) -> Step[Stand]:
        def is_done(stand: Stand) -> bool:
            decided = stand.past.decided.get(SMOKE)
            return decided is not None and decided.kind is Kind.CONTINUE

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            decision = tests(Moment.TAKEN_BACK, self.cutover.order)
            ledger = Ledger(stand=stand, acting=acting)
            ledger.write(decision, f"smoke tests, {Moment.TAKEN_BACK.value}")
            if decision.kind is not Kind.CONTINUE:
                failed = "; ".join(map(str, decision.reasons[:3]))
                raise StepFailedError(f"the old side is back, and fails its tests: {failed}")
            return {"at": stand.now()}

        limit = figure("SMOKE-06", "duration_below_minutes").seconds
        return Step(
            id=SMOKE,
            title="Smoke tests of the old side",
            does="Tests what users get now.",
            is_done=is_done,
            run=run,
            timeout=Timeout(SMOKE_TESTS, limit),
            on_failure=_AGAIN,
            requirements=("ROLL-12", "SMOKE-11"),
        )

    def _verified(self) -> Step[Stand]:
        timeouts = bound(self.cutover, self.hooks)
        longest = bound_seconds(self.cutover, self.hooks)

        def run(stand: Stand, _acting: Acting) -> Mapping[str, Json]:
            at = stand.now()
            stand.past.settled[VERIFIED] = at
            return {
                "at": at,
                "seconds": max(at - self.because.at, 0.0),
                "bound_seconds": longest,
                "bound": [str(each) for each in timeouts],
                "owed": owing_after_rollback(
                    self.cutover.tier, datetime.fromtimestamp(at, UTC), self.because.why
                ),
            }

        return Step(
            id=VERIFIED,
            title="Back, and verified",
            does="Writes down how long it took from the decision (ROLL-01), and that a review is "
            "owed (ROLL-11).",
            is_done=lambda stand: VERIFIED in stand.past.settled,
            run=run,
            timeout=Timeout("writing it down", _UNDER_WAY),
            on_failure=_AGAIN,
            requirements=("ROLL-01", "ROLL-11"),
        )

    def _retire(self, service: str) -> Step[Stand]:
        name = f"{service} new side goes"

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            take_away(service, stand, acting, is_new=True)
            stand.here.add(name)
            return {"at": stand.now()}

        seconds = self.cutover.settings.starting + self.cutover.settings.read_back + MARGIN
        return Step(
            id=name,
            title=f"{service}: the new side goes",
            does="Takes the instances of the release away; its logs stay.",
            is_done=lambda stand: name in stand.here,
            run=run,
            timeout=Timeout(f"{service}: new side gone", seconds),
            on_failure="Users are on the old side. To try again: slipway cutover resume",
        )


def _is_full(service: str, stand: Stand) -> bool:
    """Whether the old side has all that it has to have; one whose turn never came scales freely."""
    sides, full = stand.sides(service), stand.full(service)
    if service not in stand.past.full:
        full = max(min(full, sides.size()), 1)
    return sides.healthy(is_new=False) >= full


def _each(services: Sequence[str], stand: Stand, acting: Acting, seconds: float) -> list[str]:
    """Take each service back, whatever becomes of the others; those that were not read back.

    None waits for another: a load balancer that does not answer is asked again after the rest.
    """
    left, failed = [*services], list[str]()

    def are_back() -> bool:
        for service in [*left]:
            acting.check()
            try:
                if _is_back(service, stand):
                    left.remove(service)
            except LeaseLostError:
                raise
            except TimeoutError:
                continue
            except Exception as error:  # noqa: BLE001 - one service's trouble leaves none behind
                left.remove(service)
                failed.append(f"{service} ({error})")
        return not left

    stand.until(are_back, seconds, acting)
    return [*left, *failed]


def _is_back(service: str, stand: Stand) -> bool:
    sides = stand.sides(service)
    if sides.is_retired(is_new=False):
        raise StepFailedError("the old side is gone: nothing is sent there")
    sides.set_weight(0)
    return sides.weight() == 0
