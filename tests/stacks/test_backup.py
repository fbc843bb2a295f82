"""Backups come as often as the standards ask, and a copy of each lies in another region."""

import re
from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan
from stacks.backup import schedule
from standards import figure
from tests.stacks.reading import of_type, only

KEPT = ("production", "staging")


@pytest.mark.parametrize("environment", KEPT)
def test_the_plan_backs_up_every_four_hours(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The schedule is built from BAK-01, and a backup is kept as long as the record says."""
    hours = figure("BAK-01", "backup_interval_hours").hours
    (rule,) = only(plan_of(environment), "backup/plan").nodes("rules")
    assert rule.text("schedule") == f"cron(0 0/{hours} * * ? *)"
    assert 24 % hours == 0
    kept = record_of(environment).database
    assert rule.node("lifecycle").number("deleteAfter") == kept.backup_retention_days
    assert (rule.number("completionWindow") or 0) >= (rule.number("startWindow") or 0) + 60


@pytest.mark.parametrize("environment", KEPT)
def test_no_backup_starts_into_the_work_of_the_database(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Maintenance and the cluster's own backup keep clear of the hour in which one may start."""
    plan = plan_of(environment)
    (rule,) = only(plan, "backup/plan").nodes("rules")
    every = figure("BAK-01", "backup_interval_hours").minutes
    cluster = only(plan, "rds/cluster")
    for key in ("preferredBackupWindow", "preferredMaintenanceWindow"):
        first, last = (
            int(hour) * 60 + int(minute)
            for hour, minute in re.findall(r"(\d\d):(\d\d)", cluster.text(key) or "")
        )
        starts_until = first // every * every + (rule.number("startWindow") or 0)
        assert starts_until <= first, key
        assert last // every == first // every, key


@pytest.mark.parametrize("environment", KEPT)
def test_each_backup_has_a_copy_in_the_second_region_under_a_key_of_that_region(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The copy goes to the vault that the second region's provider makes, with its own key."""
    plan, record = plan_of(environment), record_of(environment)
    (rule,) = only(plan, "backup/plan").nodes("rules")
    (copy,) = rule.nodes("copyActions")
    vault = only(plan, "backup/vault", "backup-copies")
    region, account = record.aws.backup_region, record.aws.account
    assert copy.text("destinationVaultArn") == (
        f"arn:aws:backup:{region}:{account}:backup-vault:{vault.text('name')}"
    )
    days = record.database.backup_copy_retention_days
    assert copy.node("lifecycle").number("deleteAfter") == days
    (key,) = vault.resource.property_dependencies["kmsKeyArn"]
    assert key.endswith("::backup-copy")
    assert vault.resource.provider != only(plan, "backup/vault", "backups").resource.provider


@pytest.mark.parametrize("environment", KEPT)
def test_the_database_is_selected_by_an_arn_known_before_the_first_apply(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The selection names the cluster, and is made after it."""
    plan, record = plan_of(environment), record_of(environment)
    cluster = only(plan, "rds/cluster")
    selection = only(plan, "backup/selection")
    prefix = f"arn:aws:rds:{record.aws.region}:{record.aws.account}:cluster:"
    assert selection.texts("resources") == [f"{prefix}{cluster.text('clusterIdentifier')}"]
    assert cluster.resource.urn in selection.resource.property_dependencies["resources"]


@pytest.mark.parametrize("environment", KEPT)
def test_nobody_shortens_the_life_of_a_backup_and_the_lock_can_be_lifted(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Both vaults are protected and locked in governance mode, no longer than backups are kept."""
    plan = plan_of(environment)
    (rule,) = only(plan, "backup/plan").nodes("rules")
    (copy,) = rule.nodes("copyActions")
    kept = {
        "backups": rule.node("lifecycle").number("deleteAfter"),
        "backup-copies": copy.node("lifecycle").number("deleteAfter"),
    }
    for vault in of_type(plan, "backup/vault"):
        assert vault.options.protect
        assert vault.flag("forceDestroy") is False
        lock = only(plan, "backup/vaultLockConfiguration", vault.name)
        assert lock.text("backupVaultName") == vault.text("name")
        assert lock.number("minRetentionDays") == kept[vault.name]
        assert not lock.has("changeableForDays")


@pytest.mark.parametrize("environment", ["development", "integration"])
def test_environments_without_data_worth_keeping_have_no_backup_plan(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """The standards ask staging and production; elsewhere the cluster's own backups are enough."""
    assert not of_type(plan_of(environment), "backup/plan")


def test_a_schedule_starts_at_midnight() -> None:
    """AWS's cron has six fields, and the day of the week is left open."""
    assert schedule(6) == "cron(0 0/6 * * ? *)"
