"""Which region a resource is in: its own word, its provider's, or an ARN's."""

from dataclasses import replace

import pytest

from plan.graph import Graph
from plan.values import UNKNOWN
from policies.examples import plan_of
from policies.nodes import Subject
from policies.outcomes import UnknownValueError
from policies.regions import region_in, region_of
from policies.registry import Given

BUCKET = "aws:s3/bucket:Bucket"
PROVIDER = "pulumi:providers:aws"


def region(provider: object, own: object = None, suffix: str = "") -> str | None:
    """The region of a bucket whose provider has the region `provider`."""
    plan = plan_of(
        (
            Given(PROVIDER, "aws", {"region": provider}),
            Given(BUCKET, "data", {"region": own}, provider="aws"),
        )
    )
    made, bucket = plan.resources
    # In a state file a reference to a provider ends with the provider's id.
    bucket = replace(bucket, provider=f"{made.urn}{suffix}")
    graph = Graph(replace(plan, resources=(made, bucket)))
    return region_of(Subject(bucket), graph)


def test_a_resource_is_where_it_says_else_where_its_provider_is() -> None:
    """A reference to a provider may end with the provider's id, as states write it."""
    assert region("eu-central-1", "eu-west-1") == "eu-west-1"
    assert region("eu-central-1") == "eu-central-1"
    assert region("eu-central-1", suffix="::04da6b54-80e4") == "eu-central-1"
    assert region(None) is None
    assert region("eu-central-1", suffix="-other") is None
    with pytest.raises(UnknownValueError):
        region(UNKNOWN)


def test_a_resource_without_a_provider_is_nowhere() -> None:
    """A component, say, or what another tool wrote."""
    plan = plan_of((Given(BUCKET, "data"),))
    assert region_of(Subject(plan.resources[0]), Graph(plan)) is None


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:rds:eu-west-1:123456789012:db:main", "eu-west-1"),
        ("arn:aws:rds:eu-west-1", "eu-west-1"),
        ("arn:aws:s3:::bucket", ""),
        ("arn:aws:rds", ""),
        ("urn:aws:rds:eu-west-1:123456789012:db:main", ""),
        ("arn:aws:backup:eu-west-1:123456789012:backup-vault:a:b:c:d", "eu-west-1"),
        ("", ""),
    ],
)
def test_an_arn_names_a_region_or_none(arn: str, expected: str) -> None:
    """A bucket's names none, and what is no ARN does not, either."""
    assert region_in(arn) == expected
