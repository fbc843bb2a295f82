"""Rules for who may reach a bucket, and the record of who did."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.audience import admits_somebody
from policies.nodes import Node, Subject
from policies.outcomes import NotApplicable, Outcome, all_of, every, fail, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.rules.lb import BALANCER
from policies.rules.s3 import (
    BLOCKS,
    BUCKET,
    BUCKET_POLICY,
    BUCKET_V2,
    BUCKETS,
    LOGGINGS,
    blocking,
    receives_access_logs,
)
from policies.settings import Settings, Severity
from policies.statements import statements

ACCOUNT_BLOCK: Final = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
ACLS: Final = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
ACL, ACL_V2 = ACLS
OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"

_ENFORCED: Final = "BucketOwnerEnforced"


@rule(
    types=[ACCOUNT_BLOCK],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("S3.1",), cis=("2.1.4",)),
    remediation="""
        Block all four ways for every bucket that the account has or will have:

            aws.s3.AccountPublicAccessBlock("account",
                                            block_public_acls=True, block_public_policy=True,
                                            ignore_public_acls=True, restrict_public_buckets=True)
        """,
    passing=[
        (Given(ACCOUNT_BLOCK, "account", dict.fromkeys(BLOCKS, True)),),
        (Given(ACCOUNT_BLOCK, "account", dict.fromkeys(BLOCKS, "true")),),
    ],
    failing=[
        (Given(ACCOUNT_BLOCK, "account", {"blockPublicAcls": True, "ignorePublicAcls": True}),),
        (
            Given(
                ACCOUNT_BLOCK,
                "account",
                {**dict.fromkeys(BLOCKS, True), "restrictPublicBuckets": False},
            ),
        ),
    ],
    remedy=blocking,
)
def s3_account_block(block: Subject) -> Outcome:
    """The public access block of an account closes all four ways.

    It also holds for the bucket that somebody makes by hand tomorrow.
    """
    return every(BLOCKS, lambda key: require(block.flag(key), f"{key} is not true", key))


class Acls(Settings):
    """Which canned access control lists a bucket may have."""

    allowed: tuple[str, ...] = Field(default=("private",))
    """A bucket that an old service of AWS delivers logs to may need `log-delivery-write`."""


def _granting(**grantee: str) -> dict[str, object]:
    """An access control list with one grant, for the examples."""
    grants = [{"permission": "READ", "grantee": grantee}]
    return {"accessControlPolicy": {"owner": {"id": "0a1b"}, "grants": grants}}


_EVERYONE: Final = "http://acs.amazonaws.com/groups/global/AllUsers"


@rule(
    types=[*BUCKETS, *ACLS, OWNERSHIP],
    severity=Severity.CRITICAL,
    controls=Controls(
        fsbp=("S3.2", "S3.3", "S3.12"),
        checkov=("CKV_AWS_20", "CKV_AWS_57", "CKV2_AWS_65", "CKV2_AWS_43", "CKV_AWS_375"),
    ),
    settings=Acls,
    remediation="""
        Leave access control lists off, and say in a bucket policy who may do what:

            aws.s3.BucketOwnershipControls("uploads", bucket=bucket.id,
                                           rule={"object_ownership": "BucketOwnerEnforced"})
        """,
    passing=[
        (Given(BUCKET, "uploads"),),
        (Given(BUCKET_V2, "uploads", {"acl": "private"}),),
        (Given(OWNERSHIP, "owned", {"rule": {"objectOwnership": _ENFORCED}}),),
        (Given(ACL, "own", _granting(type="CanonicalUser", id="0a1b")),),
    ],
    failing=[
        (Given(BUCKET, "uploads", {"acl": "public-read"}),),
        (Given(BUCKET_V2, "uploads", {"acl": "public-read-write"}),),
        (Given(ACL, "readers", {"acl": "authenticated-read"}),),
        (Given(BUCKET, "uploads", {"grants": [{"type": "Group", "uri": _EVERYONE}]}),),
        (Given(ACL, "everyone", _granting(type="Group", uri=_EVERYONE)),),
        (Given(ACL_V2, "partner", _granting(type="CanonicalUser", id="9f8e")),),
        (Given(OWNERSHIP, "mixed", {"rule": {"objectOwnership": "ObjectWriter"}}),),
    ],
    absence_is_safe=True,
)
def s3_no_public_acl(subject: Subject, settings: Acls) -> Outcome:
    """Buckets use no access control lists, and none that admits the public.

    An ACL opens objects one by one, past what the bucket's policy shows. A bucket made without
    one has them off.
    """
    if subject.type == OWNERSHIP:
        owner = subject.node("rule")
        ownership = owner.text("objectOwnership") or _ENFORCED
        return require(
            ownership == _ENFORCED,
            f"{ownership} leaves access control lists on",
            owner.at("objectOwnership"),
        )
    policy = subject.node("accessControlPolicy")
    owner_id = policy.node("owner").text("id") if policy.names() else None

    def is_narrow() -> Outcome:
        acl = subject.text("acl")
        return require(acl is None or acl in settings.allowed, f"has the list {acl}", "acl")

    def is_owners(grant: Node) -> Outcome:
        grantee = grant.node("grantee") if grant.has("grantee") else grant
        whom = grantee.text("uri") or grantee.text("id") or grantee.text("emailAddress")
        return require(
            owner_id is not None and whom == owner_id,
            f"a list gives rights to {whom or 'somebody'}",
            grant.here,
        )

    return all_of(
        is_narrow,
        lambda: every(subject.each("grants"), is_owners),
        lambda: every(policy.each("grants"), is_owners),
    )


def _letting(principal: str, condition: str = "") -> str:
    """A bucket policy that lets `principal` read, for the examples."""
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",'
        f' "Resource": "arn:aws:s3:::uploads/*", "Principal": {principal}{condition}}}]}}'
    )


_OVER_TLS: Final = ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}'
_OF_OURS: Final = ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3"}}'


@rule(
    types=[*BUCKETS, BUCKET_POLICY],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("S3.6",), checkov=("CKV_AWS_70",)),
    remediation="""
        Name who may read; what the public is to see goes through a CDN:

            aws.s3.BucketPolicy("uploads", bucket=bucket.id, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
                               "Resource": "arn:aws:s3:::uploads/*",
                               "Principal": {"AWS": "arn:aws:iam::123456789012:role/api"}}]}))
        """,
    passing=[
        (
            Given(
                BUCKET_POLICY,
                "api",
                {"policy": _letting('{"AWS": "arn:aws:iam::123456789012:role/api"}')},
            ),
        ),
        (Given(BUCKET, "ours", {"policy": _letting('"*"', _OF_OURS)}),),
        (
            Given(
                BUCKET_POLICY,
                "tls",
                {"policy": _letting('"*"', _OVER_TLS).replace("Allow", "Deny")},
            ),
        ),
    ],
    failing=[
        (Given(BUCKET_POLICY, "open", {"policy": _letting('"*"')}),),
        (Given(BUCKET, "open", {"policy": _letting('{"AWS": ["*"]}')}),),
        (Given(BUCKET_V2, "open", {"policy": _letting('"*"', _OVER_TLS)}),),
        (
            Given(
                BUCKET_POLICY,
                "most",
                {
                    "policy": _letting('{"AWS": "123456789012"}').replace(
                        "Principal", "NotPrincipal"
                    )
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def s3_policy_no_world(subject: Subject) -> Outcome:
    """The policy of a bucket admits nobody in general.

    A condition counts where it says who calls or from where; TLS is something that anyone has.
    """
    return every(statements(subject.document("policy"), "Allow"), admits_somebody)


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("S3.9",), cis=("3.4",), checkov=("CKV_AWS_18",)),
    remediation="""
        Write the record to a bucket that is for such logs:

            aws.s3.BucketLogging("uploads", bucket=bucket.id,
                                 target_bucket=logs.id, target_prefix="uploads/")
        """,
    passing=[
        (
            Given(BUCKET, "uploads"),
            Given(BUCKET, "logs"),
            Given(LOGGINGS[0], "log", {"bucket": Ref("uploads"), "targetBucket": Ref("logs")}),
        ),
        (
            Given(BUCKET_V2, "uploads", {"loggings": [{"targetBucket": "example-logs"}]}),
            Given(BUCKET, "logs", {"bucket": "example-logs"}),
        ),
        (
            Given(BUCKET, "logs"),
            Given(BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": Ref("logs")}}),
            Given(BUCKET, "uploads", {"logging": {"targetBucket": Ref("logs")}}),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (Given(BUCKET_V2, "uploads", {"loggings": [{"targetPrefix": "uploads/"}]}),),
        (
            Given(BUCKET, "trail"),
            Given("aws:cloudtrail/trail:Trail", "all", {"s3BucketName": Ref("trail")}),
        ),
        (
            Given(BUCKET, "uploads"),
            Given(LOGGINGS[1], "log", {"bucket": Ref("uploads"), "targetPrefix": "log/"}),
        ),
    ],
)
def s3_access_logging(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Access to each bucket is logged to another one.

    After a leak it is the record of who read what. The bucket that receives such logs needs none
    of its own: it would log its own writing. That of a CloudTrail trail does.
    """
    if receives_access_logs(bucket, graph):
        return NotApplicable("receives access logs itself")

    def is_kept(log: Node) -> Outcome:
        return met(log.has_text("targetBucket"))

    inline = [one for key in ("logging", "loggings") for one in bucket.each(key)]
    logs = inline or companions(bucket.resource, graph, LOGGINGS, "bucket")
    if not logs:
        return fail("nothing logs who reads it")
    return some(logs, is_kept, "its access log names no bucket to write to")
