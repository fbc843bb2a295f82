"""Rules of buckets, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.lb import ALB_BALANCER
from policies.rules.s3 import (
    ACCESS_BLOCK,
    BUCKET,
    BUCKET_POLICY,
    BUCKET_V2,
    ENCRYPTION,
    LOGGINGS,
)
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says

BLOCKED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
DATA = Given(BUCKET, "data")


@pytest.mark.parametrize("key", BLOCKED)
@pytest.mark.parametrize(("value", "expected"), [(False, FAIL), (None, FAIL), (UNKNOWN, UNDECIDED)])
def test_all_four_blocks_are_needed(key: str, value: object, expected: str) -> None:
    """Three of four leave a way to make the bucket public."""
    block = Given(ACCESS_BLOCK, "block", {"bucket": Ref("data"), **BLOCKED, key: value})
    assert says("s3-block-public-access", DATA, block) == expected


def test_the_block_of_another_bucket_does_not_count() -> None:
    """By reference, and by the names that a program writes out."""
    block = Given(ACCESS_BLOCK, "block", {"bucket": Ref("other"), **BLOCKED})
    example = (DATA, Given(BUCKET, "other"), block)
    assert says("s3-block-public-access", *example, of="data") == FAIL
    assert says("s3-block-public-access", *example, of="other") == PASS
    named = Given(BUCKET_V2, "data", {"bucket": "first"})
    block = Given(ACCESS_BLOCK, "block", {"bucket": "second", **BLOCKED})
    assert messages("s3-block-public-access", named, block) == [
        "nothing blocks public access to this bucket"
    ]
    unknown = Given(ACCESS_BLOCK, "block", {"bucket": UNKNOWN, **BLOCKED})
    assert says("s3-block-public-access", named, unknown) == UNDECIDED


def encryption(algorithm: object) -> Given:
    """The encryption of the bucket `data`."""
    default = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}
    return Given(ENCRYPTION, "encryption", {"bucket": Ref("data"), "rules": [default]})


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("aws:kms", PASS), ("AES256", FAIL), ("AWS:KMS", FAIL), (None, FAIL), (UNKNOWN, UNDECIDED)],
)
def test_a_bucket_encrypts_with_kms(algorithm: object, expected: str) -> None:
    """What S3 does by itself is not enough for data."""
    assert says("s3-kms-encryption", DATA, encryption(algorithm)) == expected


def test_a_bucket_that_logs_are_delivered_to_may_use_the_key_of_s3() -> None:
    """AWS's log delivery cannot use a key of one's own; the relation tells which those are."""
    balancer = Given(ALB_BALANCER, "edge", {"accessLogs": {"bucket": Ref("data")}})
    logging = Given(LOGGINGS[0], "logging", {"bucket": "site", "targetBucket": Ref("data")})
    assert says("s3-kms-encryption", DATA, encryption("AES256"), balancer) == PASS
    assert says("s3-kms-encryption", DATA, encryption("AES256"), logging) == PASS
    source = Given(LOGGINGS[1], "logging", {"bucket": Ref("data"), "targetBucket": "logs"})
    assert says("s3-kms-encryption", DATA, encryption("AES256"), source) == FAIL


WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}
DENY: dict[str, object] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
    "Condition": WITHOUT_TLS,
}


CHANGES: list[tuple[dict[str, object], str]] = [
    ({}, PASS),
    ({"Principal": {"AWS": "*"}}, PASS),
    ({"Principal": {"AWS": ["*"]}}, PASS),
    ({"Action": ["*"]}, PASS),
    ({"Action": "S3:*"}, PASS),
    ({"Resource": "*"}, PASS),
    ({"Resource": "arn:aws:s3:::data*"}, FAIL),
    ({"Condition": {"Bool": {"AWS:SecureTransport": False}}}, PASS),
    ({"Condition": {"BoolIfExists": {"aws:SecureTransport": ["false"]}}}, PASS),
    ({"Effect": "Allow"}, FAIL),
    ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, FAIL),
    ({"Action": ["s3:PutObject"]}, FAIL),
    ({"Resource": "arn:aws:s3:::data"}, FAIL),
    ({"Resource": "arn:aws:s3:::data/private/*"}, FAIL),
    ({"Condition": {}}, FAIL),
    ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, FAIL),
    ({"Condition": {"Bool": {"aws:ViaAWSService": "false"}}}, FAIL),
    (
        {"Condition": {**WITHOUT_TLS, "StringEquals": {"aws:userid": "x"}}},
        FAIL,
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_policy_denies_everything_that_comes_without_tls(
    change: dict[str, object], expected: str
) -> None:
    """Everybody, every action, every object, and under no further condition."""
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}, {**DENY, **change}]}
    policy = Given(BUCKET_POLICY, "p", {"bucket": Ref("data"), "policy": json.dumps(document)})
    assert says("s3-tls-only", DATA, policy) == expected


def test_a_policy_that_is_not_known_yet_leaves_it_undecided() -> None:
    """It holds an ARN that only an apply makes."""
    policy = Given(BUCKET_POLICY, "p", {"bucket": Ref("data"), "policy": UNKNOWN})
    assert says("s3-tls-only", DATA, policy) == UNDECIDED
