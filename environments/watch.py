"""How releases of an environment's services are watched, beside what AWS itself measures."""

from typing import Annotated

from pydantic import Field, StringConstraints

from environments.record import Name, Record

Series = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,23}/[a-z][a-z0-9 .]{1,40}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


class WatchCommand(Record):
    """A product's own command that prints what it measured, one JSON object a line."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments; no secrets, which everybody on the machine could read."""
    seconds: Annotated[float, Field(gt=0, le=30)] = 5
    """How long it may take."""
    variables: tuple[Variable, ...] = ()
    """The environment variables that it gets, by name: where its secrets are."""


class Watch(Record):
    """Which signals of programs a service has, and what a product measures with a command."""

    transactions: tuple[Name, ...] = ()
    """The services that send transactions, and count them (MON-06, PM-06)."""
    proofs: tuple[Name, ...] = ()
    """The services that check proofs, and count those that are invalid (ROLL-09)."""
    market: tuple[Name, ...] = ()
    """The services that publish what a market has: oracles, breakers, alerts (PM-06)."""
    commands: dict[Series, WatchCommand] = Field(default_factory=dict[str, WatchCommand])
    """By series, such as `api/errors`: what a command measures instead of AWS."""
