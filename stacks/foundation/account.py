"""What holds for everything in the account, whoever makes it and by whatever means."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, ResourceOptions
from pulumi_aws import accessanalyzer, ebs, ec2, iam, s3

from environments import Foundation
from stacks.naming import Names

_PASSWORD_CHARACTERS: Final = 16
_PASSWORD_DAYS: Final = 90
_PASSWORDS_REMEMBERED: Final = 24
_HOPS: Final = 1  # a container on an instance is one further, and is not answered


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountArguments:
    """What the account's defaults are made from."""

    foundation: Foundation


class Account(ComponentResource):
    """The account's own settings: what nobody made safe is safe by default.

    Makes the password policy, for the few users there may be; and, in AWS itself, the block of
    public buckets, the analyzer of access from outside, encryption of every new disk, the blocks of
    public snapshots and images, and version 2 of the instance metadata service.
    """

    def __init__(
        self, name: str, arguments: AccountArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Account", name, opts=options)
        inside = ResourceOptions(parent=self)
        iam.AccountPasswordPolicy(
            "passwords",
            minimum_password_length=_PASSWORD_CHARACTERS,
            max_password_age=_PASSWORD_DAYS,
            password_reuse_prevention=_PASSWORDS_REMEMBERED,
            require_lowercase_characters=True,
            require_numbers=True,
            require_symbols=True,
            require_uppercase_characters=True,
            allow_users_to_change_password=True,
            opts=inside,
        )
        # An emulator has no account to set these for, or cannot be reached to do it.
        if arguments.foundation.aws.endpoint is None:
            names = Names(arguments.foundation)
            s3.AccountPublicAccessBlock(
                "buckets",
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=inside,
            )
            accessanalyzer.Analyzer(
                "external", analyzer_name=names.of("external"), type="ACCOUNT", opts=inside
            )
            ebs.EncryptionByDefault("disks", enabled=True, opts=inside)
            ebs.SnapshotBlockPublicAccess("snapshots", state="block-all-sharing", opts=inside)
            ec2.ImageBlockPublicAccess("images", state="block-new-sharing", opts=inside)
            ec2.InstanceMetadataDefaults(
                "metadata",
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=_HOPS,
                instance_metadata_tags="disabled",
                opts=inside,
            )
        self.register_outputs({})
