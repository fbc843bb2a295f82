"""Staging is held against production by their typed records."""

from pathlib import Path

import pytest

from environments import Environment, load
from environments.parity import COMPARISONS, differences, parity_problems
from standards import Tier
from tests.environments.records import PROJECT, changed, content_of, write


def staging_with(folder: Path, key: str, value: object) -> Environment:
    """The project's staging with one key changed."""
    write(folder, "staging", changed(content_of("staging"), key, value))
    return load("staging", folder)


def test_staging_stands_in_for_production() -> None:
    """The project's own staging is large enough (ENV-08) and differs where it may (ENV-07)."""
    assert not list(parity_problems(load("staging", PROJECT), load("production", PROJECT)))


def test_every_difference_is_told_with_its_reason() -> None:
    """Also what may differ: a reviewer sees how far staging is from production."""
    found = {
        each.key: each
        for each in differences(load("staging", PROJECT), load("production", PROJECT))
    }
    assert {"aws.account", "services.api.instances.max", "solana.cluster"} <= set(found)
    assert found["database.instanceClass"].staging == "db.r7g.large"
    assert found["database.instanceClass"].production == "db.r7g.xlarge"
    assert found["database.instanceClass"].allowed == "a size"
    assert all(each.allowed for each in found.values())
    assert not differences(load("production", PROJECT), load("production", PROJECT))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("network.natGateways", "single", "network.natGateways is single, and per-zone in"),
        ("network.zones", ["us-east-1a", "us-east-1b"], "network.zones is us-east-1a, us-east-1b,"),
        ("aws.backupRegion", "us-east-2", "aws.backupRegion is us-east-2, and us-west-2 in "),
        ("database.engineVersion", "16.9", "database.engineVersion is 16.9, and 16.8"),
        ("services.api.port", 8081, "services.api.port is 8081, and 8080"),
        ("services.api.healthCheck.path", "/ok", "services.api.healthCheck.path is /ok, and"),
        ("services.api.variables", {}, "services.api.variables.LOG_LEVEL is not set, and info"),
        ("services.api.secrets", [], "services.api.secrets is empty, and API_SIGNING_KEY"),
        ("logRetentionDays", {"audit": 400}, "logRetentionDays.audit is 400, and 365"),
    ],
)
def test_a_setting_that_may_not_differ_is_named(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """With what staging says, what production says, and what may differ."""
    staging = staging_with(tmp_path, key, value)
    problems = list(parity_problems(staging, load("production", PROJECT)))
    assert any(problem.startswith(said) for problem in problems), problems
    assert all(problem.endswith("may differ (ENV-07)") for problem in problems)


def test_a_service_is_in_both_or_in_neither(tmp_path: Path) -> None:
    """Said once, and not once for each of its settings."""
    (ours, theirs), one = (tmp_path / "with", tmp_path / "without"), "services.prover"
    for folder in (ours, theirs):
        folder.mkdir()
        for name in ("staging", "production"):
            # What is watched names the services, so that it would be told of, too.
            content = changed(content_of(name), "cutover", ...)
            write(folder, name, content if folder is ours else changed(content, one, ...))
    assert list(parity_problems(load("staging", theirs), load("production", ours))) == [
        "services.prover is in production and not in staging (ENV-07)"
    ]
    assert list(parity_problems(load("staging", ours), load("production", theirs))) == [
        "services.prover is in staging and not in production (ENV-07)"
    ]


@pytest.mark.parametrize(
    ("key", "value", "larger", "said"),
    [
        ("services.api.instances", {"min": 1, "max": 2}, {}, "services.api.instances.max 2 is"),
        ("database.replicas", {"min": 1, "max": 2}, {"min": 2, "max": 15}, "database.replicas.max"),
    ],
)
def test_too_little_is_named(
    tmp_path: Path, key: str, value: object, larger: object, said: str
) -> None:
    """What staging has too little of is named with the share that the standard asks for."""
    staging = staging_with(tmp_path, key, value)
    production = content_of("production")
    write(tmp_path, "production", changed(production, key, larger) if larger else production)
    (problem,) = parity_problems(staging, load("production", tmp_path))
    assert problem.startswith(said)
    assert problem.endswith("is below 3: 20 % of production's (ENV-08)")


def test_a_comparison_serves_the_tiers_that_it_compares() -> None:
    """As far as its requirement names them."""
    tiers = {comparison.requirement: comparison.tiers for comparison in COMPARISONS}
    assert tiers == {"ENV-07": (Tier.STAGING, Tier.PRODUCTION), "ENV-08": (Tier.STAGING,)}
