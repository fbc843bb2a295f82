"""An environment's plan: its record read and checked, its program evaluated."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final

from environments import (
    ConfigurationError,
    Environment,
    Foundation,
    foundations,
    load,
    load_foundation,
    names,
    stacks,
)
from environments.parity import parity_problems
from plan import Plan
from policies.waivers import Waiver, load_waivers
from preview.files import near
from preview.fixtures import Fixtures
from standards import Tier

WAIVERS: Final = Path("policies", "waivers.yaml")
LIMITS: Final = (
    "the provider's own checks, the names it makes up, its defaults and tagsAll",
    "whether a resource is created, changed or replaced: no state is read",
    "what functions answer (region, zones, account): it is taken from the environment's record",
)
"""What no preview without the engine can show."""


def read_stack(name: str, folder: Path) -> Environment | Foundation:
    """The record of the environment or the foundation `name`.

    Raises:
        ConfigurationError: there is neither, or it is not as it must be.
    """
    if name in foundations(folder):
        return load_foundation(name, folder)
    return read_environment(name, folder)


def read_environment(name: str, folder: Path) -> Environment:
    """The record of the environment `name`, held against production's where it is a staging one.

    Raises:
        ConfigurationError: there is none, it is not as it must be, or staging is unlike production.
    """
    environment = load(name, folder)
    if environment.tier is Tier.STAGING:
        problems = [
            f"Pulumi.{name}.yaml: {problem}"
            for other in names(folder)
            if other != name
            for problem in _parity_problems(environment, other, folder)
        ]
        if problems:
            raise ConfigurationError(problems)
    return environment


def _parity_problems(staging: Environment, other: str, folder: Path) -> list[str]:
    """What `staging` lacks, where `other` is production and its file is sound."""
    with suppress(ConfigurationError):
        record = load(other, folder)
        if record.tier is Tier.PRODUCTION:
            return list(parity_problems(staging, record))
    return []


def read_waivers(folder: Path, today: date) -> tuple[Waiver, ...]:
    """The waivers of the project in `folder`.

    Raises:
        WaiversError: one of them is malformed, or waives too much.
    """
    return load_waivers(near(folder / WAIVERS), today, stacks=stacks(folder))


def evaluate_environment(environment: Environment | Foundation, folder: Path) -> Plan:
    """The plan of `environment`, or of a foundation, whose program is the project in `folder`.

    Raises:
        ProjectError: the project's files cannot be read.
        ProgramError: the program raised.
    """
    from preview.runner import evaluate_project  # noqa: PLC0415 - loads Pulumi's SDK

    fixtures = Fixtures(
        region=environment.aws.region,
        account=environment.aws.account,
        zones=environment.network.zones if isinstance(environment, Environment) else (),
    )
    return evaluate_project(folder, environment.name, fixtures=fixtures)
