"""Artifacts and logs lie where they cannot be lost, changed or taken away."""

import json
from collections.abc import Callable

import pytest

from plan import Plan
from tests.stacks.reading import of_type, only, statements

KEPT = ("production", "staging")


@pytest.mark.parametrize("environment", KEPT)
def test_artifacts_are_locked_and_copied_to_the_second_region(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Versions, a lock, a key of each region's own, and a copy that a deletion does not reach."""
    plan = plan_of(environment)
    bucket, copy = (only(plan, "s3/bucket", name) for name in ("artifacts", "artifacts-copy"))
    assert bucket.flag("objectLockEnabled")
    assert copy.flag("objectLockEnabled")
    assert bucket.options.protect
    assert copy.resource.provider != bucket.resource.provider
    (rule,) = only(plan, "s3/bucketReplicationConfig", "artifacts").nodes("rules")
    assert rule.text("status") == "Enabled"
    assert rule.node("deleteMarkerReplication").text("status") == "Disabled"
    replication = only(plan, "s3/bucketReplicationConfig", "artifacts").resource
    assert copy.resource.urn in replication.property_dependencies["rules"]
    for name, key in (("artifacts", "artifacts"), ("artifacts-copy", "artifacts-copy")):
        encryption = only(plan, "s3/bucketServerSideEncryptionConfiguration", name)
        (source,) = [
            urn for urn in encryption.resource.property_dependencies["rules"] if "kms/key" in urn
        ]
        assert source.endswith(f"::{key}")


@pytest.mark.parametrize("environment", KEPT)
def test_nobody_deletes_an_artifact_or_sends_one_unsigned(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The policy denies it to everybody, also to who may lift a lock."""
    found = statements(only(plan_of(environment), "s3/bucketPolicy", "artifacts"))
    assert found["NobodyDeletes"].text("Principal") == "*"
    assert "s3:BypassGovernanceRetention" in found["NobodyDeletes"].texts("Action")
    condition = found["SignedBody"].node("Condition").node("StringEquals")
    assert condition.text("s3:x-amz-content-sha256") == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize("environment", KEPT)
def test_every_log_group_is_shipped_to_the_archive(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """One subscription covers the account; what it excepts is the log of the shipping itself."""
    plan = plan_of(environment)
    policy = only(plan, "cloudwatch/logAccountPolicy")
    assert policy.text("policyType") == "SUBSCRIPTION_FILTER_POLICY"
    excepted = json.loads((policy.text("selectionCriteria") or "").partition("NOT IN")[2])
    assert excepted == [only(plan, "cloudwatch/logGroup", "log-archive").text("name")]
    stream = only(plan, "kinesis/firehoseDeliveryStream")
    target = policy.document("policyDocument").text("DestinationArn") or ""
    assert target.endswith(f"deliverystream/{stream.text('name')}")
    assert stream.node("serverSideEncryption").text("keyType") == "CUSTOMER_MANAGED_CMK"


@pytest.mark.parametrize("environment", KEPT)
def test_what_ships_logs_adds_to_the_archive_and_no_more(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """It puts objects; the lock keeps them as long as audit logs, and everybody is denied more."""
    plan = plan_of(environment)
    role = only(plan, "iam/rolePolicy", "log-archive-delivers").document("policy")
    actions = {action for one in role.nodes("Statement") for action in one.texts("Action")}
    assert not any("Delete" in action or "Retention" in action for action in actions)
    lock = only(plan, "s3/bucketObjectLockConfiguration", "log-archive")
    days = lock.node("rule").node("defaultRetention").number("days")
    assert days == only(plan, "cloudwatch/logGroup", "database").number("retentionInDays")
    denied = statements(only(plan, "s3/bucketPolicy", "log-archive"))["NobodyDeletes"]
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion"} <= set(denied.texts("Action"))


@pytest.mark.parametrize("environment", ["integration", "staging", "production"])
def test_an_anomaly_in_access_logs_raises_an_alert(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The groups that are watched exist, and each detector has an alarm of its own (LOG-03)."""
    plan = plan_of(environment)
    groups = {str(one.resource.inputs["name"]) for one in of_type(plan, "cloudwatch/logGroup")}
    detectors = of_type(plan, "cloudwatch/logAnomalyDetector")
    assert {one.name for one in detectors} == {"flow-anomalies", "firewall-anomalies"}
    for detector in detectors:
        (arn,) = detector.texts("logGroupArnLists")
        assert arn.partition(":log-group:")[2] in groups
        alarm = only(plan, "cloudwatch/metricAlarm", detector.name)
        assert alarm.node("dimensions").text("LogAnomalyDetector") == detector.text("detectorName")


@pytest.mark.parametrize("environment", ["development", "integration"])
def test_where_data_is_synthetic_nothing_is_archived(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The standards ask staging and production for a second place of logs."""
    assert not of_type(plan_of(environment), "cloudwatch/logAccountPolicy")
