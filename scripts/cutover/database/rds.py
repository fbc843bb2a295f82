"""Copies of an Aurora cluster: snapshots, and restores to a point in time."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from scripts.cutover.database.copies import Moment, Restored, Snapshot
from scripts.runs.aws import Api, AwsError
from scripts.runs.times import stamp

_MOMENT: Final = "slipway:moment"
_WRITTEN: Final = "slipway:written:"
_RESTORED: Final = "slipway:restored-from"
_READY: Final = "available"


class RdsCopies:
    """The copies of one cluster."""

    def __init__(self, rds: Api, cluster: str) -> None:
        self._rds: Final = rds
        self._cluster: Final = cluster

    @property
    def database(self) -> str:
        """The identifier of the cluster."""
        return self._cluster

    def snapshots(self) -> Sequence[Snapshot]:
        """The cluster's manual snapshots."""
        pages = self._rds.pages(
            "describe_db_cluster_snapshots",
            on=self._cluster,
            DBClusterIdentifier=self._cluster,
            SnapshotType="manual",
        )
        return [_snapshot(each) for page in pages for each in page["DBClusterSnapshots"]]

    def take(self, name: str) -> None:
        """Begin a snapshot."""
        with _already("DBClusterSnapshotAlreadyExistsFault"):
            self._rds(
                "create_db_cluster_snapshot",
                on=self._cluster,
                DBClusterIdentifier=self._cluster,
                DBClusterSnapshotIdentifier=name,
            )

    def remember(self, snapshot: str, moment: Moment) -> None:
        """Write the moment into the tags of a snapshot."""
        tags = {_MOMENT: moment.at.isoformat()}
        tags |= {f"{_WRITTEN}{table}": str(rows) for table, rows in moment.written.items()}
        self._rds(
            "add_tags_to_resource",
            on=snapshot,
            ResourceName=self._arn(snapshot),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def restorable(self) -> tuple[datetime, datetime]:
        """The window of the continuous backup."""
        cluster = self._described(self._cluster)
        if cluster is None:
            raise AwsError(f"there is no cluster {self._cluster}", "DBClusterNotFoundFault")
        return cluster["EarliestRestorableTime"], cluster["LatestRestorableTime"]

    def restored(self, name: str) -> Restored | None:
        """The cluster of that name; ready once its instance is."""
        cluster = self._described(name)
        if cluster is None:
            return None
        instance = self._instance(f"{name}-0")
        state = f"cluster {cluster['Status']}, instance {(instance or {}).get('DBInstanceStatus')}"
        ready = cluster["Status"] == _READY and bool(instance)
        return Restored(
            name=name,
            host=cluster["Endpoint"],
            is_ready=ready and (instance or {}).get("DBInstanceStatus") == _READY,
            state=state,
        )

    def restore(self, name: str, at: datetime) -> None:
        """Restore the cluster as `name`, with everything like the original's, then its instance.

        A restored cluster has no instance, and the group, the parameters and IAM's sign-in are not
        the original's unless they are named.
        """
        source = self._described(self._cluster)
        if source is None:
            raise AwsError(f"there is no cluster {self._cluster}", "DBClusterNotFoundFault")
        if self._described(name) is None:
            with _already("DBClusterAlreadyExistsFault"):
                self._rds(
                    "restore_db_cluster_to_point_in_time",
                    on=name,
                    DBClusterIdentifier=name,
                    SourceDBClusterIdentifier=self._cluster,
                    RestoreToTime=at,
                    Port=source["Port"],
                    DBSubnetGroupName=source["DBSubnetGroup"],
                    DBClusterParameterGroupName=source["DBClusterParameterGroup"],
                    VpcSecurityGroupIds=[
                        each["VpcSecurityGroupId"] for each in source["VpcSecurityGroups"]
                    ],
                    EnableIAMDatabaseAuthentication=source["IAMDatabaseAuthenticationEnabled"],
                    EnableCloudwatchLogsExports=source["EnabledCloudwatchLogsExports"],
                    DeletionProtection=False,
                    CopyTagsToSnapshot=True,
                    Tags=[{"Key": _RESTORED, "Value": f"{self._cluster} at {stamp(at)}"}],
                )
        if self._instance(f"{name}-0") is None:
            self._add_instance(name, source)

    def discard(self, name: str) -> None:
        """Delete the restored cluster and its instance; only one that was made by `restore`."""
        cluster = self._described(name)
        if cluster is None:
            return
        if not any(tag["Key"] == _RESTORED for tag in cluster["TagList"]):
            raise AwsError(f"{name} was not restored by slipway: it is not deleted", "NotOurs")
        if self._instance(f"{name}-0") is not None:
            with _already("InvalidDBInstanceState", "DBInstanceNotFound"):
                self._rds(
                    "delete_db_instance", on=name, DBInstanceIdentifier=f"{name}-0",
                    SkipFinalSnapshot=True,
                )  # fmt: skip
        with _already("InvalidDBClusterStateFault", "DBClusterNotFoundFault"):
            self._rds(
                "delete_db_cluster", on=name, DBClusterIdentifier=name, SkipFinalSnapshot=True
            )

    def _add_instance(self, name: str, source: dict[str, Any]) -> None:
        writer = next(
            each["DBInstanceIdentifier"]
            for each in source["DBClusterMembers"]
            if each["IsClusterWriter"]
        )
        like = self._instance(writer) or {}
        with _already("DBInstanceAlreadyExists"):
            self._rds(
                "create_db_instance",
                on=name,
                DBInstanceIdentifier=f"{name}-0",
                DBClusterIdentifier=name,
                DBInstanceClass=like["DBInstanceClass"],
                Engine=source["Engine"],
                PubliclyAccessible=False,
                CopyTagsToSnapshot=True,
                Tags=[{"Key": _RESTORED, "Value": self._cluster}],
            )

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            answer = self._rds("describe_db_clusters", on=name, DBClusterIdentifier=name)
        except AwsError as error:
            if error.error == "DBClusterNotFoundFault":
                return None
            raise
        found: dict[str, Any] = answer["DBClusters"][0]
        return found

    def _instance(self, name: str) -> dict[str, Any] | None:
        try:
            answer = self._rds("describe_db_instances", on=name, DBInstanceIdentifier=name)
        except AwsError as error:
            if error.error in {"DBInstanceNotFound", "DBInstanceNotFoundFault"}:
                return None
            raise
        found: dict[str, Any] = answer["DBInstances"][0]
        return found

    def _arn(self, snapshot: str) -> str:
        answer = self._rds(
            "describe_db_cluster_snapshots", on=snapshot, DBClusterSnapshotIdentifier=snapshot
        )
        return str(answer["DBClusterSnapshots"][0]["DBClusterSnapshotArn"])


@contextmanager
def _already(*codes: str) -> Generator[None]:
    """Let pass that what is asked for is so already."""
    try:
        yield
    except AwsError as error:
        if error.error not in codes:
            raise


def _snapshot(found: dict[str, Any]) -> Snapshot:
    tags: dict[str, str] = {each["Key"]: each["Value"] for each in found["TagList"]}
    moment = None
    if _MOMENT in tags:
        written = {
            key.removeprefix(_WRITTEN): int(value)
            for key, value in tags.items()
            if key.startswith(_WRITTEN)
        }
        moment = Moment(datetime.fromisoformat(tags[_MOMENT]), written)
    return Snapshot(
        name=found["DBClusterSnapshotIdentifier"],
        at=found["SnapshotCreateTime"],
        is_complete=found["Status"] == _READY,
        is_encrypted=found["StorageEncrypted"],
        moment=moment,
    )
