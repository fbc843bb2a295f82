"""Staging is held against production by their typed records."""

from pathlib import Path

import pytest

from environments import Environment, load
from environments.parity import capacity_problems
from tests.environments.records import PROJECT, changed, content_of, write


def staging_with(folder: Path, key: str, value: object) -> Environment:
    """The project's staging with one key changed."""
    write(folder, "staging", changed(content_of("staging"), key, value))
    return load("staging", folder)


def test_staging_has_its_share_of_production() -> None:
    """The project's own staging is large enough to stand in for production (ENV-08)."""
    production = load("production", PROJECT)
    assert not list(capacity_problems(load("staging", PROJECT), production))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("services.api.instances", {"min": 1, "max": 2}, "services.api.instances.max 2 is below 3"),
        ("services.prover", ..., "services.prover is missing"),
        ("database.replicas", {"min": 0, "max": 0}, "database.replicas.max"),
    ],
)
def test_too_little_is_named(tmp_path: Path, key: str, value: object, said: str) -> None:
    """What staging lacks is named with the share that the standard asks for."""
    if key == "database.replicas":
        value = {"min": 1, "max": 1}
        staging = staging_with(tmp_path, key, value)
        larger = changed(content_of("production"), "database.replicas", {"min": 2, "max": 15})
        write(tmp_path, "production", larger)
        production = load("production", tmp_path)
    else:
        staging = staging_with(tmp_path, key, value)
        production = load("production", PROJECT)
    problems = list(capacity_problems(staging, production))
    assert len(problems) == 1
    assert said in problems[0]
    assert "ENV-0" in problems[0]
