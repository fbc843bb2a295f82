"""The program as a whole: what holds of every resource, of every environment, of a new one."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from environments import ConfigurationError, Environment
from plan import Graph, Plan, Value
from preview.environment import evaluate_environment, read_environment
from preview.errors import ProgramError
from preview.runner import evaluate_project
from tests.conftest import PROJECT
from tests.stacks.reading import ENVIRONMENTS, managed

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_STATEFUL = (
    "amp/workspace", "backup/vault", "cloudwatch/logGroup", "dynamodb/table", "kms/key",
    "rds/cluster", "route53/hostedZoneDnsSec", "s3/bucket", "secretsmanager/secret",
)  # fmt: skip
_OF_EVERY_TIER = ("edge", "keys", "network", "topics")
_EMULATED = {
    "appautoscaling": "applicationautoscaling",
    "cloudwatch/event": "cloudwatchevents",
    "cloudwatch/log": "cloudwatchlogs",
    "lb": "elbv2",
    "vpc": "ec2",
}
"""Services that the provider's endpoints name otherwise than its types."""


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def _project_with(folder: Path, name: str, text: str) -> Path:
    """A copy of the project's program in `folder`, with one environment."""
    for file in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(PROJECT / file, folder / file)
    (folder / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_resource_names_its_provider(name: str, plan_of: PlanOf) -> None:
    """The default providers are disabled: each resource goes through one of the environment's."""
    plan = plan_of(name)
    providers = {one.urn: one.name for one in plan.resources if one.type == "pulumi:providers:aws"}
    assert sorted(providers.values()) == ["backup", "main"]
    assert {one.provider for one in managed(plan)} == set(providers)
    assert not plan.warnings


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_resource_says_whose_it_is(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """The providers tag what they make with environment, owner, service, manager and data class."""
    record = record_of(name)
    expected = {
        "Environment": name,
        "Owner": record.owner,
        "Service": "slipway",
        "ManagedBy": "pulumi",
        "DataClass": record.data_class.value,
    }
    for one in plan_of(name).resources:
        if one.type == "pulumi:providers:aws":
            assert yaml.safe_load(str(one.inputs["defaultTags"])) == {"tags": expected}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_credentials_of_another_account_are_refused(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """An environment is never applied to another account; only an emulator is any account's."""
    aws = record_of(name).aws
    for one in plan_of(name).resources:
        if one.type == "pulumi:providers:aws":
            allowed = yaml.safe_load(str(one.inputs.get("allowedAccountIds", "null")))
            assert allowed == (None if aws.endpoint else [aws.account])


def test_every_call_of_development_goes_to_the_emulator(
    plan_of: PlanOf, record_of: RecordOf
) -> None:
    """No service that development uses is left to the real AWS."""
    plan = plan_of("development")
    provider = next(one for one in plan.resources if one.type == "pulumi:providers:aws")
    (endpoints,) = yaml.safe_load(str(provider.inputs["endpoints"]))
    assert set(endpoints.values()) == {record_of("development").aws.endpoint}
    used = {one.type.split(":")[1] for one in managed(plan)}
    called = {
        next(
            (end for start, end in _EMULATED.items() if kind.startswith(start)), kind.split("/")[0]
        )
        for kind in used
    }
    assert called <= set(endpoints)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_logical_names_do_not_hold_the_environment(name: str, plan_of: PlanOf) -> None:
    """A resource is called the same in every environment, so that their URNs can be compared."""
    assert not [one.name for one in managed(plan_of(name)) if name in one.name]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_holds_state_is_protected_where_data_matters(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """In staging and production a deletion of data fails; elsewhere nothing is in the way."""
    protected = {one.urn for one in managed(plan_of(name)) if one.options.protect}
    stateful = {one.urn for one in managed(plan_of(name)) if one.type.split(":")[1] in _STATEFUL}
    assert stateful
    assert protected == (stateful if record_of(name).is_stateful_protected else set())


def test_staging_is_built_like_production(plan_of: PlanOf) -> None:
    """Keys, network, edge and topics of staging are those of production, one by one (ENV-07)."""

    def shape(name: str) -> set[str]:
        plan = plan_of(name)
        by_urn = Graph(plan).by_urn
        return {
            one.urn.partition("::")[2]
            for one in managed(plan)
            if by_urn[one.parent or ""].name in _OF_EVERY_TIER
        }

    assert shape("staging") == shape("production")
    assert len(shape("production")) > 50


def test_two_evaluations_declare_the_same(plan_of: PlanOf, record_of: RecordOf) -> None:
    """Nothing in the program depends on the time, on chance or on the order of a set."""
    again = evaluate_environment(record_of("production"), PROJECT)
    assert again.resources == plan_of("production").resources


def test_a_new_environment_is_one_file(tmp_path: Path, plan_of: PlanOf) -> None:
    """A copy of an environment's file under another name previews, and is a world of its own."""
    text = (PROJECT / "Pulumi.production.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("name: slipway.example.com", "name: rehearsal.example.com"),
        ("10.40.0.0/16", "10.50.0.0/18"),
        ("slipway-state-production", "slipway-state-rehearsal"),
        ("slipway/production/paging", "slipway/rehearsal/paging"),
    ):
        assert old in text
        text = text.replace(old, new)
    folder = _project_with(tmp_path, "rehearsal", text)
    plan = evaluate_environment(read_environment("rehearsal", folder), folder)
    assert len(plan.resources) == len(plan_of("production").resources)
    known = [text for one in managed(plan) for text in _texts(one.inputs)]
    assert not [text for text in known if "production" in text or "10.40." in text]
    assert [text for text in known if text.startswith("10.50.")]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("natGateways: per-zone", "natGateways: one", "natGateways"),
        ("zoneId: Z0SLIPWAYPRODUCTION", "zoneId: example.com", "zoneId"),
        ("cidr: 10.40.0.0/16", "cidr: 8.8.0.0/16", "private range"),
        ("dataClass: real", "dataKlass: real", "did you mean dataClass"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_declared(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """The program stops at its record, with the file and the key, and without a traceback."""
    text = (PROJECT / "Pulumi.production.yaml").read_text(encoding="utf-8")
    assert old in text
    folder = _project_with(tmp_path, "production", text.replace(old, new))
    with pytest.raises(ConfigurationError, match=problem):
        read_environment("production", folder)
    with pytest.raises(ProgramError, match=r"Pulumi\.production\.yaml: .*" + problem):
        evaluate_project(folder, "production")


def test_a_retention_that_cloudwatch_does_not_offer_is_refused(tmp_path: Path) -> None:
    """AWS would refuse it in the middle of an update; the file is told the next longer one."""
    text = (PROJECT / "Pulumi.production.yaml").read_text(encoding="utf-8")
    text += "  slipway:logRetentionDays: {access: 100}\n"
    folder = _project_with(tmp_path, "production", text)
    with pytest.raises(ConfigurationError, match=r"access 100 .* the next longer is 120"):
        read_environment("production", folder)
