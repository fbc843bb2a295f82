"""What the internet meets of an environment: names, who may come in, and how much each may ask for.

An option that costs more than requests do says so where it is described; prices are those of
us-east-1, in US dollars.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from environments.bounds import refused
from environments.record import Domain, Record

Origin = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://(localhost|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,})(:\d{1,5})?$"
    ),
]
"""What a browser says a page came from: scheme, host and port; there is no wildcard (NET-08)."""
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._~-]*$", max_length=200)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
JsonPointer = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_/-]+$")]
"""Where a field stands in a JSON body, as a JSON pointer."""


def _at_most(limit: int, requirement: str) -> AfterValidator:
    """Refuse what is above `limit`: a firewall that lets more pass is none to the policies."""

    def check(value: int) -> int:
        if value > limit:
            raise refused(f"{value} is above {limit}, the most allowed ({requirement})")
        return value

    return AfterValidator(check)


RequestsPerFiveMinutes = Annotated[int, Field(ge=10, le=2_000_000)]


class Access(StrEnum):
    """Whom the edge lets in: a switch that can be set back at any time (REL-11)."""

    INVITED = "invited"
    """Those on the list of invites alone, which operations keep: a beta on mainnet (REL-10)."""
    OPEN = "open"
    """Everybody."""


class Failover(StrEnum):
    """What answers while no load balancer is well."""

    NONE = "none"
    STATIC_PAGE = "static-page"
    """A page from AWS's edge that says so, with status 503: no server of the environment is in it,
    and it costs nothing until it is asked."""


class BotControl(StrEnum):
    """How closely AWS's rules look at clients that are programs."""

    OFF = "off"
    COMMON = "common"
    """Programs that say what they are: 10 a month, and 1 for each million requests."""
    TARGETED = "targeted"
    """Those that hide it, too: 10 a month, and 10 for each million requests."""


class ApiKeys(Record):
    """How clients show their API key, and how much each key may ask for (KEY-05)."""

    header: HeaderName = "x-api-key"
    requests_per_five_minutes: RequestsPerFiveMinutes


class SignIn(Record):
    """Where people sign in, which is what somebody who guesses passwords calls (NET-10)."""

    path: Path
    attempts_per_ten_minutes: Annotated[int, Field(ge=10), _at_most(200, "NET-10")]
    """The most that one address may try before it is refused until it has calmed down. AWS counts
    no fewer than 10."""
    username_field: JsonPointer = "/username"
    password_field: JsonPointer = "/password"  # noqa: S105 - where it stands, not what it is
    account_takeover: bool = False
    """Whether AWS holds each attempt against stolen credentials and against a distributed attack:
    10 a month, and 1 for each thousand attempts after the first ten thousand."""


class Edge(Record):
    """What the internet meets: names, who may come in, and how much each may ask for."""

    zone: Domain
    zone_id: Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")] | None = None
    """The hosted zone of that name, which exists before the first apply; left out, the stack makes
    it: an emulator starts without one."""
    owns_zone: bool = False
    """Whether the zone serves this environment alone: its stack then signs the answers (DNSSEC)
    and logs the queries. A zone that others share belongs to whoever made it."""
    name: Domain
    """The name that the environment is reached by, inside `zone`."""
    allowed_origins: Annotated[tuple[Origin, ...], Field(min_length=1)]
    """The pages that may call from a browser (NET-08); a request from another one is refused."""
    access: Access
    """Whom the edge lets in."""
    requests_per_five_minutes: Annotated[int, Field(ge=100), _at_most(2000, "NET-09")]
    """The most that one address may send before the firewall refuses it (NET-09)."""
    api_keys: ApiKeys | None = None
    """For a product whose clients have API keys."""
    sign_in: SignIn | None = None
    """For a product that people sign in to."""
    large_body_paths: tuple[Path, ...] = ()
    """Where a request may have more than the 8 KB of body that the firewall can look into; what
    answers there has to hold it against a schema itself. Anywhere else it is refused (SEC-07)."""
    health_path: Path = "/health"
    """What Route 53 asks for, from many places, to know whether the environment is well."""
    failover: Failover = Failover.NONE
    ipv6: bool = False
    """Whether clients may come over IPv6, too."""
    bot_control: BotControl = BotControl.OFF
    anti_ddos: bool = False
    """Whether AWS's rules against floods of requests challenge and refuse: 20 a month, and 0.15 for
    each million requests. Shield Standard keeps floods of packets away for nothing (NET-06)."""
    shield_advanced: bool = False
    """Whether AWS's response team stands by and covers the cost of an attack: 3,000 a month for
    the organisation, for a year at least, and it needs a subscription first."""

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not lies_in(self.name, self.zone):
            raise refused(f"name {self.name} lies outside zone {self.zone}")
        return self


def lies_in(name: str, zone: str) -> bool:
    """Whether the DNS zone holds `name`."""
    return name == zone or name.endswith(f".{zone}")
