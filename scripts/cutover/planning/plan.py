"""The plan of a cutover: steps that can be decided, their gates, and the bound on a rollback.

A pure function of what is known before. A step whose expected traffic cannot tell a healthy release
from one at a limit within its time is merged with the next; what cannot be decided is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.steps import ALL, Moved, Settings, Slot, Step, step, undecided
from scripts.exits import CommandError, ExitCode
from scripts.runs.lease import TAKEN_OVER
from scripts.runs.steps import Timeout, duration
from standards import Tier, figure, requirement

FALSE_ROLLBACKS: Final = 0.001
"""Of healthy cutovers, at most so many roll back or ask: over all gates, steps and services."""
_IN_WINDOW: Final = 0.97
"""What the deployment window may spend of the false rollbacks; the rest is for the watches."""
SMOKE_TESTS: Final = "smoke tests"
_RESERVE: Final = 60.0
"""What a rollback has beyond the times of its steps: all its tries share one bound."""
_STEEP: Final = -2.5
"""A step gets of it by this power of its weight: the fewer requests, the more it takes."""
_FEWEST: Final = 2
"""Where traffic has to move in stages (PIPE-03), one weight comes before all of it."""


class PlanError(CommandError):
    """A cutover that is refused before anything changes."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class CutoverPlan:
    """What a cutover does, in order."""

    steps: tuple[Step, ...]
    merged: tuple[str, ...]
    """The steps that are left out, and why."""
    rollback: tuple[Timeout, ...]
    """The named timeouts of a rollback from the worst place."""
    settings: Settings

    @property
    def rollback_bound(self) -> float:
        """The longest that a rollback can take from the decision to the verified old side."""
        return sum(timeout.seconds for timeout in self.rollback)

    @property
    def seconds(self) -> float:
        """How long its deployment window takes when all goes well."""
        return sum(each.bake for each in self.steps if each.period is Period.WINDOW)


def plan(services: Sequence[Moved], tier: Tier, settings: Settings) -> CutoverPlan:
    """The cutover of `services` in an environment of `tier`, each frontend after the backends.

    Raises:
        PlanError: it cannot be decided, or cannot be taken back in time.
    """
    _check(services, tier, settings)
    ordered = sorted(services, key=lambda moved: moved.is_frontend)  # PIPE-13
    steps: list[Step] = []
    merged: list[str] = []
    for moved in ordered:
        found, left_out = _steps(moved, tier, settings, FALSE_ROLLBACKS / len(ordered))
        steps += found
        merged += left_out
    window = [each for each in steps if each.period is Period.WINDOW]
    watch = [each for each in steps if each.period is not Period.WINDOW]
    return CutoverPlan(
        steps=(*window, *watch),
        merged=tuple(merged),
        rollback=_rollback(ordered, settings),
        settings=settings,
    )


def _check(services: Sequence[Moved], tier: Tier, settings: Settings) -> None:
    weights = settings.weights
    if not services:
        raise PlanError("a cutover moves at least one service; none was given")
    names = [moved.watched.service for moved in services]
    if len(set(names)) < len(names):
        raise PlanError(f"services are moved once each; given: {', '.join(names)}")
    if weights[-1:] != (ALL,) or list(weights) != sorted({*weights}) or weights[0] < 1:
        raise PlanError(f"weights rise from at least 1 to {ALL}; given: {weights}")
    if not 0 < settings.poll <= settings.bake <= settings.longest_bake:
        raise PlanError(
            f"poll {settings.poll:g} s, bake {settings.bake:g} s and longest bake "
            f"{settings.longest_bake:g} s have to rise in this order"
        )
    if len(weights) == 1 and tier in requirement("PIPE-03").environments:
        raise PlanError(
            "all traffic at once is refused here (PIPE-03): give weights below 100, too"
        )
    for moved in services:
        _check_service(moved)


