"""Checking: why a cutover may not start, all of it found before the first change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.refusals import refusals as unfit
from scripts.cutover.running.back import bound
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.stand import Stand
from scripts.runs.steps import duration
from standards import figure

BEFORE: Final = 900.0
"""How many seconds of the side that serves are looked at."""


def refusals(stand: Stand, hooks: Hooks) -> list[str]:
    """Why this cutover may not start, each with what to do; reads only."""
    there = stand.world.sides
    moved = [there[service] for service in stand.cutover.order if service in there]
    return [
        *hooks.refusals(),
        *_bound(stand, hooks),
        *_sides(stand),
        *(each for side in moved for each in stand.patient(side.refusals)),
        *stand.patient(stand.world.watch.refusals),
        *hooks.database.refusals(),
        *_gates(stand),
    ]


def _bound(stand: Stand, hooks: Hooks) -> Iterator[str]:
    timeouts = bound(stand.cutover, hooks)
    longest = sum(each.seconds for each in timeouts)
    limit = figure("ROLL-01", "duration_below_minutes")
    if longest >= limit.seconds:
        named = "; ".join(map(str, timeouts))
        yield (
            f"a rollback could take {duration(longest)}, and has to take less than "
            f"{duration(limit.seconds)} ({limit.requirement}): {named}"
        )


def _sides(stand: Stand) -> Iterator[str]:
    cutover, there = stand.cutover, stand.world.sides
    for service in cutover.order:
        if service not in there:
            yield f"{service}: there is no such service; there are: {', '.join(sorted(there))}"
            continue
        wanted = cutover.releases[service]
        found = stand.patient(lambda of=there[service]: of.releases)
        if found != (wanted.old, wanted.new):
            yield (
                f"{service} runs {found[0]} and would get {found[1]}; planned was from "
                f"{wanted.old} to {wanted.new}: plan it again"
            )
        if wanted.old == wanted.new:
            yield f"{service} runs {wanted.new} already: there is nothing to move"
        size, full = stand.healthy(service, is_new=False), stand.patient(there[service].size)
        if size < full:
            yield f"{service}: {size} of {full} instances of the side that serves are healthy"
        if weight := stand.weight(service):
            yield f"{service}: {weight} % of its traffic are on the new side already"


def _gates(stand: Stand) -> Sequence[str]:
    """The gates that could not do their work, by the side that serves."""
    cutover, now = stand.cutover, stand.now()
    found: list[str] = []
    for service in [each for each in cutover.order if each in stand.world.sides]:
        steps = [
            each
            for each in cutover.plan.steps
            if each.service == service and each.period in {Period.WINDOW, Period.FIRST_MINUTES}
        ]
        gates = tuple({gate.id: gate for each in steps for gate in each.gates}.values())
        stage = replace(
            steps[0].stage(now - BEFORE, cutover.settings, cutover.alarms),
            name=f"{service}, before anything is moved",
            gates=gates,
        )
        try:
            seen = stand.patient(lambda of=stage: stand.world.watch.observe(of))
        except TimeoutError as error:
            found.append(f"{service}: what is seen of it cannot be read ({error}): try again")
            continue
        decided = unfit(
            gates,
            seen,
            cutover.alarms,
            now=now,
            oldest_seconds=cutover.settings.oldest,
        )
        if decided.kind is not Kind.CONTINUE:
            found += [str(reason) for reason in decided.reasons]
    return list(dict.fromkeys(found))
