"""The foundation's keys: one for each purpose, so that access to one store opens no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_aws import Provider, kms

from environments import Foundation
from environments.foundation import STATE_KEY
from stacks.foundation.identities import Identities
from stacks.keys import administration, for_log_groups, through
from stacks.naming import Names
from stacks.statements import Statement, document, from_account, published

_DELETION_WINDOW_DAYS: Final = 30  # the longest that KMS gives to notice a mistake
_OPENS: Final = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"]
_SIGNS: Final = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"]
_SIGNING: Final = "ECC_NIST_EDWARDS25519"
"""The keys that Solana signs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysArguments:
    """What the keys of a foundation are made from."""

    foundation: Foundation
    roles: Sequence[Resource]
    """Those that their policies name: KMS refuses a policy that names nobody."""
    backup_provider: Provider | None
    """Of the second region, where state is copied to."""


class Keys(ComponentResource):
    """The keys of a foundation, each with its own policy; KMS rotates those that encrypt.

    Makes a key and its alias for each of: the secrets in the state of the foundation, and of each
    environment; the objects in the bucket of all state, and their copies; the record of who did
    what; topics; images; and for each environment on a chain that others use what signs for its
    Solana program, whose private half never leaves KMS (SEC-12).
    """

    objects_arn: Output[str]
    copies_arn: Output[str] | None
    audit_arn: Output[str]
    topics_arn: Output[str]
    images_arn: Output[str]

    def __init__(
        self, name: str, arguments: KeysArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Keys", name, opts=options)
        self._arguments = arguments
        self._names = names = Names(arguments.foundation)
        role = Identities(names).role
        region = arguments.foundation.aws.region
        for stack in (arguments.foundation, *arguments.foundation.environments):
            own = [role(f"{stack.name}-preview")]
            own += [role(f"{stack.name}-apply")] if stack is not arguments.foundation else []
            self._key(
                f"{stack.name}-secrets",
                f"{STATE_KEY}-{stack.name}",
                f"What is secret in the state of {stack.name}",
                [_used("Opens", _OPENS, own), *self._by_people(stack is arguments.foundation)],
            )
        for environment in arguments.foundation.environments:
            if not environment.must("SEC-12"):
                continue  # a throw-away key on somebody's machine does
            self._key(
                f"{environment.name}-program",
                f"{environment.name}-program",
                f"Signs for the Solana program of {environment.name}",
                [_used("Signs", _SIGNS, [role(f"{environment.name}-program")])],
                is_signing=True,
            )
        self.objects_arn = self._key(
            "state", names.of("state"), "The bucket of state", through(names, ("s3",), region)
        )
        self.copies_arn = None
        if arguments.backup_provider is not None:
            second = arguments.foundation.aws.backup_region
            self.copies_arn = self._key(
                "state-copy",
                names.of("state-copy"),
                "The copy of the bucket of state",
                through(names, ("s3",), second),
                provider=arguments.backup_provider,
            )
        self.audit_arn = self._key(
            "audit", names.of("audit"), "The record of who did what", self._recorded()
        )
        self.topics_arn = self._key(
            "topics",
            names.of("topics"),
            "Notification topics",
            [
                *published(["kms:Decrypt", "kms:GenerateDataKey*"], "*", names),
                *through(names, ("sns",), region),
            ],
        )
        self.images_arn = self._key(
            "images", names.of("images"), "Container images", through(names, ("ecr",), region)
        )
        self.register_outputs({})

    def _key(  # noqa: PLR0913 - each argument is a property of the key
        self,
        purpose: str,
        alias: str,
        description: str,
        statements: Sequence[Statement],
        *,
        is_signing: bool = False,
        provider: Provider | None = None,
    ) -> Output[str]:
        """Make the key for `purpose`, which only `statements` let anybody use."""
        key = kms.Key(
            purpose,
            description=description,
            key_usage="SIGN_VERIFY" if is_signing else "ENCRYPT_DECRYPT",
            customer_master_key_spec=_SIGNING if is_signing else "SYMMETRIC_DEFAULT",
            enable_key_rotation=None if is_signing else True,
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=document(administration(self._names), *statements),
            opts=ResourceOptions(
                parent=self,
                provider=provider,
                protect=self._arguments.foundation.is_stateful_protected,
                depends_on=self._arguments.roles,
            ),
        )
        kms.Alias(
            purpose,
            name=f"alias/{alias}",
            target_key_id=key.key_id,
            opts=ResourceOptions(parent=self, provider=provider),
        )
        return key.arn

    def _by_people(self, is_own: bool) -> list[Statement]:  # noqa: FBT001 - says which of the two
        """Let administrators open the foundation's own state: they apply it, no workflow does."""
        if not is_own:
            return []
        return [_used("Applied", _OPENS, [self._names.root])]

    def _recorded(self) -> list[Statement]:
        """Let what writes the record encrypt it, and who may read the bucket read it."""
        names = self._names
        aws = self._arguments.foundation.aws
        return [
            {
                "Sid": "Trail",
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": ["kms:DescribeKey", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "aws:SourceArn": names.arn("cloudtrail", f"trail/{names.of('audit')}")
                    }
                },
            },
            {
                "Sid": "Configuration",
                "Effect": "Allow",
                "Principal": {"Service": "config.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": from_account(names),
            },
            for_log_groups(names, aws.region),
            *through(names, ("s3",), aws.region),
        ]


def _used(sid: str, actions: Sequence[str], principals: Sequence[str]) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": list(actions),
        "Resource": "*",
    }
