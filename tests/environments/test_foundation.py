"""Foundations: found by what their files say, and held to the environments that stand on them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from environments import (
    ConfigurationError,
    Environment,
    Foundation,
    foundations,
    load,
    load_foundation,
    load_stack,
    names,
    stacks,
)
from tests.environments.records import PROJECT, changed, content_of, write


def refusal(folder: Path, content: dict[str, Any], name: str = "foundation") -> list[str]:
    """What loading `content` as the file of a foundation is refused with."""
    for environment in names(PROJECT):
        if not (folder / f"Pulumi.{environment}.yaml").exists():
            shutil.copy(PROJECT / f"Pulumi.{environment}.yaml", folder)
    write(folder, name, content)
    with pytest.raises(ConfigurationError) as refused:
        load_foundation(name, folder)
    return refused.value.problems


def test_a_file_says_what_it_is_of(tmp_path: Path) -> None:
    """By its key `slipway:kind`, whatever the file is called."""
    write(tmp_path, "platform", content_of("foundation"))
    write(tmp_path, "foundation", content_of("production"))
    assert foundations(tmp_path) == ["platform"]
    assert names(tmp_path) == ["foundation"]
    assert stacks(tmp_path) == ["foundation", "platform"]


def test_a_file_that_cannot_be_read_is_no_foundation(tmp_path: Path) -> None:
    """It is loaded as an environment, and refused with what is wrong with it."""
    write(tmp_path, "broken", "config: [slipway:kind: foundation")
    assert names(tmp_path) == ["broken"]
    with pytest.raises(ConfigurationError, match=r"Pulumi\.broken\.yaml:\d+:\d+: no YAML"):
        load_stack("broken", tmp_path)


def test_both_kinds_are_loaded_by_name() -> None:
    """Every environment stands on a foundation, and each foundation knows which ones do."""
    assert isinstance(load_stack("production", PROJECT), Environment)
    carried = {
        environment.name: environment
        for name in foundations(PROJECT)
        for environment in load_foundation(name, PROJECT).environments
    }
    assert sorted(carried) == names(PROJECT)
    assert carried["production"] == load("production", PROJECT)


def test_state_is_kept_in_a_bucket_of_the_account() -> None:
    """The backend can be told from the file, before there is anything to ask."""
    foundation = load_stack("foundation", PROJECT)
    assert isinstance(foundation, Foundation)
    assert foundation.backend == "s3://slipway-state-333333333333?region=us-east-1&awssdk=v2"


def test_a_foundation_is_no_environment() -> None:
    """Asked for as one, it is named as what it is not, with the environments that there are."""
    with pytest.raises(ConfigurationError, match=r"no environment 'foundation'\. There are: devel"):
        load("foundation", PROJECT)
    with pytest.raises(ConfigurationError, match=r"no foundation 'production'\. There are: found"):
        load_foundation("production", PROJECT)


def test_a_name_mistaken_is_guessed(tmp_path: Path) -> None:
    """Among all stacks that there are."""
    write(tmp_path, "foundation", content_of("foundation"))
    with pytest.raises(ConfigurationError, match=r"'fundation', did you mean foundation\?"):
        load_stack("fundation", tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kind", "foundations", "slipway:kind: Input should be 'environment' or 'foundation'"),
        ("registri", {}, "slipway:registri is unknown: did you mean registry?"),
        ("groups.production", ..., "groups.production is missing: production admits it (ENV-03)"),
        (
            "groups.developers",
            "arn:aws:iam::444444444444:role/developers",
            "groups.developers is not admitted to production, production is (ENV-03)",
        ),
        ("groups.production", "arn:aws:iam::444444444444:root", "slipway:groups.production"),
        ("breakGlass", [], "slipway:breakGlass"),
        ("tier", "staging", "tier staging is not the strictest of its environments, production"),
        ("dataClass", "synthetic", "dataClass synthetic is not that of the environment whose"),
        ("environments", ["live"], "there is no environment 'live', only: development"),
        ("environments", "production", "slipway:environments"),
        (
            "environments",
            ["staging", "production"],
            "environments staging and production each ship every log of their account",
        ),
        ("environments", [], "slipway:environments"),
        ("aws.account", "999999999999", "lives in 333333333333 us-east-1, this foundation in 9999"),
        ("aws.region", "eu-west-1", "this foundation in 333333333333 eu-west-1"),
        ("aws.endpoint", "http://127.0.0.1:5555", "calls AWS, its foundation http://127.0.0.1:5"),
        ("registry.repositories", ["slipway/web"], "registry.repositories has slipway/web (ART-05"),
        ("registry.repositories", ["Slipway/Web"], "slipway:registry.repositories.0"),
        ("registry.imagesKept", 1, "slipway:registry.imagesKept"),
        ("repository.name", "slipway", "slipway:repository.name"),
        ("services", ["ec2:*"], "slipway:services.0"),
        ("logRetentionDays", {"audit": 30}, "30 is below 365, the least allowed (LOG-04)"),
    ],
)
def test_a_bad_value_names_file_key_and_limit(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """Each problem names the file and the key, and what is allowed there."""
    content = changed(content_of("foundation"), key, value)
    if key == "kind":
        write(tmp_path, "foundation", content)
        with pytest.raises(ConfigurationError) as refused:
            load_stack("foundation", tmp_path)
        problems = refused.value.problems
    else:
        problems = refusal(tmp_path, content)
    assert all(problem.startswith("Pulumi.foundation.yaml: ") for problem in problems)
    assert any(said in problem for problem in problems), problems


def test_a_key_of_state_that_nobody_makes_is_refused(tmp_path: Path) -> None:
    """An environment encrypts its secrets with the key that its foundation makes (SEC-12)."""
    key = "awskms://alias/pulumi?region=us-east-1"
    write(tmp_path, "production", changed(content_of("production"), "secretsProvider", key))
    (problem,) = refusal(tmp_path, content_of("foundation"))
    assert "environment production encrypts its secrets with awskms://alias/pulumi" in problem
    assert "awskms://alias/slipway-state-production?region=us-east-1 (SEC-12)" in problem


def test_what_is_wrong_with_an_environment_is_said_of_its_own_file(tmp_path: Path) -> None:
    """A foundation cannot be declared for an environment that is not sound."""
    write(tmp_path, "production", changed(content_of("production"), "release.branch", "feature"))
    (problem,) = refusal(tmp_path, content_of("foundation"))
    assert problem.startswith("Pulumi.production.yaml: slipway:release.branch: ")
