"""What a product measures of itself, and what collects it (MON-04 to MON-07)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from environments.record import ImageByDigest, Record

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,127}$")]


class Metrics(Record):
    """How metrics of services and of the chain get into Prometheus, and which the product has."""

    collector: ImageByDigest
    """The AWS distribution of the OpenTelemetry collector, beside each task."""
    business: Annotated[tuple[MetricName, ...], Field(max_length=40)] = ()
    """The counters and gauges of the business that services publish, for its dashboard (MON-07)."""
    is_market: Annotated[bool, Field(alias="market")] = False
    """Whether the product is a market, with oracles and circuit breakers (PM-05 to PM-07)."""
