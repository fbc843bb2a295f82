"""Where smoke tests are aimed: the address that users have, or a release that has none yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from environments import Environment
from scripts.exits import CommandError, ExitCode

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class AimError(CommandError):
    """An address that smoke tests cannot be aimed at."""

    code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Address:
    """Where a name is asked instead of where DNS points: scheme, host and port."""

    scheme: str
    netloc: str


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where requests go, and what tells the side that they are for."""

    name: str
    has_users: bool
    """Whether users are served there: the edge's own parts are tested there, and only there."""
    is_rollback: bool = False
    services: tuple[str, ...] | None = None
    """The services whose health is asked for; all unless named."""
    addresses: Mapping[str, Address] = field(default_factory=dict[str, Address])
    """Where each name is asked, by host; what is missing is asked where DNS points."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What each request shows."""

    @property
    def is_direct(self) -> bool:
        """Whether DNS says where requests go, so that they meet what users meet."""
        return not self.addresses


def public(
    environment: Environment,
    *,
    address: str | None = None,
    pages: str | None = None,
    is_rollback: bool = False,
) -> Aim:
    """What users have; `address` and `pages` are where the API and the pages are asked instead.

    Raises:
        AimError: an address that is none, or that is not encrypted.
    """
    return Aim(
        name="after the rollback" if is_rollback else "with users",
        has_users=True,
        is_rollback=is_rollback,
        addresses=_addresses(environment, address, pages),
    )


def new_side(
    environment: Environment, service: str, side: str, *, address: str | None = None
) -> Aim:
    """`side` of `service` before it has users: the load balancer's rule for a header leads there.

    Raises:
        AimError: the environment's file does not say which header, or the address is none.
    """
    header = environment.smoke.side_header
    if header is None:
        raise AimError(
            f"nothing leads to one side of {environment.name} before it has users: give "
            f"slipway:smoke.sideHeader in Pulumi.{environment.name}.yaml, and apply it: the load "
            "balancer gets a rule for each side"
        )
    return Aim(
        name=f"{service} on its {side} side, without users",
        has_users=False,
        services=(service,),
        addresses=_addresses(environment, address, None),
        headers={header: f"{service}-{side}"},
    )


def _addresses(
    environment: Environment, address: str | None, pages: str | None
) -> dict[str, Address]:
    found = {environment.edge.name: parsed(address)} if address else {}
    if pages and environment.frontend:
        found[environment.frontend.name] = parsed(pages)
    return found


def parsed(text: str) -> Address:
    """The address in `text`.

    Raises:
        AimError: it is none, or not encrypted beyond this machine (SMOKE-01).
    """
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise AimError(f"{text} is no address: write https://<host>:<port>, without a path")
    if parts.username or parts.password or parts.query:
        raise AimError("an address holds no user, password or query: it would be printed")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise AimError(
            f"{text} is not encrypted: health is asked for over https (SMOKE-01); plain http is "
            "for 127.0.0.1 alone"
        )
    return Address(parts.scheme, parts.netloc)
