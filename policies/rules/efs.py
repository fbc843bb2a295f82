"""Rules for shared file systems: EFS."""

from typing import Final

from plan.graph import Graph
from policies.backups import SELECTION, selected
from policies.nodes import Subject
from policies.outcomes import Outcome, all_of, attempt, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity

FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
BACKUP_POLICY: Final = "aws:efs/backupPolicy:BackupPolicy"

_ARN: Final = "arn:aws:elasticfilesystem:region:account:file-system/id"


@rule(
    types=[FILE_SYSTEM],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("EFS.1", "EFS.8"), cis=("2.3.1",), checkov=("CKV_AWS_184",)),
    remediation="""
        Encrypt it with a key of your own; that can only be chosen when it is created:

            aws.efs.FileSystem("uploads", encrypted=True, kms_key_id=key.arn)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "key"),
            Given(FILE_SYSTEM, "uploads", {"encrypted": True, "kmsKeyId": Ref("key")}),
        ),
        (Given(FILE_SYSTEM, "uploads", {"encrypted": "true", "kmsKeyId": "arn:aws:kms:::key/1"}),),
    ],
    failing=[
        (Given(FILE_SYSTEM, "uploads", {"encrypted": True}),),
        (Given(FILE_SYSTEM, "uploads", {"kmsKeyId": "arn:aws:kms:::key/1"}),),
        (Given(FILE_SYSTEM, "uploads", {"encrypted": False, "kmsKeyId": "arn:aws:kms:::key/1"}),),
    ],
)
def efs_encrypted(files: Subject) -> Outcome:
    """A file system is encrypted with a key of one's own.

    Whoever may use the key may read the files, and that is written down and can be taken back.
    """
    return all_of(
        attempt(lambda: require(files.flag("encrypted"), "is not encrypted", "encrypted")),
        require(files.has_text("kmsKeyId"), "is not encrypted with a key of its own", "kmsKeyId"),
    )


@rule(
    types=[FILE_SYSTEM],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EFS.2", "EFS.7"), checkov=("CKV2_AWS_18",)),
    remediation="""
        Let EFS back it up each day, or select it for a plan of your own:

            aws.efs.BackupPolicy("uploads", file_system_id=files.id,
                                 backup_policy={"status": "ENABLED"})
        """,
    passing=[
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(
                BACKUP_POLICY,
                "daily",
                {"fileSystemId": Ref("uploads"), "backupPolicy": {"status": "ENABLED"}},
            ),
        ),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(SELECTION, "files", {"resources": [Ref("uploads")]}),
        ),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(SELECTION, "files", {"resources": ["arn:aws:elasticfilesystem:*:*:*"]}),
        ),
        (
            Given(FILE_SYSTEM, "uploads", {"tags": {"Backup": "yes"}}),
            Given(
                SELECTION,
                "tagged",
                {"selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}]},
            ),
        ),
    ],
    failing=[
        (Given(FILE_SYSTEM, "uploads"),),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(
                BACKUP_POLICY,
                "never",
                {"fileSystemId": Ref("uploads"), "backupPolicy": {"status": "DISABLED"}},
            ),
        ),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(FILE_SYSTEM, "others"),
            Given(SELECTION, "files", {"resources": [Ref("others")]}),
        ),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(SELECTION, "tables", {"resources": ["arn:aws:dynamodb:*:*:table/*"]}),
        ),
        (
            Given(FILE_SYSTEM, "uploads"),
            Given(SELECTION, "rest", {"resources": ["*"], "notResources": [Ref("uploads")]}),
        ),
    ],
)
def efs_backup(files: Subject, _: Settings, graph: Graph) -> Outcome:
    """A file system is backed up.

    EFS keeps no versions: a deleted or encrypted file is gone where no backup holds it.
    """

    def enabled(policy: Subject) -> Outcome:
        return met(policy.node("backupPolicy").text("status") == "ENABLED")

    message = "neither a backup policy nor a backup plan covers this file system"
    return some(
        [
            lambda: selected(files, graph, _ARN, message),
            lambda: some(
                companions(files.resource, graph, [BACKUP_POLICY], "fileSystemId"), enabled, message
            ),
        ],
        lambda covered: covered(),
        message,
    )
