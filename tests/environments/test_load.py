"""An environment is one file, and what is wrong in it is said so that it can be mended."""

import os
from pathlib import Path
from typing import Any

import pytest

from environments import ConfigurationError, DataClass, Environment, load, names
from environments.checks import CHECKS, Check
from environments.stack import LogRetention
from standards import Tier, figure, requirement
from tests.environments.records import PROJECT, changed, content_of, write


def refusal(folder: Path, content: object, name: str = "production") -> list[str]:
    """The problems that reading `content` as an environment's file reports."""
    write(folder, name, content)
    with pytest.raises(ConfigurationError) as caught:
        load(name, folder)
    return caught.value.problems


def test_the_project_has_the_four_environments() -> None:
    """Each tier of the standards has one environment, found by its file alone (ENV-01)."""
    environments = [load(name, PROJECT) for name in names(PROJECT)]
    assert {environment.tier for environment in environments} == set(Tier)
    assert len(environments) == len(Tier)


def test_a_new_file_is_a_new_environment(tmp_path: Path) -> None:
    """Another file beside the others is another environment, under the name of the file."""
    write(tmp_path, "rehearsal", content_of("staging"))
    assert names(tmp_path) == ["rehearsal"]
    assert load("rehearsal", tmp_path).tier is Tier.STAGING


def test_retention_defaults_to_the_standards() -> None:
    """Logs are kept as long as the standards say where the file is silent."""
    kept = load("production", PROJECT).log_retention_days
    assert kept.application == figure("LOG-02", "retention_days").days
    assert kept.audit == figure("LOG-04", "retention_days").days


def test_an_unknown_environment_names_the_closest_and_all() -> None:
    """A misspelt name is answered with the one that was meant and with all there are."""
    with pytest.raises(ConfigurationError, match=r"did you mean production\?.*integration"):
        load("prodution", PROJECT)


def test_a_project_without_environments_says_what_to_add(tmp_path: Path) -> None:
    """A folder without environment files says which file to add."""
    with pytest.raises(ConfigurationError, match=r"add a Pulumi\.<name>\.yaml"):
        load("production", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [1, 2}", "Pulumi.production.yaml:1:14: no YAML"),
        ("", "the file should hold keys, and is empty"),
        ("- a", "the file should hold keys, and is a list"),
        ("encryptionsalt: x", "config should hold keys, and is empty"),
        ("config:\n\t- x", "no YAML"),
        ("config: !mine x", ":1:9: no YAML: could not determine a constructor"),
        ("config: 2026-13-45", "no YAML: month must be in"),
        ("config:\n  a: 1\n  a: 2", ":3:3: a stands here a second time, the first is in line 2"),
        ("config: &all {a: [*all]}", ":1:9: refers to itself"),
        ("a: " + "[" * 300_000, "nests more than 100 levels deep"),
    ],
)
def test_broken_yaml_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """A file that is no YAML mapping is refused with file, line and column."""
    assert said in refusal(tmp_path, text)[0]


