"""All services of an environment before a cutover: baselines, and the traffic that is expected."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from environments import Environment
from environments.published import Published
from environments.watch import Watch as Watching
from scripts.cutover.judgement.gates import Share, Watched
from scripts.cutover.judgement.limits import Period, gates
from scripts.cutover.judgement.observations import Counts
from scripts.cutover.judgement.verdicts import ENOUGH, compared
from scripts.cutover.watch.baseline import (
    PERIOD,
    BaselineRecord,
    Measuring,
    NoBaselineError,
)
from scripts.cutover.watch.cloudwatch import SETTLED, CloudWatch
from scripts.cutover.watch.command import CommandFailedError
from scripts.cutover.watch.connecting import Connections, commands, connected, serving
from scripts.cutover.watch.places import PAGES, UnknownServiceError, place
from scripts.cutover.watch.recipes import Place
from scripts.cutover.watch.traffic import DAY, HOUR, WEEK, Traffic, usual_traffic

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
    if service not in published.services and service != PAGES:
        return _commanded(environment, published, service, through.clock.now())
    serves = serving(published, service, through)
    where = place(environment, published, service, serves)
    asked = environment.cutover.watch
    cloudwatch, now = CloudWatch(through.cloudwatch, through.worldwide), through.clock.now()
    until = (now - SETTLED) // PERIOD * PERIOD
    traffic = usual_traffic(where, cloudwatch, now)

    def over(seconds: float) -> tuple[BaselineRecord, Watched, list[str]]:
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
        return record, watched, list(_short(watched, environment))

    record, watched, short = over(DAY)
    if short:
        record, watched, short = over(WEEK)
    if short:
        raise _too_short(record, short)
    mean = record.requests / record.seconds
    return Measured(
        watched=watched,
        record=record,
        requests_per_second=mean if traffic.usual is None else traffic.usual,
        transactions_per_second=record.transactions / record.seconds,
    )


def _commanded(
    environment: Environment, published: Published, service: str, until: float
) -> Measured:
    """A service of which AWS measures nothing, such as one on Kubernetes: by its own commands."""
    found, series = commands(environment), f"{service}/errors"
    if series not in found:
        raise UnknownServiceError(
            f"{service}: nothing is published of where it is measured, as of "
            f"{', '.join(published.services)}: let a command measure {series} "
            "(slipway:cutover.watch.commands)"
        )
    try:
        counted = found[series].series(service, is_new=False, since=until - DAY)
    except CommandFailedError as error:
        raise NoBaselineError(f"{series}: its command {error}") from None
    counted = counted.between(until - DAY, until) if isinstance(counted, Counts) else Counts()
    if counted.problem() or not sum(counted.total):
        raise NoBaselineError(f"{series}: its command counted no requests of the last day")
    record = BaselineRecord(
        service=service,
        side="old",
        since=counted.at[0],
        until=until,
        requests=sum(counted.total),
        errors=sum(counted.bad),
        p50_ms=0,
        p99_ms=0,
        slower={},
    )
    watched = Watched(
        service=service,
        baseline=record.baseline,
        is_elsewhere=True,
        commands=tuple(sorted(found)),
    )
    if short := list(_short(watched, environment)):
        raise _too_short(record, short)
    return Measured(
        watched=watched,
        record=record,
        requests_per_second=record.requests / max(record.seconds, 1.0),
        transactions_per_second=0.0,
    )


def _too_short(record: BaselineRecord, short: Sequence[str]) -> NoBaselineError:
    return NoBaselineError(
        f"{record.service}: its baseline of {record.seconds / HOUR:.0f} hours is too short to "
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
    if where.distribution is not None:
        return Watched(
            service=service,
            baseline=record.baseline,
            is_pages=True,
            has_canary=True,
            usual_per_second=traffic.usual,
            peak_per_second=traffic.peak,
            commands=tuple(sorted(asked.commands)),
        )
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
        commands=tuple(sorted(asked.commands)),
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
