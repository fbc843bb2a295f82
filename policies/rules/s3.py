"""Rules for buckets, whose settings are resources of their own beside them."""

import re
from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, every, fail, met, require, some
from policies.registry import Controls, Given, Inputs, Ref, rule
from policies.relations import companions
from policies.remediation import with_input
from policies.rules.lb import BALANCER, BALANCERS
from policies.settings import Settings, Severity
from policies.statements import any_text, is_anything, principals, statements

BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
BUCKET, BUCKET_V2 = BUCKETS
ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ENCRYPTIONS: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
ENCRYPTION, ENCRYPTION_V2 = ENCRYPTIONS
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
LOGGINGS: Final = (
    "aws:s3/bucketLogging:BucketLogging",
    "aws:s3/bucketLoggingV2:BucketLoggingV2",
)

BLOCKS: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)
_ALL_BLOCKED: Final = dict.fromkeys(BLOCKS, True)


def blocking(block: Subject) -> Inputs:
    """The inputs of a public access block that blocks all four ways."""
    inputs = block.resource.inputs
    for key in BLOCKS:
        if not block.flag(key):
            inputs = with_input(inputs, (key,), value=True)
    return inputs


@rule(
    types=BUCKETS,
    severity=Severity.HIGH,
    controls=Controls(
        fsbp=("S3.8",),
        cis=("2.1.4",),
        checkov=("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV2_AWS_6"),
    ),
    remediation="""
        Block all four ways to make it public:

            aws.s3.BucketPublicAccessBlock("uploads", bucket=bucket.id,
                                           block_public_acls=True, block_public_policy=True,
                                           ignore_public_acls=True, restrict_public_buckets=True)
        """,
    passing=[
        (
            Given(BUCKET, "uploads"),
            Given(ACCESS_BLOCK, "closed", {"bucket": Ref("uploads"), **_ALL_BLOCKED}),
        ),
        (
            Given(BUCKET_V2, "uploads", {"bucket": "example-uploads"}),
            Given(ACCESS_BLOCK, "closed", {"bucket": "example-uploads", **_ALL_BLOCKED}),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (
            Given(BUCKET, "uploads"),
            Given(
                ACCESS_BLOCK,
                "half",
                {"bucket": Ref("uploads"), "blockPublicAcls": True, "blockPublicPolicy": True},
            ),
        ),
    ],
    remedy=blocking,
    remedied=[ACCESS_BLOCK],
)
def s3_block_public_access(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Public access to each bucket is blocked in all four ways.

    One careless policy or ACL, or one in a copied example, then opens nothing.
    """

    def blocks_all(block: Subject) -> Outcome:
        return every(BLOCKS, lambda key: require(block.flag(key), key))

    blocks = companions(bucket.resource, graph, [ACCESS_BLOCK], "bucket")
    if not blocks:
        return fail("nothing blocks public access to this bucket")
    return some(
        blocks, blocks_all, f"{blocks[0].name} does not set all of {', '.join(BLOCKS)} to true"
    )


def _encrypting(algorithm: str) -> dict[str, object]:
    """The rules of an encryption configuration, for the examples."""
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("S3.17",), checkov=("CKV_AWS_19", "CKV_AWS_145")),
    remediation="""
        Encrypt with a key of your own; AES256 is for buckets that load balancers write logs to:

            aws.s3.BucketServerSideEncryptionConfiguration("uploads", bucket=bucket.id, rules=[{
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}}])
        """,
    passing=[
        (
            Given(BUCKET, "uploads"),
            Given(ENCRYPTION, "kms", {"bucket": Ref("uploads"), **_encrypting("aws:kms")}),
        ),
        (
            Given(BUCKET, "logs"),
            Given(ENCRYPTION_V2, "aes", {"bucket": Ref("logs"), **_encrypting("AES256")}),
            Given(BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": Ref("logs")}}),
        ),
        (
            Given(
                BUCKET_V2,
                "inline",
                {
                    "serverSideEncryptionConfigurations": [
                        {
                            "rules": [
                                {
                                    "applyServerSideEncryptionByDefaults": [
                                        {"sseAlgorithm": "aws:kms:dsse"}
                                    ]
                                }
                            ]
                        }
                    ]
                },
            ),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (
            Given(BUCKET, "uploads"),
            Given(ENCRYPTION, "aes", {"bucket": Ref("uploads"), **_encrypting("AES256")}),
        ),
    ],
)
def s3_kms_encryption(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """Each bucket encrypts with KMS by default.

    A key of one's own has a policy, a log of its use and an off switch; S3's own key has none.
    """
    allowed = {"aws:kms", "aws:kms:dsse"}
    if receives_access_logs(bucket, graph):
        allowed |= {"AES256"}  # AWS's log delivery cannot use a key of one's own.

    def encrypts(rule_: Node) -> Outcome:
        default = next(
            (
                rule_.node(key)
                for key in (
                    "applyServerSideEncryptionByDefault",
                    "applyServerSideEncryptionByDefaults",
                )
                if rule_.has(key)
            ),
            rule_,
        )
        return met(default.text("sseAlgorithm") in allowed)

    own = [
        bucket.node(key)
        for key in ("serverSideEncryptionConfiguration", "serverSideEncryptionConfigurations")
        if bucket.has(key)
    ]
    configurations = own or companions(bucket.resource, graph, ENCRYPTIONS, "bucket")
    if not configurations:
        return fail("no encryption configuration names a key")
    rules = [
        rule_
        for one in configurations
        for rule_ in one.each("rules" if one.has("rules") else "rule")
    ]
    return some(rules, encrypts, f"does not encrypt with any of {', '.join(sorted(allowed))}")


def receives_access_logs(bucket: Subject, graph: Graph) -> bool:
    """Whether load balancers or other buckets write their access logs to this one."""
    return bool(
        graph.referrers(bucket.resource, *BALANCERS, key="accessLogs")
        or graph.referrers(bucket.resource, *LOGGINGS, key="targetBucket")
        or graph.referrers(bucket.resource, BUCKET, key="logging")
        or graph.referrers(bucket.resource, BUCKET_V2, key="loggings")
    )


OBJECTS: Final = re.compile(r"\*|arn:[^:]*:s3:::([^/]+/)?\*")
"""A resource that stands for every object of a bucket."""

_REFUSES_PLAIN: Final = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",'
    ' "Action": "s3:*", "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"],'
    ' "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
)


def _is_without_tls(condition: Node) -> bool:
    """Whether the condition holds for every request without TLS: that alone, and nothing else."""
    if condition.names() not in (["Bool"], ["BoolIfExists"]):
        return False
    operator = condition.node(condition.names()[0])
    (key, *others) = operator.names() or [""]
    if others or key.lower() != "aws:securetransport":
        return False
    values = operator.nodes(key)
    return len(values) == 1 and (values[0].raw is False or values[0].as_text() == "false")


@rule(
    types=BUCKETS,
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("S3.5",), cis=("2.1.1",), checkov=("CKV_AWS_379",)),
    remediation="""
        Deny what comes without TLS:

            aws.s3.BucketPolicy("uploads", bucket=bucket.id, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",
                               "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"],
                               "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}))
        """,
    passing=[
        (
            Given(BUCKET, "uploads"),
            Given(BUCKET_POLICY, "tls", {"bucket": Ref("uploads"), "policy": _REFUSES_PLAIN}),
        ),
    ],
    failing=[
        (Given(BUCKET, "uploads"),),
        (
            Given(BUCKET, "uploads"),
            Given(
                BUCKET_POLICY,
                "inverted",
                {
                    "bucket": Ref("uploads"),
                    "policy": _REFUSES_PLAIN.replace('"false"', '"true"'),
                },
            ),
        ),
        (
            Given(BUCKET, "uploads"),
            Given(
                BUCKET_POLICY,
                "some",
                {
                    "bucket": Ref("uploads"),
                    "policy": _REFUSES_PLAIN.replace('"s3:*"', '"s3:GetObject"'),
                },
            ),
        ),
    ],
)
def s3_tls_only(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """The policy of each bucket denies access without TLS.

    S3 still answers plain HTTP, and a client with an old address does not notice.
    """

    def refuses_plain(statement: Node) -> Outcome:
        return met(
            _is_without_tls(statement.node("Condition"))
            and any_text(principals(statement), is_anything)
            and any_text(statement.each("Action"), lambda one: one.lower() in {"*", "s3:*"})
            and any_text(statement.each("Resource"), lambda one: bool(OBJECTS.fullmatch(one)))
        )

    policies = companions(bucket.resource, graph, [BUCKET_POLICY], "bucket")
    if not policies:
        return fail("no bucket policy denies access without TLS")
    return some(
        policies,
        lambda policy: some(statements(policy.document("policy"), "Deny"), refuses_plain),
        "its policy does not deny everything that comes without TLS",
    )