def _check_service(moved: Moved) -> None:
    service = moved.watched.service
    if moved.requests_per_second <= 0 or moved.instances < 1:
        raise PlanError(
            f"{service}: {moved.requests_per_second:g} requests a second on {moved.instances} "
            "instances; a cutover needs traffic to judge, and a side that serves it"
        )


def _steps(
    moved: Moved, tier: Tier, settings: Settings, budget: float
) -> tuple[list[Step], list[str]]:
    """The steps of one service, merged until each can be decided."""
    # Pages are pointed to or not: their release gets all traffic at once, after the backends.
    weights = [ALL] if moved.is_frontend else list(settings.weights)
    left_out: list[str] = []
    while True:
        steps = _spend(moved, weights, tier, settings, budget)
        unclear = next(((each, why) for each in steps if (why := undecided(each, moved))), None)
        if unclear is None:
            return steps, left_out
        unclear_step, why = unclear
        service = moved.watched.service
        is_last = len(weights) <= _FEWEST and tier in requirement("PIPE-03").environments
        if unclear_step.weight == ALL or is_last:
            raise PlanError(
                f"{service}: {unclear_step.name} cannot be decided: {why}. Give it more time "
                f"(longest bake {duration(settings.longest_bake)}), or a time with more traffic"
            )
        weights.remove(unclear_step.weight)
        left_out.append(f"{service} at {unclear_step.weight} %, merged with the next step: {why}")


def _spend(
    moved: Moved, weights: Sequence[int], tier: Tier, settings: Settings, budget: float
) -> list[Step]:
    """The steps with `weights`, and the watches after them, with their parts of `budget`.

    The fewer requests a step gets, the more it may spend: the others decide soon with much less.
    """
    parts = [weight**_STEEP for weight in weights]
    window = [
        Slot(
            period=Period.WINDOW,
            weight=weight,
            seconds=settings.bake,
            alpha=budget * _IN_WINDOW * part / sum(parts),
        )
        for weight, part in zip(weights, parts, strict=True)
    ]
    week = figure("ROLL-06", "first_week_days").seconds
    lasting: dict[Period, float] = {
        Period.FIRST_MINUTES: settings.first_minutes
        or figure("ROLL-06", "first_period_minutes").seconds,
        Period.FIRST_WEEK: week,
    }
    if settings.retain > week:
        lasting[Period.STEADY] = settings.retain - week
    rest = budget * (1 - _IN_WINDOW) / len(lasting)
    watches = [
        Slot(period=period, weight=ALL, seconds=seconds, alpha=rest)
        for period, seconds in lasting.items()
    ]
    return [step(moved, slot, tier, settings) for slot in (*window, *watches)]


def _rollback(services: Sequence[Moved], settings: Settings) -> tuple[Timeout, ...]:
    """The named timeouts of taking all `services` back, which are still full and warm.

    They count from the decision, whoever carries it out by then, and however often it is tried.

    Raises:
        PlanError: together they are not below the limit of ROLL-01.
    """
    timeouts = [Timeout("taking over from a controller that died", TAKEN_OVER.total_seconds())]
    for moved in reversed(services):
        service = moved.watched.service
        timeouts += [
            Timeout(f"{service}: set weights", settings.set_weights),
            Timeout(f"{service}: read weights back", settings.read_back),
        ]
    timeouts += [
        Timeout("old sides healthy", settings.healthy),
        Timeout(SMOKE_TESTS, figure("SMOKE-06", "duration_below_minutes").seconds),
        Timeout("calls under way, and trying again", _RESERVE),
    ]
    bound = sum(timeout.seconds for timeout in timeouts)
    limit = figure("ROLL-01", "duration_below_minutes").seconds
    if bound >= limit:
        named = "; ".join(map(str, timeouts))
        raise PlanError(
            f"a rollback could take {duration(bound)}, and has to take less than "
            f"{duration(limit)} (ROLL-01): {named}. Move fewer services at once"
        )
    return tuple(timeouts)
