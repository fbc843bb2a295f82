"""Rules of who reaches a bucket and what it keeps, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.s3 import BUCKET, BUCKET_POLICY, BUCKET_V2, LOGGINGS
from policies.rules.s3_access import ACL, OWNERSHIP, Acls
from policies.rules.s3_data import LIFECYCLES, LOCKS, REPLICATION, TRAIL, VERSIONINGS
from policies.settings import Settings
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

DATA = Given(BUCKET, "data")
STAGING = Settings(tier=Tier.STAGING)


@pytest.mark.parametrize(
    ("acl", "expected"),
    [("private", PASS), ("log-delivery-write", FAIL), ("public-read", FAIL), (UNKNOWN, UNDECIDED)],
)
def test_only_a_private_list_is_no_list(acl: object, expected: str) -> None:
    """Every other canned list gives rights past the bucket's policy."""
    assert says("s3-no-public-acl", Given(ACL, "list", {"acl": acl})) == expected


def test_a_list_that_is_needed_is_named_in_the_settings() -> None:
    """Some logs are delivered by a list alone."""
    example = Given(ACL, "list", {"acl": "log-delivery-write"})
    allowed = Acls(allowed=("private", "log-delivery-write"))
    assert says("s3-no-public-acl", example, settings=allowed) == PASS


def test_an_unknown_part_hides_no_public_one() -> None:
    """A grant to somebody unknown stands beside one to everybody."""
    everybody = {"grantee": {"uri": "http://acs.amazonaws.com/groups/global/AllUsers"}}
    policy = {"owner": {"id": "0a"}, "grants": [{"grantee": {"id": UNKNOWN}}, everybody]}
    assert says("s3-no-public-acl", Given(ACL, "list", {"accessControlPolicy": policy})) == FAIL
    preferred = Given(OWNERSHIP, "owner", {"rule": {"objectOwnership": "BucketOwnerPreferred"}})
    assert messages("s3-no-public-acl", preferred) == [
        "BucketOwnerPreferred leaves access control lists on"
    ]


