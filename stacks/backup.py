"""Backups of the database: taken as often as the standards ask, with a copy in a second region."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import Provider, backup, iam, ssm

from environments import Environment
from stacks.database import Database
from stacks.keys import Keys
from stacks.naming import Names
from stacks.statements import assumed_by_own
from standards import figure

VAULT: Final = "backups"
"""The vault of the environment's own region."""
_RESTORE_START_HOURS: Final = 1
_RESTORED_HOURS: Final = 4  # how long what was restored stands for its contents to be checked
_START_MINUTES: Final = 60  # the least that AWS Backup accepts
_COMPLETION_MINUTES: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupsArguments:
    """What the backups of an environment are made from."""

    environment: Environment
    backup_provider: Provider
    keys: Keys
    database: Database


class Backups(ComponentResource):
    """The backups of an environment's database, beside the point-in-time recovery of its cluster.

    Makes a vault in each of the two regions, with its own key and, where the environment is
    protected, a lock; the plan; what it backs up; the role that it does so with; a restore of the
    latest backup every week; and the parameters that publish where backups go (CFG-06).
    """

    vault_name: Output[str]

    def __init__(
        self, name: str, arguments: BackupsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:backup:Backups", name, opts=options)
        self._environment = environment = arguments.environment
        self._names = names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        kept = environment.database
        vault = self._vault(VAULT, arguments.keys.backup_arn, kept.backup_retention_days)
        copy_vault = self._vault(
            "backup-copies",
            arguments.keys.backup_copy_arn,
            kept.backup_copy_retention_days,
            arguments.backup_provider,
        )
        self.vault_name = vault.name
        copies = names.arn("backup", "backup-vault:", region=environment.aws.backup_region)
        plan = backup.Plan(
            "database",
            name=names.of("database"),
            rules=[
                backup.PlanRuleArgs(
                    rule_name=f"every-{_interval_hours()}-hours",
                    target_vault_name=vault.name,
                    schedule=schedule(_interval_hours()),
                    start_window=_START_MINUTES,
                    completion_window=_COMPLETION_MINUTES,
                    lifecycle=backup.PlanRuleLifecycleArgs(delete_after=kept.backup_retention_days),
                    copy_actions=[
                        backup.PlanRuleCopyActionArgs(
                            destination_vault_arn=Output.concat(copies, copy_vault.name),
                            lifecycle=backup.PlanRuleCopyActionLifecycleArgs(
                                delete_after=kept.backup_copy_retention_days
                            ),
                        )
                    ],
                )
            ],
            opts=self._inside,
        )
        role = self._role()
        backup.Selection(
            "database",
            name=names.of("database"),
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[arguments.database.cluster_arn],
            opts=self._inside,
        )
        self._test_restores(role, arguments.database)
        for which, value in (("vault", vault.name), ("copy-vault", copy_vault.name)):
            ssm.Parameter(
                f"backup-{which}",
                name=names.path("backup", which),
                type=ssm.ParameterType.STRING,
                value=value,
                opts=self._inside,
            )
        self.register_outputs({})

    def _test_restores(self, role: iam.Role, database: Database) -> None:
        """Restore the latest backup every week, beside the original, and take it down again.

        AWS restores the cluster alone; the script that checks its contents adds an instance within
        the hours that it stands.
        """
        names = self._names
        interval = figure("BAK-03", "restore_test_interval_days").days
        # Names of restore tests take underscores, and no hyphens.
        own = names.of("database", limit=50).replace("-", "_")
        plan = backup.RestoreTestingPlan(
            "restore-test",
            name=own,
            # Counted from the first of a month: never more days apart, on its last days fewer.
            schedule_expression=f"cron(0 5 1/{interval} * ? *)",
            start_window_hours=_RESTORE_START_HOURS,
            recovery_point_selection=backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[names.arn("backup", f"backup-vault:{names.of(VAULT, limit=50)}")],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=interval,
            ),
            opts=self._inside,
        )
        backup.RestoreTestingSelection(
            "restore-test",
            name=own,
            restore_testing_plan_name=plan.name,
            protected_resource_type="Aurora",
            protected_resource_arns=[database.cluster_arn],
            iam_role_arn=role.arn,
            validation_window_hours=_RESTORED_HOURS,
            # By default it would be restored into the account's default network.
            restore_metadata_overrides={
                "dbSubnetGroupName": names.of("database"),
                "dbClusterParameterGroupName": database.parameter_group_name,
                "vpcSecurityGroupIds": Output.json_dumps([database.security_group_id]),
            },
            opts=self._inside,
        )

    def _vault(
        self, purpose: str, key_arn: Output[str], days: int, provider: Provider | None = None
    ) -> backup.Vault:
        is_protected = self._environment.is_stateful_protected
        vault = backup.Vault(
            purpose,
            name=self._names.of(purpose, limit=50),
            kms_key_arn=key_arn,
            force_destroy=not is_protected,
            opts=ResourceOptions(parent=self, provider=provider, protect=is_protected),
        )
        if is_protected:
            # Without changeable_for_days the lock is in governance mode: nobody shortens or deletes
            # a backup, and an administrator of backups can still lift the lock. The other mode
            # could never be undone, not even by AWS.
            backup.VaultLockConfiguration(
                purpose,
                backup_vault_name=vault.name,
                min_retention_days=days,
                opts=ResourceOptions(parent=self, provider=provider),
            )
        return vault

    def _role(self) -> iam.Role:
        names = self._names
        role = iam.Role(
            "backup",
            name=names.of("backup"),
            description="Lets AWS Backup take, copy and restore the snapshots of the database",
            assume_role_policy=assumed_by_own("backup.amazonaws.com"),
            opts=self._inside,
        )
        # AWS's own policies: what a snapshot and its copy need changes with the service, and a list
        # of our own would first be found wanting by a backup that failed.
        for name, purpose in (("backup", "Backup"), ("restore", "Restores")):
            iam.RolePolicyAttachment(
                name,
                role=role.name,
                policy_arn=f"arn:{names.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor{purpose}",
                opts=self._inside,
            )
        return role


def schedule(hours: int) -> str:
    """The AWS cron expression for a backup every `hours` hours from midnight, in UTC."""
    return f"cron(0 0/{hours} * * ? *)"


def _interval_hours() -> int:
    return figure("BAK-01", "backup_interval_hours").hours
