"""Holding staging against production: what two environments must have in common."""

from collections.abc import Iterator
from math import ceil

from environments.model import Environment
from standards import figure


def capacity_problems(staging: Environment, production: Environment) -> Iterator[str]:
    """What staging has too little of, measured by production (ENV-08), one sentence each."""
    share = figure("ENV-08", "staging_capacity_min_percent_of_production")
    for name, service in production.services.items():
        if name not in staging.services:
            yield f"services.{name} is missing, and {production.name} has it (ENV-07)"
            continue
        least = ceil(service.instances.max * share.fraction)
        there = staging.services[name].instances.max
        if there < least:
            yield _too_small(f"services.{name}.instances.max", there, least, production)
    least = ceil(production.database.replicas.max * share.fraction)
    there = staging.database.replicas.max
    if there < least:
        yield _too_small("database.replicas.max", there, least, production)


def _too_small(key: str, there: int, least: int, production: Environment) -> str:
    share = figure("ENV-08", "staging_capacity_min_percent_of_production")
    return f"{key} {there} is below {least}: {share.percent:.0f} % of {production.name}'s (ENV-08)"
