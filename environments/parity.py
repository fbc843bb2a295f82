"""Holding staging against production: what two environments must have in common.

Each comparison cites the requirement that it holds staging to.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, cast

from environments.model import Environment
from standards import Tier, figure, requirement

TIERS: Final = (Tier.STAGING, Tier.PRODUCTION)
"""The tiers whose environments are compared."""

_ALLOWED: Final = {
    "name": "the name of the environment",
    "tier": "what the environment is for",
    "owner": "the name of who answers for it",
    "secretsProvider": "the name of a key of its own",
    "dataClass": "the data source: staging holds what was sanitised (ENV-02)",
    "aws.account": "the name of an account of its own",
    "network.cidr": "the addresses of a network of its own",
    "edge.zone": "the name of the zone",
    "edge.zoneId": "the name of the zone",
    "edge.name": "the name that it is reached by",
    "edge.allowedOrigins": "the names that its pages are reached by",
    "edge.access": "a switch: a beta is over in one before the other (REL-10)",
    "frontend.name": "the name that its pages are reached by",
    "services.*.image": "the name of the registry, and the release that staging tries first",
    "services.*.cpu": "a size",
    "services.*.memory": "a size",
    "services.*.instances.*": "a count",
    "services.*.demand.*": "a count: the load of users is production's",
    "kubernetes.administrators": "the names of roles of its own account",
    "kubernetes.mcp.image": "the name of the registry, and the release that staging tries first",
    "kubernetes.mcp.cpu": "a size",
    "kubernetes.mcp.memory": "a size",
    "kubernetes.mcp.replicas.*": "a count",
    "kubernetes.mcp.demand.*": "a count: the load of users is production's",
    "database.instanceClass": "a size",
    "database.replicas.*": "a count",
    "database.backupRetentionDays": "a count: how many days of sanitised data are kept",
    "database.backupCopyRetentionDays": "a count: how many days of sanitised data are kept",
    "cache.nodeType": "a size",
    "cache.replicas": "a count",
    "cache.snapshotRetentionDays": "a count: how many days of what can be computed again are kept",
    "tasks.image": "the name of the registry, and the release that staging tries first",
    "tasks.cpu": "a size",
    "tasks.memory": "a size",
    "solana.cluster": "the data source: another cluster (SOL-01)",
    "solana.programId": "the data source: the program's name on that cluster",
    "solana.rpcUrls": "the data source: the names of that cluster's nodes",
    "alerts.*": "the names of those who hear of alarms",
    "alerts.chat.*": "the names of those who hear of alarms",
    "metrics.collector": "the name of the registry",
    "release.branch": "the name of the branch (ENV-04)",
    "release.approvals": "a count (PIPE-08)",
    "smoke.authentication.secret": "the name of a secret of its own account",
    "smoke.invite": "the name of a secret of its own account",
}
"""The settings in which staging may differ from production, and why (ENV-07); `*` is any key."""

_ALLOWED_KEYS: Final = [
    (re.compile(re.escape(key).replace(r"\*", r"[^.]+")), why) for key, why in _ALLOWED.items()
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that is not the same in staging and in production; `None` where it is not set.

    `allowed` says why it may differ, and is empty where it may not.
    """

    key: str
    staging: object
    production: object
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One way in which staging is held to production, and what to say where it does not hold."""

    requirement: str
    name: str
    problems: Callable[[Environment, Environment], Iterator[str]]

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that the comparison serves, of those that its requirement names."""
        named = requirement(self.requirement).environments
        return tuple(tier for tier in TIERS if tier in named)


def parity_problems(staging: Environment, production: Environment) -> Iterator[str]:
    """What staging lacks to stand in for production, one sentence each, with the requirement."""
    for comparison in COMPARISONS:
        for problem in comparison.problems(staging, production):
            yield f"{problem} ({comparison.requirement})"


def differences(staging: Environment, production: Environment) -> list[Difference]:
    """Every setting in which the two records differ, allowed or not, in the order of the keys."""
    ours, theirs = dict(_settings(staging)), dict(_settings(production))
    return [
        Difference(key=key, staging=ours.get(key), production=theirs.get(key), allowed=_reason(key))
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    ]


def _unlike(staging: Environment, production: Environment) -> Iterator[str]:
    for name in sorted({*staging.services} ^ {*production.services}):
        has, lacks = (production, staging) if name in production.services else (staging, production)
        yield f"services.{name} is in {has.name} and not in {lacks.name}"
    common = {*staging.services} & {*production.services}
    for found in differences(staging, production):
        first, _, rest = found.key.partition(".")
        if found.allowed or (first == "services" and rest.partition(".")[0] not in common):
            continue
        yield (
            f"{found.key} is {_shown(found.staging)}, and {_shown(found.production)} in "
            f"{production.name}: only names, sizes, counts and the data source may differ"
        )


def _too_small(staging: Environment, production: Environment) -> Iterator[str]:
    share = figure("ENV-08", "staging_capacity_min_percent_of_production")
    pairs = [
        (f"services.{name}.instances.max", staging.services[name].instances, service.instances)
        for name, service in production.services.items()
        if name in staging.services
    ]
    pairs.append(("database.replicas.max", staging.database.replicas, production.database.replicas))
    if staging.kubernetes and production.kubernetes:
        ours, theirs = staging.kubernetes.mcp.replicas, production.kubernetes.mcp.replicas
        pairs.append(("kubernetes.mcp.replicas.max", ours, theirs))
    for key, ours, theirs in pairs:
        least = ceil(theirs.max * share.fraction)
        if ours.max < least:
            yield (
                f"{key} {ours.max} is below {least}: {share.percent:.0f} % of {production.name}'s"
            )


COMPARISONS: Final = (
    Comparison(requirement="ENV-07", name="every setting of staging", problems=_unlike),
    Comparison(requirement="ENV-08", name="the capacity of staging", problems=_too_small),
)


def _reason(key: str) -> str:
    return next((why for allowed, why in _ALLOWED_KEYS if allowed.fullmatch(key)), "")


def _settings(environment: Environment) -> Iterator[tuple[str, object]]:
    """Every setting by its dotted key; a list is one setting, and so is what is empty."""
    return _leaves(environment.model_dump(mode="json", by_alias=True), "")


def _leaves(value: object, key: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from _leaves(item, f"{key}.{name}" if key else name)
    elif value is not None:
        yield key, value


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, cast("Sequence[object]", value))) or "empty"
    return str(value) or "empty"