def test_a_file_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    """Whether it is long, or multiplies a few lines by aliases: nobody waits for it."""
    assert "1,000,002 bytes are more than" in refusal(tmp_path, "#" * 1_000_001 + "\n")[0]
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "holds more than 100,000 values" in refusal(tmp_path, "\n".join(lines))[0]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder or a pipe under the name of an environment is said to be one, and not waited for."""
    (tmp_path / "Pulumi.folder.yaml").mkdir()
    os.mkfifo(tmp_path / "Pulumi.pipe.yaml")
    for name, said in (("folder", "cannot be read: Is a directory"), ("pipe", "no regular file")):
        with pytest.raises(ConfigurationError, match=rf"Pulumi\.{name}\.yaml: .*{said}"):
            load(name, tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused, naming the file."""
    (tmp_path / "Pulumi.production.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"Pulumi\.production\.yaml: cannot be read"):
        load("production", tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tier", ..., "slipway:tier is missing"),
        ("edge.name", ..., "slipway:edge.name is missing"),
        ("databse", {}, "slipway:databse is unknown: did you mean database?"),
        ("network.zone", [], "slipway:network.zone is unknown: did you mean zones?"),
        ("tier", "live", "slipway:tier: Input should be"),
        ("network.cidr", "8.8.0.0/16", "no private range"),
        ("network.cidr", "10.0.0.0/8", "no private range"),
        ("network.zones", ["us-east-1a", "us-east-1a"], "name one twice"),
        ("network.cidr", "169.254.0.0/16", "no private range"),
        ("network.cidr", "10.40.0.0/21", "no private range from /16 to /20"),
        ("network.zones", ["us-east-1a", "eu-west-1a"], "eu-west-1a lie outside aws.region"),
        ("network.allowedDomains", ["*"], "slipway:network.allowedDomains"),
        ("aws.region", "cn-north-1", "another partition of AWS"),
        ("aws.backupRegion", "us-gov-west-1", "another partition of AWS"),
        ("edge.allowedOrigins", ["https://a.example.com", "*"], "slipway:edge.allowedOrigins.1"),
        ("edge.allowedOrigins", [], "slipway:edge.allowedOrigins"),
        ("edge.access", "members", "'open'"),
        ("edge.signIn.attemptsPerTenMinutes", 5, "greater than or equal to 10"),
        ("edge.signIn.attemptsPerTenMinutes", 201, "201 is above 200, the most allowed (NET-10)"),
        ("edge.requestsPerFiveMinutes", 2001, "2001 is above 2000, the most allowed (NET-09)"),
        ("frontend.name", "app.example.org", "frontend.name app.example.org lies outside"),
        ("frontend.name", "slipway.example.com", "is edge.name: each needs its own"),
        ("aws.backupRegion", "us-east-1", "is the environment's own region"),
        ("edge.name", "api.example.org", "lies outside zone example.com"),
        ("services.api.image", "nginx:latest", "slipway:services.api.image"),
        ("services.api.instances.max", 1, "max 1 is below min 3"),
        ("services.api.healthCheck", ..., "slipway:services.api.healthCheck is missing"),
        (
            "services.api.healthCheck",
            {"path": "/", "command": ["/app/health"], "timeoutSeconds": 61},
            "timeoutSeconds 61: ECS gives a command 60 at most",
        ),
        ("logRetentionDays", {"audit": 30}, "30 is below 365, the least allowed (LOG-04)"),
        ("database.replicas.max", "many", "not 'many'"),
        ("services.api.cpu", 1000, "cpu 1000 is none of Fargate's: 256, 512"),
        ("services.api.memory", 10_000, "memory 10000 does not go with cpu 1024: 8192 does"),
        ("services.prover.paths", ["/*"], "services api and prover both take path /*"),
    ],
)
def test_a_bad_value_names_file_key_limit_and_value(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """Each problem names the file and the key, and what is allowed there."""
    problems = refusal(tmp_path, changed(content_of("production"), key, value))
    assert len(problems) == 1
    assert problems[0].startswith(
        ("Pulumi.production.yaml: slipway:", "Pulumi.production.yaml: config")
    )
    assert said in problems[0]


def test_ranges_that_overlap_are_refused(tmp_path: Path) -> None:
    """Two networks with an address in common can never be joined (ENV-01)."""
    write(tmp_path, "staging", changed(content_of("staging"), "network.cidr", "10.40.128.0/20"))
    (problem,) = refusal(tmp_path, content_of("production"))
    assert problem == (
        "Pulumi.production.yaml: slipway:network.cidr: 10.40.0.0/16 overlaps 10.40.128.0/20 of "
        "staging: environments are apart, each with a range of its own (ENV-01)"
    )


def test_a_broken_file_beside_it_is_not_its_problem(tmp_path: Path) -> None:
    """What cannot be read says so when it is asked for itself."""
    write(tmp_path, "staging", "config: [1, 2}")
    write(tmp_path, "integration", changed(content_of("integration"), "network.cidr", "many"))
    write(tmp_path, "production", content_of("production"))
    assert load("production", tmp_path).tier is Tier.PRODUCTION


@pytest.mark.parametrize("name", ["internal", "internal-tools", "sg-one", "aws"])
def test_a_name_that_aws_keeps_is_refused(tmp_path: Path, name: str) -> None:
    """A load balancer called `internal-edge`, or a group `sg-api`, is refused by AWS itself."""
    (problem,) = refusal(tmp_path, content_of("integration"), name)
    assert f"name {name}: AWS lets no name begin with internal, sg" in problem


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """Two mistakes take one round to mend, not two."""
    content = changed(content_of("production"), "tier", ...)
    content = changed(content, "database.port", 0)
    assert len(refusal(tmp_path, content)) == 2


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.requirement} {check.key}")
def test_each_check_refuses_its_own_example(tmp_path: Path, check: Check) -> None:
    """What a requirement asks of a tier is refused where it is broken, citing the requirement."""
    tier = max(requirement(check.requirement).environments, key=list(Tier).index)
    content = content_of(tier)
    for key, value in check.breaking.items():
        content = changed(content, key, value)
    problems = refusal(tmp_path, content, tier)
    assert any(
        problem.startswith(f"Pulumi.{tier}.yaml: {check.key}: ")
        and problem.endswith(f"({check.requirement})")
        for problem in problems
    )


def test_a_check_leaves_other_tiers_alone(tmp_path: Path) -> None:
    """What only production must have may be missing elsewhere."""
    content: dict[str, Any] = changed(
        content_of("integration"), "services.prover.instances", {"min": 1, "max": 1}
    )
    write(tmp_path, "integration", content)
    assert load("integration", tmp_path).services["prover"].instances.min == 1


def test_real_data_stays_in_production(tmp_path: Path) -> None:
    """A data class that does not fit its environment is refused (ENV-02)."""
    problem = refusal(tmp_path, changed(content_of("staging"), "dataClass", "real"), "staging")[0]
    assert problem.startswith("Pulumi.staging.yaml: slipway:dataClass: real data does not belong")
    assert problem.endswith("sanitised does (ENV-02)")
    assert load("production", PROJECT).data_class is DataClass.REAL


def test_the_record_cannot_be_changed() -> None:
    """An environment is frozen once it is read."""
    environment = load("production", PROJECT)
    with pytest.raises(ValueError, match="frozen"):
        environment.owner = "else@example.com"
    assert isinstance(environment, Environment)


def test_bounds_of_one_amount_cite_their_own_requirement() -> None:
    """Audit and deployment logs are kept equally long, each by its own sentence."""
    cited = {
        name: [bound.least.figure.requirement for bound in field.metadata]
        for name, field in LogRetention.model_fields.items()
    }
    assert cited == {
        "application": ["LOG-02"],
        "access": ["LOG-03"],
        "audit": ["LOG-04"],
        "deployment": ["LOG-05"],
    }
