"""The network of an environment: its addresses, its zones, and what it may reach."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import Record

_PRIVATE: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
ZONES_MAX: Final = 4
"""How many zones a range is cut for; a zone added later leaves the others where they are."""


class NatGateways(StrEnum):
    """How private subnets reach the internet: a gateway in each zone survives the loss of one."""

    PER_ZONE = "per-zone"
    SINGLE = "single"
    NONE = "none"


class Egress(StrEnum):
    """What instances may look up in DNS."""

    ALLOWED_DOMAINS = "allowed-domains"
    """AWS, the environment's own zone, the chain's RPC endpoints, and `allowedDomains`."""
    ANY = "any"


class Network(Record):
    """The address range, and the zones that it is spread over."""

    cidr: IPv4Network
    """A private range from /16 to /20: each zone takes a public, a private and a data subnet."""
    zones: tuple[str, ...] = Field(max_length=ZONES_MAX)
    nat_gateways: NatGateways
    egress: Egress = Egress.ALLOWED_DOMAINS
    allowed_domains: tuple[
        Annotated[
            str,
            StringConstraints(pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"),
        ],
        ...,
    ] = ()
    """What else the product calls on the internet; `*.` stands for every name below one."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        is_private = any(self.cidr.subnet_of(private) for private in _PRIVATE)
        if not is_private or not 16 <= self.cidr.prefixlen <= 20:  # noqa: PLR2004 - as VPC subnetting needs
            raise refused(f"cidr {self.cidr} is no private range from /16 to /20")
        if len(set(self.zones)) != len(self.zones):
            raise refused(f"zones {', '.join(self.zones)} name one twice")
        return self
