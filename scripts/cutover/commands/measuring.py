"""Planning: a cutover from what is asked for, what the environment says, and what is measured."""

from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Final, TypeVar

from environments.cutover import Cutover as Rules
from scripts.cutover.planning.releases import PAGES
from scripts.cutover.planning.request import Cutover, Releases, RequestError
from scripts.cutover.planning.steps import ALL, Moved, Settings
from scripts.cutover.session import Session

Seen = TypeVar("Seen")
_TRIES: Final = 5
_BETWEEN: Final = 2.0


def settings_of(rules: Rules) -> Settings:
    """How the environment's file has it; what it leaves out is the standards' or ours."""
    return Settings(
        weights=rules.weights,
        bake=rules.bake_seconds,
        longest_bake=rules.longest_bake_seconds,
        poll=rules.poll_seconds,
        ask=rules.ask_seconds,
        starting=rules.starting_seconds,
        retain=rules.retain_minutes * 60.0,
    )


def measured_cutover(
    session: Session, wanted: Mapping[str, str], change: str, database: str
) -> Cutover:
    """The cutover to the releases `wanted`, judged by what is measured now (MON-14).

    Raises:
        RequestError: a service runs that release already.
        CommandError: a service has no baseline, or is not there.
    """
    environment = session.environment
    found = session.measured(list(wanted))
    asked = {name: Releases(old="", new=release) for name, release in wanted.items()}
    with session.world(asked, {}) as world:
        pairs = {name: _patient(lambda of=world.sides[name]: of.releases) for name in wanted}
        sizes = {name: _patient(world.sides[name].size) for name in wanted}
        weights = {name: _patient(world.sides[name].weight) for name in wanted}
    for name, (old, new) in pairs.items():
        if old == new or weights[name] == ALL:
            raise RequestError(f"{name} runs {new} already: there is nothing to move")
    return Cutover(
        environment=environment.name,
        tier=environment.tier,
        services=tuple(
            Moved(
                watched=found[name].watched,
                requests_per_second=found[name].requests_per_second,
                transactions_per_second=found[name].transactions_per_second,
                instances=sizes[name],
                is_frontend=name == PAGES,
            )
            for name in wanted
        ),
        releases={name: Releases(old=old, new=new) for name, (old, new) in pairs.items()},
        settings=settings_of(environment.cutover),
        alarms=alarms_of(session, list(wanted)),
        change=change,
        database=database,
    )


def _patient(read: Callable[[], Seen]) -> Seen:
    """What `read` says, asked again where the answer does not come."""
    for _ in range(_TRIES):
        try:
            return read()
        except TimeoutError:
            sleep(_BETWEEN)
    return read()


def alarms_of(session: Session, services: Sequence[str]) -> frozenset[str]:
    """The alarms that guard `services`."""
    from scripts.cutover.watch.alarms import guards  # noqa: PLC0415

    environment = session.environment
    return guards(environment, [name for name in services if name in environment.services])
