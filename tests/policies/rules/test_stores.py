"""Rules of caches, file systems, queues, parameters and backups, where examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.backups import PLAN, VAULT
from policies.backups import SELECTION as BACKUP_SELECTION
from policies.registry import Given, Ref
from policies.rules.backup import LOCK, Copies, Lock
from policies.rules.efs import BACKUP_POLICY, FILE_SYSTEM
from policies.rules.elasticache import CLUSTER, GROUP, SERVERLESS, SnapshotRetention
from policies.rules.sqs import QUEUE, REDRIVE_ALLOW
from policies.rules.ssm import PARAMETER
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says


def test_memcached_has_nothing_to_back_up() -> None:
    """It has no snapshots, in whichever shape it runs."""
    for type_ in (CLUSTER, SERVERLESS):
        assert says("elasticache-backup", Given(type_, "cache", {"engine": "memcached"})) == SILENT


@pytest.mark.parametrize("rule", ["elasticache-backup", "elasticache-subnet-group"])
def test_a_replication_group_decides_for_its_members(rule: str) -> None:
    """A cluster that belongs to one is judged there."""
    assert says(rule, Given(CLUSTER, "member", {"replicationGroupId": "sessions"})) == SILENT
    assert says(rule, Given(CLUSTER, "member", {"replicationGroupId": " "})) == FAIL


def test_snapshots_can_be_asked_for_longer() -> None:
    """Where a service asks for a week, one day is too little."""
    group = Given(GROUP, "sessions", {"snapshotRetentionLimit": 1})
    assert says("elasticache-backup", group) == PASS
    asked = SnapshotRetention(min_days=7)
    assert messages("elasticache-backup", group, settings=asked) == [
        "snapshots are kept 1 days, fewer than 7"
    ]


def test_both_halves_of_a_failover_are_named() -> None:
    """One missing half does not hide the other."""
    assert len(messages("elasticache-failover", Given(GROUP, "sessions"))) == 2
    half = Given(GROUP, "sessions", {"automaticFailoverEnabled": UNKNOWN, "multiAzEnabled": False})
    assert messages("elasticache-failover", half) == ["its nodes need not be in different zones"]


def test_a_backup_policy_may_belong_to_any_file_system() -> None:
    """While nobody knows what it refers to, each file system may be backed up."""
    policy = Given(
        BACKUP_POLICY, "daily", {"fileSystemId": UNKNOWN, "backupPolicy": {"status": "ENABLED"}}
    )
    assert says("efs-backup", Given(FILE_SYSTEM, "uploads"), policy) == UNDECIDED


def test_a_selection_of_everything_covers_a_file_system() -> None:
    """By a star, by the service, but not by a pattern of another one."""
    files = Given(FILE_SYSTEM, "uploads")
    for pattern, expected in (
        ("*", PASS),
        ("arn:aws:elasticfilesystem:*:*:file-system/*", PASS),
        ("arn:aws:elasticfilesystem:*:*:access-point/*", FAIL),
        ("arn:aws:rds:*", FAIL),
    ):
        selection = Given(BACKUP_SELECTION, "all", {"resources": [pattern]})
        assert says("efs-backup", files, selection) == expected


def test_a_tag_that_is_not_there_selects_nothing() -> None:
    """Nor does one with another value."""
    wanted = {"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}]}
    selection = Given(BACKUP_SELECTION, "tagged", wanted)
    for tags in ({}, {"Backup": "no"}, {"backup": "yes"}):
        files = Given(FILE_SYSTEM, "uploads", {"tags": tags})
        assert says("efs-backup", files, selection) == FAIL


def test_a_queue_that_refuses_to_take_over_is_no_dead_letter_queue() -> None:
    """Only one that takes messages from others is left alone."""
    for permission, expected in (("denyAll", FAIL), ("allowAll", SILENT), ("byQueue", SILENT)):
        allowing = {"redriveAllowPolicy": f'{{"redrivePermission": "{permission}"}}'}
        assert says("sqs-dead-letter", Given(QUEUE, "dead", allowing)) == expected
        beside = Given(REDRIVE_ALLOW, "allow", {"queueUrl": Ref("dead"), **allowing})
        assert says("sqs-dead-letter", Given(QUEUE, "dead"), beside) == expected


def test_a_key_that_aws_shares_out_is_not_ones_own() -> None:
    """Naming it changes nothing, and a key that is not made yet is one's own."""
    for key, expected in (("alias/aws/ssm", FAIL), ("alias/parameters", PASS), (UNKNOWN, PASS)):
        secure = Given(PARAMETER, "token", {"type": "SecureString", "keyId": key})
        assert says("ssm-secure-string", secure) == expected


def test_a_parameter_goes_by_its_own_name() -> None:
    """The name that AWS sees counts, else the one in the program."""
    named = {"name": "/api/log-level", "type": "String"}
    assert says("ssm-secure-string", Given(PARAMETER, "password", named)) == PASS
    assert says("ssm-secure-string", Given(PARAMETER, "password", {"type": "String"})) == FAIL
    unknown = {"name": UNKNOWN, "type": "String"}
    assert says("ssm-secure-string", Given(PARAMETER, "p", unknown)) == UNDECIDED


def test_backups_outside_production_need_no_lock_and_no_copy() -> None:
    """They can be made again."""
    assert says("backup-vault-lock", Given(VAULT, "v"), settings=Lock(tier=Tier.STAGING)) == SILENT
    assert says("backup-plan-copy", Given(PLAN, "p"), settings=Copies(tier=Tier.STAGING)) == SILENT


def test_a_lock_can_be_asked_to_last() -> None:
    """Where five weeks are asked for, a week is too little."""
    vault = Given(VAULT, "v")
    lock = Given(LOCK, "l", {"backupVaultName": Ref("v"), "minRetentionDays": 7})
    assert says("backup-vault-lock", vault, lock) == PASS
    assert says("backup-vault-lock", vault, lock, settings=Lock(min_days=35)) == FAIL


def copying(destination: object, **plan: object) -> Given:
    """A plan that copies to `destination` in a provider called `here`."""
    entry = {"ruleName": "often", "copyActions": [{"destinationVaultArn": destination}]}
    return Given(PLAN, "p", {"rules": [entry], **plan}, provider="here")


def test_a_copy_is_abroad_where_its_region_is_another() -> None:
    """The plan's own region is the one it names, else its provider's."""
    here = Given("pulumi:providers:aws", "here", {"region": "eu-central-1"})
    nowhere = Given("pulumi:providers:aws", "here")
    vault = "arn:aws:backup:eu-west-1:1:backup-vault:copies"
    assert says("backup-plan-copy", here, copying(vault)) == PASS
    assert says("backup-plan-copy", here, copying(vault, region="eu-west-1")) == FAIL
    assert says("backup-plan-copy", nowhere, copying(vault)) == UNDECIDED
    assert says("backup-plan-copy", here, copying(UNKNOWN)) == UNDECIDED
    assert says("backup-plan-copy", here, copying("copies")) == FAIL
