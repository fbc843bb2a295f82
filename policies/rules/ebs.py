"""Rules for block storage: EBS volumes, and the disks that instances start with."""

from typing import Final

from policies.instances import (
    INSTANCE,
    LAUNCH_CONFIGURATION,
    LAUNCH_TEMPLATE,
    LAUNCHERS,
    left_to_template,
)
from policies.nodes import Node, Subject
from policies.outcomes import PASS, Outcome, all_of, attempt, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Severity

VOLUME: Final = "aws:ebs/volume:Volume"
DEFAULT_ENCRYPTION: Final = "aws:ebs/encryptionByDefault:EncryptionByDefault"

_ENCRYPTED: Final = {"encrypted": True}
_PLAIN: Final = {"encrypted": False}


@rule(
    types=[VOLUME, *LAUNCHERS],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(
        fsbp=("EC2.3", "EC2.181"), cis=("5.1.1",), checkov=("CKV_AWS_3", "CKV_AWS_8", "CKV2_AWS_2")
    ),
    remediation="""
        Encrypt each disk, the one that the image brings along too:

            aws.ec2.LaunchTemplate("workers", block_device_mappings=[{
                "device_name": "/dev/xvda",
                "ebs": {"encrypted": "true", "kms_key_id": key.arn}}], ...)
            aws.ec2.Instance("worker", root_block_device={"encrypted": True}, ...)
        """,
    passing=[
        (Given(VOLUME, "data", {"encrypted": True}),),
        (
            Given(
                INSTANCE,
                "worker",
                {"rootBlockDevice": _ENCRYPTED, "ebsBlockDevices": [_ENCRYPTED, _ENCRYPTED]},
            ),
        ),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {
                    "blockDeviceMappings": [
                        {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}},
                        {"deviceName": "/dev/sdb", "virtualName": "ephemeral0"},
                        {"deviceName": "/dev/sdc", "noDevice": "true"},
                    ]
                },
            ),
            Given(INSTANCE, "worker", {"launchTemplate": {"id": Ref("workers")}}),
        ),
        (Given(LAUNCH_CONFIGURATION, "workers", {"rootBlockDevice": _ENCRYPTED}),),
    ],
    failing=[
        (Given(VOLUME, "data", {"encrypted": False}),),
        (Given(VOLUME, "data", {"size": 100}),),
        (Given(INSTANCE, "worker", {"ebsBlockDevices": [_ENCRYPTED]}),),
        (
            Given(
                INSTANCE,
                "worker",
                {"rootBlockDevice": _ENCRYPTED, "ebsBlockDevices": [_ENCRYPTED, _PLAIN]},
            ),
        ),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {
                    "blockDeviceMappings": [
                        {"ebs": _ENCRYPTED},
                        {"ebs": {"volumeSize": 100}},
                    ]
                },
            ),
        ),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"blockDeviceMappings": [{"ebs": _ENCRYPTED}]}),
            Given(
                INSTANCE,
                "worker",
                {"launchTemplate": {"id": Ref("workers")}, "rootBlockDevice": {"volumeSize": 8}},
            ),
        ),
        (Given(LAUNCH_CONFIGURATION, "workers", {"rootBlockDevice": {"encrypted": "false"}}),),
    ],
)
def ebs_encrypted(disks: Subject) -> Outcome:
    """Block storage is encrypted.

    Its snapshots are encrypted with it, and a snapshot is shared with one wrong click. What the
    image or the account would decide is not known here, so the program has to say it.
    """

    def mapped(mapping: Node) -> Outcome:
        if mapping.has_text("virtualName") or mapping.has_text("noDevice"):
            return PASS  # no volume: a disk of the host, or none at all
        return _encrypted(mapping.node("ebs"))

    if disks.type == VOLUME:
        return _encrypted(disks)
    if disks.type == LAUNCH_TEMPLATE:
        mappings = disks.each("blockDeviceMappings")
        if not mappings:
            return fail("leaves it to the image whether its disk is encrypted")
        return every(mappings, mapped)
    return all_of(
        attempt(
            lambda: (
                PASS
                if left_to_template(disks, "rootBlockDevice")
                else _encrypted(disks.node("rootBlockDevice"))
            )
        ),
        every(disks.each("ebsBlockDevices"), _encrypted),
    )


def _encrypted(disk: Node) -> Outcome:
    return require(
        disk.flag("encrypted"),
        f"{disk.here or 'the volume'} is not encrypted",
        disk.at("encrypted"),
    )


@rule(
    types=[DEFAULT_ENCRYPTION],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("EC2.7",), cis=("5.1.1",), checkov=("CKV_AWS_106",)),
    remediation="""
        Turn it on, once in each account and region:

            aws.ebs.EncryptionByDefault("on", enabled=True)
        """,
    passing=[
        (Given(DEFAULT_ENCRYPTION, "on", {"enabled": True}),),
        (Given(DEFAULT_ENCRYPTION, "on"),),
    ],
    failing=[
        (Given(DEFAULT_ENCRYPTION, "off", {"enabled": False}),),
        (Given(DEFAULT_ENCRYPTION, "off", {"enabled": "false"}),),
    ],
    absence_is_safe=True,
)
def ebs_default_encryption(default: Subject) -> Outcome:
    """An account encrypts new volumes by default.

    It catches the disk that somebody forgot. Only what a stack declares is judged: the setting is
    the account's, and one stack of many declares it.
    """
    return require(default.flag("enabled") is not False, "new volumes are not encrypted", "enabled")


@rule(
    types=[VOLUME],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_189",)),
    remediation="""
        Encrypt it with a key of your own:

            aws.ebs.Volume("data", encrypted=True, kms_key_id=key.arn, ...)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "key"),
            Given(VOLUME, "data", {"encrypted": True, "kmsKeyId": Ref("key")}),
        ),
    ],
    failing=[(Given(VOLUME, "data", {"encrypted": True}),)],
)
def ebs_cmk(volume: Subject) -> Outcome:
    """A volume is encrypted with a key of one's own.

    A snapshot under AWS's shared key can neither be shared with a recovery account nor be locked.
    """
    return require(
        volume.has_text("kmsKeyId"), "is not encrypted with a key of its own", "kmsKeyId"
    )
