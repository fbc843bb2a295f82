"""All services of an environment before a cutover: baselines, and the traffic that is expected."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from environments import Environment
from environments.published import Published
from environments.watch import Watch as Watching
from scripts.cutover.gates import Share, Watched
from scripts.cutover.limits import Period, gates
from scripts.cutover.verdicts import ENOUGH, compared
from scripts.cutover.watch.baseline import (
    PERIOD,
    BaselineRecord,
    Measuring,
    NoBaselineError,
)
from scripts.cutover.watch.cloudwatch import SETTLED, CloudWatch
from scripts.cutover.watch.connecting import Connections, connected, serving
from scripts.cutover.watch.places import place
from scripts.cutover.watch.recipes import Place
from scripts.cutover.watch.traffic import DAY, WEEK, Traffic, usual_traffic

_WINDOWS: Final = (DAY, WEEK)
"""Over how long a baseline is measured: the first in which there are requests enough."""
_ANY: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One service before it is moved."""

    watched: Watched
    record: BaselineRecord
    requests_per_second: float
    """What is expected of both sides together: as at the quieter of the comparable times."""
    transactions_per_second: float


def measured(
    environment: Environment,
    published: Published,
    services: Collection[str] | None = None,
    *,
    connections: Connections | None = None,
) -> Mapping[str, Measured]:
    """Each of `services`, all of the environment's unless given, as it is now.

    Raises:
        NoBaselineError: one has none, or one that is too short to compare a release with.
        CommandError: one is not there, is being moved, or may not be looked at.
    """
    through = connections or connected(environment)
    return {
        service: _measured(environment, published, service, through)
        for service in (published.services if services is None else services)
    }


def _measured(
    environment: Environment, published: Published, service: str, through: Connections
) -> Measured:
    serves = serving(published, service, through)
    where = place(environment, published, service, serves)
    asked = environment.cutover.watch
    cloudwatch, now = CloudWatch(through.cloudwatch), through.clock.now()
    until = (now - SETTLED) // PERIOD * PERIOD
    traffic = usual_traffic(where, cloudwatch, now)
    short: list[str] = []
    for seconds in _WINDOWS:
        record = Measuring(
            service=service,
            side=serves,
            place=where,
            cloudwatch=cloudwatch,
            prometheus=through.prometheus,
            sends_transactions=service in asked.transactions,
            since=until - seconds,
            until=until,
        ).record()
        watched = _watched(environment, where, record, asked, traffic)
        short = list(_short(watched, environment))
        if not short:
            mean = record.requests / record.seconds
            return Measured(
                watched=watched,
                record=record,
                requests_per_second=mean if traffic.usual is None else traffic.usual,
                transactions_per_second=record.transactions / record.seconds,
            )
    raise NoBaselineError(
        f"{service}: its baseline of the last {_WINDOWS[-1] / DAY:.0f} days is too short to "
        f"compare a release with (MON-14): {'; '.join(short)}"
    )


def _watched(
    environment: Environment,
    where: Place,
    record: BaselineRecord,
    asked: Watching,
    traffic: Traffic,
) -> Watched:
    service = record.service
    declared = environment.services[service]
    return Watched(
        service=service,
        baseline=record.baseline,
        has_database=declared.database,
        has_cache=environment.cache is not None,
        has_proofs=service in asked.proofs,
        sends_transactions=service in asked.transactions,
        is_market=service in asked.market,
        is_public=where.group is not None,
        has_canary=where.canary is not None,
        usual_per_second=traffic.usual,
        peak_per_second=traffic.peak,
        commands=frozenset(asked.commands),
    )


def _short(watched: Watched, environment: Environment) -> Iterator[str]:
    """What its baseline is too short for, each once."""
    found: dict[str, str] = {}
    for period in (Period.WINDOW, Period.FIRST_MINUTES, Period.FIRST_WEEK):
        for gate in gates(period, watched, environment.tier, _ANY):
            if isinstance(gate, Share) and compared(gate, None) is None:
                seen, needed = gate.recorded[1], ENOUGH / gate.limit
                found[gate.id] = f"{gate.id} needs {needed:,.0f} and there were {seen:,.0f}"
    yield from found.values()


def records(found: Mapping[str, Measured]) -> Mapping[str, object]:
    """What was measured, as the journal and evidence keep it."""
    return {service: each.record.model_dump(mode="json") for service, each in found.items()}
