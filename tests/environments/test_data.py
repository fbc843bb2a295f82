"""What an environment's file says of databases, caches and tasks: each bad value is refused."""

from pathlib import Path

import pytest

from environments import ConfigurationError, load
from environments.parity import parity_problems
from tests.environments.records import PROJECT, changed, content_of, write

REFUSED = (
    (
        "production", "database.replicas", {"min": 3, "max": 2},
        "database.replicas: max 2 is below min 3, what always runs (SCALE-02)",
    ),
    (
        "staging", "database.localUrl", "sqlite:////tmp/slipway.db",
        ("database.localUrl: is for a developer's machine, and staging runs on its PostgreSQL "
        "cluster (ENV-06)"),
    ),
    (
        "production", "logRetentionDays", {"audit": 180},
        "logRetentionDays.audit: 180 is below 365, the least allowed (LOG-04)",
    ),
    (
        "production", "database.replicas.min", 0,
        "database.replicas.min: 0 leaves the database of production without a standby (DB-02)",
    ),
)  # fmt: skip
SHAPES = (
    ("production", "cache.replicas", 0),
    ("production", "cache.engineVersion", "latest"),
    ("production", "cache.nodeType", "m5.large"),
    ("production", "cache.shards", 2),
    ("production", "database.insights", "deep"),
    ("production", "database.backupRetentionDays", 36),
    ("production", "tasks.image", "tasks:v1.0.0"),
    ("production", "tasks", ...),
    ("development", "database.localUrl", "mysql://127.0.0.1:3306/slipway"),
    ("development", "database.localUrl", "postgresql://db.example.com:5432/slipway"),
)


@pytest.mark.parametrize(("name", "key", "value", "problem"), REFUSED)
def test_a_value_that_breaks_a_standard_names_file_key_limit_and_requirement(
    tmp_path: Path, name: str, key: str, value: object, problem: str
) -> None:
    """Whoever reads the error knows what to change, and why."""
    write(tmp_path, name, changed(content_of(name), key, value))
    with pytest.raises(ConfigurationError) as raised:
        load(name, tmp_path)
    problems = str(raised.value).splitlines()
    assert f"Pulumi.{name}.yaml: slipway:{problem}" in problems


@pytest.mark.parametrize(("name", "key", "value"), SHAPES)
def test_a_value_that_aws_would_not_take_is_refused_by_its_key(
    tmp_path: Path, name: str, key: str, value: object
) -> None:
    """The error names the file and the key."""
    write(tmp_path, name, changed(content_of(name), key, value))
    with pytest.raises(ConfigurationError) as raised:
        load(name, tmp_path)
    assert f"Pulumi.{name}.yaml: slipway:{key}" in str(raised.value)


@pytest.mark.parametrize("url", ["sqlite:///slipway.db", "postgresql://127.0.0.1:5432/slipway"])
def test_development_may_run_on_sqlite_or_postgresql(tmp_path: Path, url: str) -> None:
    """Either lies on the developer's machine (ENV-06)."""
    write(tmp_path, "development", changed(content_of("development"), "database.localUrl", url))
    assert load("development", tmp_path).database.local_url == url


def test_staging_has_the_cache_that_production_has(tmp_path: Path) -> None:
    """A smaller one will do; none would let staging prove nothing of the other (ENV-07)."""
    write(tmp_path, "staging", changed(content_of("staging"), "cache", ...))
    staging, production = load("staging", tmp_path), load("production", PROJECT)
    problems = list(parity_problems(staging, production))
    assert any("cache" in problem and "ENV-07" in problem for problem in problems)


def test_too_few_replicas_in_staging_are_told(tmp_path: Path) -> None:
    """A fifth of production's most, rounded up, is the least that staging may grow to (ENV-08)."""
    write(
        tmp_path,
        "production",
        changed(content_of("production"), "database.replicas", {"min": 2, "max": 15}),
    )
    problems = list(parity_problems(load("staging", PROJECT), load("production", tmp_path)))
    assert problems == ["database.replicas.max 2 is below 3: 20 % of production's (ENV-08)"]
