"""The prices that an estimate is made from: one dated file."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FILE: Final = Path(__file__).with_name("prices.toml")

Dollars = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Processor(_Part):
    """What a Fargate task pays an hour."""

    vcpu_hour: Dollars
    gigabyte_hour: Dollars


class DatabaseClass(_Part):
    """A class of database instances."""

    hour: Dollars
    vcpus: Annotated[int, Field(gt=0)]


class Database(_Part):
    """What databases cost."""

    proxy_vcpu_hour: Dollars
    classes: Mapping[str, DatabaseClass]


class Alarm(_Part):
    """What alarms cost, by the metrics that they read."""

    metric_month: Dollars
    anomaly_metrics: Annotated[int, Field(gt=0)]


class Firewall(_Part):
    """What web ACLs cost."""

    acl_month: Dollars
    rule_month: Dollars
    groups: Mapping[str, Dollars]


class Network(_Part):
    """What ways into a network cost."""

    endpoint_zone_hour: Dollars
    public_address_hour: Dollars


class Synthetics(_Part):
    """What canaries cost."""

    run: Dollars


class Prices(_Part):
    """US dollars on `date` in `region`: a month's by resource type, or by what a type is billed."""

    date: date
    region: str
    hours_per_month: Annotated[int, Field(gt=0)]
    free: tuple[str, ...]
    """How the types begin that cost nothing."""
    monthly: Mapping[str, Dollars]
    hourly: Mapping[str, Dollars]
    usage: Mapping[str, str]
    """What is billed by use, and how."""
    fargate: Mapping[str, Processor]
    database: Database
    cache: Mapping[str, Dollars]
    instance: Mapping[str, Dollars]
    alarm: Alarm
    firewall: Firewall
    network: Network
    synthetics: Synthetics


@cache
def prices() -> Prices:
    """The prices of the project."""
    return Prices.model_validate(tomllib.loads(FILE.read_text()))
