"""Keys, topics and logs: each kind of data behind its own key, each event to its people."""

from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest

from environments import Environment
from plan import Graph, Plan
from policies.nodes import Subject
from tests.stacks.reading import ENVIRONMENTS, of_type, only, statements

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_PURPOSES = {
    "artifacts", "artifacts-copy", "backup", "backup-copy", "data", "insights", "logs", "records",
    "topics",
}  # fmt: skip
_COPIES = {"artifacts-copy", "backup-copy"}


def _keys(plan: Plan) -> list[Subject]:
    """The keys that the whole environment shares; what a part has of its own is its own matter."""
    return [key for key in of_type(plan, "kms/key") if "slipway:keys:Keys$" in key.resource.urn]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_purpose_has_a_key_of_its_own(name: str, plan_of: PlanOf) -> None:
    """A key opens one kind of data, rotates, has a name, and can be brought back for a month."""
    plan = plan_of(name)
    keys = _keys(plan)
    assert {key.name for key in keys} == _PURPOSES
    for key in keys:
        assert key.flag("enableKeyRotation")
        assert key.number("deletionWindowInDays") == 30
    aliases = {alias.text("name") for alias in of_type(plan, "kms/alias")}
    assert {f"alias/{name}-{purpose}" for purpose in _PURPOSES} <= aliases


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_administrators_of_a_key_cannot_read_with_it(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Who may administer a key may not decrypt, and nobody outside the account is let in."""
    account = record_of(name).aws.account
    for key in of_type(plan_of(name), "kms/key"):
        policy = statements(key)
        administration = policy.pop("Administration")
        actions = administration.texts("Action")
        for use in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "CreateGrant"):
            assert not [one for one in actions if fnmatchcase(f"kms:{use}", one)], use
        for statement in (administration, *policy.values()):
            for principal in statement.node("Principal").texts("AWS"):
                assert principal == f"arn:aws:iam::{account}:root"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_people_use_a_key_only_through_a_service(name: str, plan_of: PlanOf) -> None:
    """Whoever the account lets decrypt can do so only through the service that keeps the data."""
    for key in of_type(plan_of(name), "kms/key"):
        for statement in statements(key).values():
            if statement.text("Sid") != "Administration" and statement.node("Principal").has("AWS"):
                through = statement.node("Condition").node("StringEquals")
                assert through.texts("kms:ViaService")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_copies_of_backups_have_a_key_in_the_second_region(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """The key that opens the copies does not get lost with the first region."""
    plan = plan_of(name)
    by_urn = Graph(plan).by_urn
    regions = {
        key.name: by_urn[key.resource.provider or ""].inputs["region"] for key in _keys(plan)
    }
    aws = record_of(name).aws
    assert {str(regions.pop(copy)) for copy in _COPIES} == {aws.backup_region}
    assert set(regions.values()) == {aws.region}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_severity_reaches_its_people(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """A topic for each severity tells exactly the addresses of the environment's record."""
    graph = Graph(plan_of(name))
    alerts = record_of(name).alerts
    expected = {"critical": alerts.critical, "warning": alerts.warning, "info": alerts.info}
    topics = of_type(plan_of(name), "sns/topic")
    has_pulse = record_of(name).metrics is not None
    assert {topic.name for topic in topics} == {*expected, *(["heartbeat"] if has_pulse else [])}
    for topic in topics:
        told = [
            str(one.inputs["endpoint"])
            for one in graph.referrers(topic.resource, key="topic")
            if one.inputs["protocol"] == "email"
        ]
        assert sorted(told) == sorted(expected.get(topic.name, ()))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_topics_are_encrypted_and_closed(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """Only the services that raise events publish, for this account, and never without TLS."""
    graph = Graph(plan_of(name))
    account = record_of(name).aws.account
    for topic in of_type(plan_of(name), "sns/topic"):
        (key,) = graph.references(topic.resource, "kmsMasterKeyId")
        assert key.name == "topics"
        (policy,) = (
            Subject(one)
            for one in graph.referrers(topic.resource, key="arn")
            if one.type.startswith("aws:sns/topicPolicy:")
        )
        found = statements(policy)
        assert set(found) == {"Publishers", "EventBridge", "Alertmanager", "TlsOnly"}
        alertmanager = found["Alertmanager"].node("Condition").node("StringEquals")
        assert alertmanager.text("aws:SourceAccount") == account
        publishers = found["Publishers"]
        assert "cloudwatch.amazonaws.com" in publishers.node("Principal").texts("Service")
        source = publishers.node("Condition").node("StringEquals")
        assert source.text("aws:SourceAccount") == account
        # EventBridge tells a topic nothing of whom it publishes for: any condition refuses it.
        assert found["EventBridge"].node("Principal").texts("Service") == ["events.amazonaws.com"]
        assert not found["EventBridge"].has("Condition")
        assert found["TlsOnly"].text("Effect") == "Deny"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_who_may_publish_may_use_the_key(name: str, plan_of: PlanOf) -> None:
    """A message that a service may not encrypt never arrives: key and topic admit the same ones."""
    plan = plan_of(name)
    key = statements(only(plan, "kms/key", "topics"))
    topic = statements(only(plan, "sns/topicPolicy", "critical"))
    for sid in ("Publishers", "EventBridge"):
        assert key[sid].node("Principal").texts("Service") == topic[sid].node("Principal").texts(
            "Service"
        )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_log_is_encrypted_and_kept_as_long_as_its_kind(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """A log group says its kind, and is kept as long as the environment keeps logs of that kind."""
    plan = plan_of(name)
    graph = Graph(plan)
    kept = record_of(name).log_retention_days
    groups = of_type(plan, "cloudwatch/logGroup")
    assert groups
    for group in groups:
        assert group.number("retentionInDays") == getattr(
            kept, group.node("tags").text("LogClass") or ""
        )
        (key,) = graph.references(group.resource, "kmsKeyId")
        # Logs of the edge and of the frontend lie in a region of their own, as their key does.
        assert key.name in {"logs", "edge-logs"}
        assert key.provider == group.resource.provider
