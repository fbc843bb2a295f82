"""Physical names stay within their limits, and apart."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from environments import Environment
from stacks.naming import Names, shortened

_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,90}", fullmatch=True)


@given(name=_NAMES, limit=st.integers(12, 63))
def test_a_name_stays_within_its_limit(name: str, limit: int) -> None:
    """A name is never longer than its limit, and no cut leaves a hyphen before the digest's own."""
    short = shortened(name, limit)
    assert len(short) <= limit
    if short != name:
        kept, _, digest = short.rpartition("-")
        assert name.startswith(kept)
        assert not kept.endswith("-")
        assert digest.isalnum()


@given(name=_NAMES)
def test_a_name_within_its_limit_stays_as_it_is(name: str) -> None:
    """Nothing is cut off a name that is short enough."""
    assert shortened(name, len(name)) == name


def test_two_long_names_stay_apart() -> None:
    """Names that differ only beyond the limit are not cut to the same one."""
    blue, green = (shortened(f"production-{'prover' * 8}-{side}", 32) for side in ("blue", "green"))
    assert blue != green


def test_names_hold_the_environment(record_of: Callable[[str], Environment]) -> None:
    """Two environments in one account do not meet: names, paths and buckets say whose they are."""
    names = Names(record_of("staging"))
    assert names.of("api") == "staging-api"
    assert names.path("api") == "/slipway/staging/api"
    assert names.bucket("logs") == "staging-logs-222222222222"


def test_arns_are_in_the_account_and_region(record_of: Callable[[str], Environment]) -> None:
    """An ARN is known before the resource exists; one of a global service names no region."""
    names = Names(record_of("production"))
    assert names.arn("sqs", "jobs") == "arn:aws:sqs:us-east-1:333333333333:jobs"
    assert names.root == "arn:aws:iam::333333333333:root"
    assert names.bucket_arn("logs") == "arn:aws:s3:::production-logs-333333333333"
