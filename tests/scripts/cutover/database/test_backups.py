"""Tests of the backup that is there before a release which leaves the database as it is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.cutover.database.backups import back_up, unusable
from scripts.cutover.database.rds import RdsCopies
from scripts.cutover.planning.request import Releases
from scripts.cutover.running.stand import Stand
from scripts.runs.aws import Api
from scripts.runs.steps import Acting
from tests.scripts.cutover.database.test_rds import CLUSTER
from tests.scripts.cutover.database.test_rds import rds as rds  # noqa: PLC0414 - a fixture


def _stand(*started: str) -> Stand:
    """Where a run stands that began these steps."""
    return cast("Stand", SimpleNamespace(past=SimpleNamespace(started={*started})))


STAND = _stand("check")
ACTING = Acting(
    check=lambda: None, note=lambda _: None, noted=lambda _: None, step="backup", notes=list
)


@pytest.fixture
def copies(rds: Any) -> RdsCopies:  # noqa: ANN401 - boto3 has no types
    """Those of the cluster."""
    return RdsCopies(Api(rds), CLUSTER)


def _to(new: str) -> Mapping[str, Releases]:
    return {"api": Releases(old="sha256:1", new=new)}


def _in_two_days() -> datetime:
    return datetime.now(UTC) + timedelta(days=2)


def test_each_release_has_a_full_backup_of_its_own(copies: RdsCopies) -> None:
    """Taken once, however often the step is run, and named in what it says (BAK-04)."""
    step = back_up(copies, _to("sha256:2"), sleep=lambda _: None)
    assert not step.is_done(STAND)
    said = step.run(STAND, ACTING)
    assert step.is_done(STAND)
    assert step.run(STAND, ACTING) == said
    assert [each.name for each in copies.snapshots()] == [said["snapshot"]]
    assert not back_up(copies, _to("sha256:3")).is_done(STAND)


def test_an_old_backup_is_none(copies: RdsCopies) -> None:
    """Of the day before yesterday (BAK-01)."""
    step = back_up(copies, _to("sha256:2"), sleep=lambda _: None)
    step.run(STAND, ACTING)
    old = back_up(copies, _to("sha256:2"), clock=_in_two_days)
    assert not old.is_done(STAND)
    assert old.is_done(_stand("api weight 25"))


def test_a_database_that_could_not_be_restored_refuses_the_start(
    copies: RdsCopies,
    rds: Any,  # noqa: ANN401 - boto3 has no types
) -> None:
    """There would be nothing to return to (ROLL-05)."""
    assert [*unusable(copies)] == []
    (said,) = unusable(copies, clock=_in_two_days)
    assert "ROLL-05" in said
    (unknown,) = unusable(RdsCopies(Api(rds), "gone"))
    assert "gone could be restored is not known" in unknown
