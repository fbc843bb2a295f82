"""Rules for backups: the vaults that hold them, and the plans that make them."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.backups import PLAN, VAULT, goes_abroad
from policies.nodes import Node, Subject
from policies.outcomes import (
    NotApplicable,
    Outcome,
    all_of,
    attempt,
    every,
    fail,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity

LOCK: Final = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"


@rule(
    types=[VAULT],
    severity=Severity.MEDIUM,
    requirements=["BAK-02"],
    controls=Controls(fsbp=("Backup.1",), checkov=("CKV_AWS_166",)),
    remediation="""
        Encrypt it with a key of your own; that can only be chosen when it is created:

            aws.backup.Vault("backups", kms_key_arn=key.arn)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "key"),
            Given(VAULT, "backups", {"kmsKeyArn": Ref("key")}),
        ),
        (Given(VAULT, "backups", {"kmsKeyArn": "arn:aws:kms:eu-central-1:1:key/1"}),),
    ],
    failing=[(Given(VAULT, "backups", {"name": "backups"}),)],
)
def backup_vault_kms(vault: Subject) -> Outcome:
    """A backup vault is encrypted with a key of one's own.

    A backup holds everything the database does, and AWS's shared key has no policy to guard it.
    """
    return require(
        vault.has_text("kmsKeyArn"), "is not encrypted with a key of its own", "kmsKeyArn"
    )


class Lock(Settings):
    """How long the lock of a vault keeps what is in it."""

    min_days: int = Field(default=1, ge=1, le=36500)
    """AWS's least by default: how long backups must live is each environment's own decision."""


@rule(
    types=[VAULT],
    severity=Severity.MEDIUM,
    settings=Lock,
    remediation="""
        Lock it; without changeable_for_days an administrator can still lift the lock:

            aws.backup.VaultLockConfiguration("backups", backup_vault_name=vault.name,
                                              min_retention_days=35)
        """,
    passing=[
        (
            Given(VAULT, "backups"),
            Given(LOCK, "lock", {"backupVaultName": Ref("backups"), "minRetentionDays": 35}),
        ),
        (
            Given(VAULT, "backups", {"name": "database"}),
            Given(LOCK, "lock", {"backupVaultName": "database", "minRetentionDays": "7"}),
        ),
    ],
    failing=[
        (Given(VAULT, "backups"),),
        (
            Given(VAULT, "backups"),
            Given(LOCK, "lock", {"backupVaultName": Ref("backups"), "maxRetentionDays": 35}),
        ),
        (
            Given(VAULT, "backups"),
            Given(VAULT, "others"),
            Given(LOCK, "lock", {"backupVaultName": Ref("others"), "minRetentionDays": 0}),
        ),
    ],
)
def backup_vault_lock(vault: Subject, settings: Lock, graph: Graph) -> Outcome:
    """The backup vaults of production are locked.

    Who breaks in deletes the backups first. A locked vault refuses, whoever asks.
    """
    if not settings.is_production:
        return NotApplicable("backups outside production can be made again")

    def keeps(lock: Subject) -> Outcome:
        days = lock.number("minRetentionDays") or 0
        return met(days >= settings.min_days)

    locks = companions(vault.resource, graph, [LOCK], "backupVaultName")
    if not locks:
        return fail("no lock keeps its backups from being deleted")
    return some(locks, keeps, f"its lock does not keep backups for {settings.min_days} days")


class Copies(Settings):
    """How long the backups of production and their copies are kept."""

    min_days: int = Field(default=35, ge=1, le=36500)
    """Five weeks by default, as long as RDS keeps its own; the standards name no figure."""


_PROVIDER: Final = "pulumi:providers:aws"
_HERE: Final = Given(_PROVIDER, "here", {"region": "eu-central-1"})
_THERE: Final = Given(_PROVIDER, "there", {"region": "eu-west-1"})
_ABROAD: Final = "arn:aws:backup:eu-west-1:123456789012:backup-vault:copies"
_AT_HOME: Final = "arn:aws:backup:eu-central-1:123456789012:backup-vault:copies"


def _plan(destination: object, days: object = 35, **copy: object) -> Given:
    """A plan that copies its backups to `destination`, for the examples."""
    action = {"destinationVaultArn": destination, **copy}
    entry = {"ruleName": "often", "lifecycle": {"deleteAfter": days}, "copyActions": [action]}
    return Given(PLAN, "database", {"rules": [entry]}, provider="here")


@rule(
    types=[PLAN],
    severity=Severity.MEDIUM,
    settings=Copies,
    remediation="""
        Keep each backup for five weeks, and a copy of it in a vault of another region:

            aws.backup.Plan("database", rules=[{
                "rule_name": "every-4-hours", "target_vault_name": vault.name,
                "schedule": "cron(0 */4 * * ? *)", "lifecycle": {"delete_after": 35},
                "copy_actions": [{"destination_vault_arn": vault_in_second_region.arn,
                                  "lifecycle": {"delete_after": 35}}]}])
        """,
    passing=[
        (_HERE, _plan(_ABROAD)),
        (_HERE, _plan(_ABROAD, None, lifecycle={"deleteAfter": "90"})),
        (
            _HERE,
            _THERE,
            Given(VAULT, "copies", provider="there"),
            _plan(Ref("copies")),
        ),
    ],
    failing=[
        (_HERE, _plan(_AT_HOME)),
        (_HERE, _plan(_ABROAD, 7)),
        (_HERE, _plan(_ABROAD, 35, lifecycle={"deleteAfter": 1})),
        (Given(PLAN, "database", {"rules": [{"lifecycle": {"deleteAfter": 35}}]}),),
        (Given(PLAN, "database", {"name": "database"}),),
        (
            _HERE,
            Given(VAULT, "copies", provider="here"),
            _plan(Ref("copies")),
        ),
    ],
)
def backup_plan_copy(plan: Subject, settings: Copies, graph: Graph) -> Outcome:
    """The backup plans of production keep copies in a second region.

    A region can be lost, and so can an account that somebody else has taken over. Damage is often
    noticed weeks later.
    """
    if not settings.is_production:
        return NotApplicable("backups outside production can be made again")

    def kept(entry: Node) -> Outcome:
        days = entry.node("lifecycle").number("deleteAfter")
        return require(
            days is None or days >= settings.min_days,
            f"is kept {days or 0:g} days, fewer than {settings.min_days}",
            entry.at("lifecycle"),
        )

    def copied(entry: Node) -> Outcome:
        actions = entry.each("copyActions")
        return all_of(
            attempt(lambda: kept(entry)),
            every(actions, kept),
            some(
                actions,
                lambda action: goes_abroad(action, plan, graph),
                f"rule {entry.text('ruleName')} copies nothing to another region",
            ),
        )

    rules = plan.each("rules")
    return every(rules, copied) if rules else fail("has no rules", "rules")
