"""The pages of a product: where browsers get them, and how what goes wrong there is heard of."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from environments.edge import Origin
from environments.record import Domain, Record


class PriceClass(StrEnum):
    """The places that CloudFront serves from; the more, the dearer the traffic."""

    AMERICA_AND_EUROPE = "PriceClass_100"
    NOT_OCEANIA_AND_SOUTH_AMERICA = "PriceClass_200"
    EVERYWHERE = "PriceClass_All"


class Frontend(Record):
    """A frontend of static files behind a CDN (NET-13)."""

    name: Domain
    """The name that browsers open, inside the edge's zone."""
    price_class: PriceClass = PriceClass.AMERICA_AND_EUROPE
    connects_to: tuple[Origin, ...] = ()
    """What pages may call beside themselves, the environment and the chain's RPC endpoints: each
    stands in the Content-Security-Policy."""
    recorded_sessions_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """The share of visits that report errors and speed (MON-16): 1 for each 100,000 events."""
