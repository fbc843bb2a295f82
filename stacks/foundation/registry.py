"""The account's registry of container images: written by the pipeline alone, and never over."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import cloudcontrol, ecr, iam, signer

from environments import Foundation
from stacks.foundation.identities import PATH, SESSION_SECONDS, Identities
from stacks.naming import Names
from stacks.statements import document

_PULLS: Final = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
]
_PUSHES: Final = [
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]
_SEES: Final = [
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImageSigningStatus",
    "ecr:DescribeImages",
]
_NOTATION: Final = "Notation-OCI-SHA384-ECDSA"
_SIGNED_MONTHS: Final = 135  # the longest that AWS Signer has: an old release can be verified, too


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryArguments:
    """What the registry is made from."""

    foundation: Foundation
    key_arn: Input[str]
    boundary_arn: Input[str]
    """Of the role that publishes."""


class Registry(ComponentResource):
    """The repositories of the account's images, and who may push to them (ART-02, ART-05).

    Makes for each repository: itself, with tags that cannot move, under its own key; its life
    cycle; and its policy. For all: scanning on push and whenever a vulnerability becomes known
    (ART-09); where the standards ask for it, a signing profile, and its use for every image that is
    pushed (ART-08); and the role that publishes, from the branches that are released.
    """

    def __init__(
        self, name: str, arguments: RegistryArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Registry", name, opts=options)
        self._arguments = arguments
        self._foundation = foundation = arguments.foundation
        self._names = names = Names(foundation)
        self._inside = inside = ResourceOptions(parent=self)
        self._publisher = Identities(names).role("publish")
        self._repositories = [
            names.arn("ecr", f"repository/{repository}")
            for repository in foundation.registry.repositories
        ]
        role = self._publish()
        for repository in foundation.registry.repositories:
            self._repository(repository, role)
        ecr.RegistryScanningConfiguration(
            "scanning",
            scan_type="ENHANCED" if foundation.must("SEC-14") else "BASIC",
            rules=[
                {
                    "scan_frequency": (
                        "CONTINUOUS_SCAN" if foundation.must("SEC-14") else "SCAN_ON_PUSH"
                    ),
                    "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}],
                }
            ],
            opts=inside,
        )
        if foundation.must("ART-08"):
            self._sign()
        self.register_outputs({})

    @property
    def _profile(self) -> str:
        """The signing profile's name, which takes no hyphens."""
        return self._names.of("images").replace("-", "_")

    def _repository(self, repository: str, publisher: iam.Role) -> None:
        name = repository.replace("/", "-")
        made = ecr.Repository(
            name,
            name=repository,
            image_tag_mutability="IMMUTABLE",
            encryption_configurations=[
                {"encryption_type": "KMS", "kms_key": self._arguments.key_arn}
            ],
            image_scanning_configuration={"scan_on_push": True},
            force_delete=not self._foundation.is_stateful_protected,
            opts=ResourceOptions(parent=self, protect=self._foundation.is_stateful_protected),
        )
        ecr.LifecyclePolicy(
            name, repository=made.name, policy=_cycle(self._foundation), opts=self._inside
        )
        ecr.RepositoryPolicy(
            name,
            repository=made.name,
            policy=document(
                {
                    "Sid": "Pull",
                    "Effect": "Allow",
                    "Principal": {"AWS": self._names.root},
                    "Action": _PULLS,
                },
                {
                    # The policies of the account cannot let anybody else push, or delete.
                    "Sid": "PushedByThePipelineAlone",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": [*_PUSHES, "ecr:BatchDeleteImage"],
                    "Condition": {"ArnNotEquals": {"aws:PrincipalArn": self._publisher}},
                },
            ),
            opts=ResourceOptions(parent=self, depends_on=[publisher]),
        )

    def _publish(self) -> iam.Role:
        """The role that pushes images, from every branch that the account's releases come from."""
        foundation = self._foundation
        branches = sorted({one.release.branch for one in foundation.environments})
        subjects = [f"repo:{foundation.repository.name}:ref:refs/heads/{one}" for one in branches]
        role = iam.Role(
            "publish",
            name="publish",
            path=PATH,
            description="Pushes, signs and checks images",
            assume_role_policy=document(Identities(self._names).workflows(*subjects)),
            permissions_boundary=self._arguments.boundary_arn,
            max_session_duration=SESSION_SECONDS,
            opts=self._inside,
        )
        iam.RolePolicy(
            "publish",
            name="publish",
            role=role.name,
            policy=document(
                {
                    "Sid": "SignIn",
                    "Effect": "Allow",
                    "Action": "ecr:GetAuthorizationToken",
                    "Resource": "*",
                },
                {
                    "Sid": "Images",
                    "Effect": "Allow",
                    "Action": [*_PULLS, *_PUSHES, *_SEES],
                    "Resource": self._repositories,
                },
                {
                    "Sid": "Signature",
                    "Effect": "Allow",
                    "Action": ["signer:GetSigningProfile", "signer:SignPayload"],
                    "Resource": self._names.arn("signer", f"/signing-profiles/{self._profile}"),
                },
            ),
            opts=self._inside,
        )
        return role

    def _sign(self) -> None:
        """Sign every image as it is pushed, so that a deployment can want the signature."""
        profile = signer.SigningProfile(
            "images",
            name=self._profile,
            platform_id=_NOTATION,
            signature_validity_period={"type": "MONTHS", "value": _SIGNED_MONTHS},
            opts=self._inside,
        )
        # The provider has no resource of its own for it yet: Cloud Control has all of AWS's.
        cloudcontrol.Resource(
            "signing",
            type_name="AWS::ECR::SigningConfiguration",
            desired_state=json.dumps(
                {
                    "Rules": [
                        {
                            "SigningProfileArn": self._names.arn(
                                "signer", f"/signing-profiles/{self._profile}"
                            )
                        }
                    ]
                }
            ),
            opts=ResourceOptions(parent=self, depends_on=[profile]),
        )


def _cycle(foundation: Foundation) -> str:
    """The oldest images go, and with them their signatures, which have no tags of their own."""
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": "Keeps what a release or a rollback may need",
                    "selection": {
                        "tagStatus": "tagged",
                        "tagPatternList": ["*"],
                        "countType": "imageCountMoreThan",
                        "countNumber": foundation.registry.images_kept,
                    },
                    "action": {"type": "expire"},
                }
            ]
        }
    )
