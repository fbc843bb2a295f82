"""Tests of an Aurora cluster's copies, with the real calls of AWS."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.cutover.database.copies import Moment
from scripts.cutover.database.rds import RdsCopies
from scripts.runs.aws import Api, AwsError

CLUSTER = "slipway-staging-database"


@pytest.fixture
def rds(mocked: Callable[[str], Any]) -> Any:  # noqa: ANN401 - boto3 has no types
    """An account with the cluster and its writer."""
    it = mocked("rds")
    it.create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-postgresql",
        MasterUsername="slipway_owner",
        ManageMasterUserPassword=True,
        StorageEncrypted=True,
        Port=6432,
        EnableIAMDatabaseAuthentication=True,
        EnableCloudwatchLogsExports=["postgresql"],
        BackupRetentionPeriod=35,
    )
    it.create_db_instance(
        DBInstanceIdentifier=f"{CLUSTER}-0",
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-postgresql",
        DBInstanceClass="db.r7g.xlarge",
    )
    return it


def test_snapshot(rds: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """A snapshot is taken once, and keeps the moment before the change for whoever restores."""
    copies = RdsCopies(Api(rds), CLUSTER)
    assert copies.snapshots() == []
    copies.take("before-1")
    copies.take("before-1")
    (found,) = copies.snapshots()
    assert (found.name, found.is_complete, found.is_encrypted) == ("before-1", True, True)
    assert found.moment is None
    moment = Moment(datetime(2026, 11, 21, 12, 0, 1, 234567, tzinfo=UTC), {"orders": 12, "a.b": 0})
    copies.remember("before-1", moment)
    copies.remember("before-1", moment)
    assert copies.snapshots()[0].moment == moment


def test_restore(rds: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """The restored cluster is like the original, has an instance, and is deleted as its own."""
    copies = RdsCopies(Api(rds), CLUSTER)
    first, last = copies.restorable()
    assert first <= last
    at = datetime.now(UTC) - timedelta(minutes=6)
    assert copies.restored("back") is None
    for _ in range(9):  # whoever waits begins it again each time
        copies.restore("back", at)
    found = copies.restored("back")
    assert found is not None
    assert found.is_ready, found.state
    (new,) = rds.describe_db_clusters(DBClusterIdentifier="back")["DBClusters"]
    (old,) = rds.describe_db_clusters(DBClusterIdentifier=CLUSTER)["DBClusters"]
    for key in ("Port", "DBSubnetGroup", "DBClusterParameterGroup", "VpcSecurityGroups", "Engine"):
        assert new[key] == old[key], key
    assert found.host == new["Endpoint"] != old["Endpoint"]
    (instance,) = new["DBClusterMembers"]
    (like,) = rds.describe_db_instances(DBInstanceIdentifier="back-0")["DBInstances"]
    assert instance["DBInstanceIdentifier"] == like["DBInstanceIdentifier"] == "back-0"
    assert like["DBInstanceClass"] == "db.r7g.xlarge"
    assert like["PubliclyAccessible"] is False
    while copies.restored("back") is not None:
        copies.discard("back")
    copies.discard("back")
    assert copies.restored(CLUSTER) is not None


def test_never_the_original(rds: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """What was not restored by a run is never deleted by one."""
    with pytest.raises(AwsError, match="was not restored by slipway: it is not deleted"):
        RdsCopies(Api(rds), CLUSTER).discard(CLUSTER)


def test_no_cluster(rds: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """A cluster that is not there is told by name."""
    with pytest.raises(AwsError, match="there is no cluster nothing"):
        RdsCopies(Api(rds), "nothing").restorable()