def test_the_log_of_another_bucket_does_not_count() -> None:
    """Each bucket has its own; the one that receives them all needs none."""
    log = Given(LOGGINGS[0], "log", {"bucket": Ref("data"), "targetBucket": Ref("logs")})
    example = (DATA, Given(BUCKET, "other"), Given(BUCKET, "logs"), log)
    assert says("s3-access-logging", *example, of="data") == PASS
    assert says("s3-access-logging", *example, of="other") == FAIL
    assert says("s3-access-logging", *example, of="logs") == PASS


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Enabled", PASS), ("Suspended", FAIL), ("enabled", FAIL), (UNKNOWN, UNDECIDED)],
)
def test_versions_are_kept_where_it_says_enabled(status: object, expected: str) -> None:
    """In the very word that S3 takes."""
    kept = {"bucket": Ref("data"), "versioningConfiguration": {"status": status}}
    assert says("s3-versioning", DATA, Given(VERSIONINGS[0], "kept", kept)) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({}, PASS),
        ({"filter": {}}, PASS),
        ({"filter": {"prefix": ""}}, PASS),
        ({"filter": {"prefix": "logs/"}}, FAIL),
        ({"filter": {"and": {"prefix": "logs/", "tags": {"a": "b"}}}}, FAIL),
        ({"filter": {"tag": {"key": "a", "value": "b"}}}, FAIL),
        ({"filter": {"objectSizeGreaterThan": 1}}, FAIL),
        ({"prefix": "logs/"}, FAIL),
        ({"abortIncompleteMultipartUpload": {"daysAfterInitiation": 0}}, FAIL),
    ],
)
def test_a_lifecycle_holds_for_the_whole_bucket(part: dict[str, object], expected: str) -> None:
    """A rule for a part of it leaves the other uploads lying."""
    cycle = {"status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}
    rules = {"bucket": Ref("data"), "rules": [cycle | part]}
    assert says("s3-lifecycle", DATA, Given(LIFECYCLES[0], "tidy", rules)) == expected


def test_only_production_is_copied_and_not_its_copies() -> None:
    """A copy of a copy helps nobody."""
    assert says("s3-replication", DATA, settings=STAGING) == SILENT
    far = Given(BUCKET, "far", {"region": "eu-west-1"})
    here = Given(BUCKET, "data", {"region": "eu-central-1"})
    rules = [{"status": "Enabled", "destination": {"bucket": Ref("far")}}]
    copies = Given(REPLICATION, "copies", {"bucket": Ref("data"), "rules": rules})
    assert says("s3-replication", here, far, copies) == PASS
    assert says("s3-replication", here, Given(BUCKET, "far", {"region": UNKNOWN}), copies) == (
        UNDECIDED
    )
    outside = [{"status": "Enabled", "destination": {"bucket": "arn:aws:s3:::elsewhere"}}]
    away = Given(REPLICATION, "copies", {"bucket": Ref("data"), "rules": outside})
    assert says("s3-replication", here, away) == UNDECIDED


def test_a_lock_is_asked_of_what_a_tag_or_a_trail_says() -> None:
    """And of no other bucket."""
    trail = Given(TRAIL, "trail", {"s3BucketName": Ref("data")})
    lock = Given(LOCKS[1], "lock", {"bucket": Ref("data")})
    assert says("s3-object-lock", DATA) == SILENT
    assert says("s3-object-lock", DATA, trail) == FAIL
    assert says("s3-object-lock", DATA, trail, lock) == PASS
    assert says("s3-object-lock", Given(BUCKET_V2, "data", {"tags": {"a": UNKNOWN}})) == UNDECIDED


def test_only_production_keeps_its_buckets_from_being_emptied() -> None:
    """What is made to be thrown away may be."""
    emptied = Given(BUCKET, "data", {"forceDestroy": True})
    assert says("s3-no-force-destroy", emptied) == FAIL
    assert says("s3-no-force-destroy", emptied, settings=STAGING) == SILENT


def keeping(**statement: object) -> tuple[Given, ...]:
    """A versioned bucket of logs whose policy has one statement."""
    whole: dict[str, object] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": "arn:aws:s3:::logs/*",
    }
    policy = json.dumps({"Statement": [whole | statement]})
    return (
        Given(BUCKET, "logs", {"versioning": {"enabled": True}, "tags": {"LogClass": "access"}}),
        Given(BUCKET_POLICY, "kept", {"bucket": Ref("logs"), "policy": policy}),
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({}, PASS),
        ({"Action": "s3:Delete*"}, PASS),
        ({"Principal": {"AWS": ["*"]}}, PASS),
        ({"Resource": ["arn:aws:s3:::logs", "*"]}, PASS),
        ({"Effect": "Allow"}, FAIL),
        ({"Action": "s3:DeleteObject"}, FAIL),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/api"}}, FAIL),
        ({"Resource": "arn:aws:s3:::logs/old/*"}, FAIL),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, FAIL),
    ],
)
def test_nobody_deletes_a_log(statement: dict[str, object], expected: str) -> None:
    """The denial is of both ways to delete, to everybody, of every log, in each case."""
    assert says("s3-logs-kept", *keeping(**statement)) == expected


def test_a_log_is_not_written_over() -> None:
    """Without versions a second writing of the same name replaces the first."""
    _, policy = keeping()
    bare = Given(BUCKET, "logs", {"tags": {"LogClass": "access"}})
    assert messages("s3-logs-kept", bare, policy) == ["keeps no versions"]
    assert says("s3-logs-kept", Given(BUCKET, "logs", {"objectLockEnabled": UNKNOWN})) == SILENT
    unsure = Given(BUCKET, "logs", {"tags": {"LogClass": "audit"}, "objectLockEnabled": UNKNOWN})
    assert says("s3-logs-kept", unsure) == UNDECIDED
