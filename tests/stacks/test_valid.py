"""What AWS would refuse is refused here: names, kinds, values and amounts, of every resource."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

import pytest

from environments import Environment, stacks
from plan import Plan, Resource, Value
from tests.conftest import PROJECT
from tests.stacks.operations import LENGTHS, OPERATIONS, Held, hold
from tests.stacks.reading import ENVIRONMENTS, managed, of_type
from tests.stacks.sdk import arguments_of, strangers

PlanOf = Callable[[str], Plan]

STACKS = stacks(PROJECT)
UNMODELLED = {
    # made of references to others alone
    "acm/certificateValidation", "cfg/recorderStatus", "cognito/identityPoolRoleAttachment",
    "ec2/eip", "ec2/internetGateway", "ec2/natGateway", "ec2/route", "ec2/routeTable",
    "ec2/routeTableAssociation", "elasticache/subnetGroup", "rds/proxyTarget", "rds/subnetGroup",
    "s3/bucketLogging", "s3/bucketObject", "secretsmanager/secretVersion",
    "securityhub/standardsSubscription", "wafv2/webAclAssociation",
    # a switch, or an address, that the API takes as free text
    "ebs/encryptionByDefault", "ebs/snapshotBlockPublicAccess", "ec2/defaultSecurityGroup",
    "ec2/imageBlockPublicAccess", "ec2/instanceMetadataDefaults", "ec2/securityGroup", "ec2/subnet",
    "route53/record", "s3/accountPublicAccessBlock",
    # a policy, or attributes, that the API takes as a text or a map
    "ecr/repositoryPolicy", "s3/bucketPolicy", "sns/topic", "sns/topicPolicy", "sqs/queue",
}  # fmt: skip
"""The kinds of resources that no operation's model says enough of."""
SHARE = 0.88
"""Of the properties of all plans that a member of the API's models answers for, in 2026."""


@pytest.mark.parametrize("stack", STACKS)
def test_the_sdk_knows_every_property(stack: str, plan_of: PlanOf) -> None:
    """Also of what is given as plain data, which no type checker follows."""
    unknown = {
        f"{one.name}: {where}"
        for one in managed(plan_of(stack))
        for where in strangers(dict(one.inputs), arguments_of(one))
    }
    assert not unknown


def test_the_api_takes_every_value(plan_of: PlanOf) -> None:
    """Of the values it lists, as long and as large as it says, and in the form that it asks for."""
    held = Held()
    for one in _all(plan_of):
        hold(one, held)
    assert not held.wrong
    assert len(held.known) / len(held.known | held.unknown) >= SHARE


def test_every_kind_of_resource_is_held_against_the_api(plan_of: PlanOf) -> None:
    """A new kind is given its operation, or a reason for having none."""
    kinds = {_kind(one) for one in _all(plan_of)}
    assert kinds == {*OPERATIONS, *UNMODELLED}
    assert not UNMODELLED & OPERATIONS.keys()


def test_every_length_is_of_a_name_that_there_is(plan_of: PlanOf) -> None:
    """The table has no kind or property that no stack gives."""
    given = {f"{_kind(one)}.{key}" for one in _all(plan_of) for key in one.inputs}
    assert given >= LENGTHS.keys()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_addresses_are_cut_from_one_range_without_overlap(
    name: str, plan_of: PlanOf, record_of: Callable[[str], Environment]
) -> None:
    """Every subnet lies in the network, none in another, and each in a zone that the record has."""
    plan, record = plan_of(name), record_of(name)
    (vpc,) = of_type(plan, "ec2/vpc")
    whole = IPv4Network(vpc.text("cidrBlock") or "")
    assert whole == record.network.cidr
    subnets = [IPv4Network(one.text("cidrBlock") or "") for one in of_type(plan, "ec2/subnet")]
    assert len(subnets) == 3 * len(record.network.zones)
    assert all(one.subnet_of(whole) for one in subnets)
    assert not [1 for i, one in enumerate(subnets) for other in subnets[:i] if one.overlaps(other)]
    assert {one.text("availabilityZone") for one in of_type(plan, "ec2/subnet")} == {
        *record.network.zones
    }


def _all(plan_of: PlanOf) -> Iterator[Resource]:
    for stack in STACKS:
        yield from managed(plan_of(stack))


@pytest.mark.parametrize(
    ("kind", "key", "value", "said"),
    [
        ("cloudwatch/metricAlarm", "statistic", "Mean", "'Mean' is none of SampleCount, Average"),
        ("cloudwatch/metricAlarm", "evaluationPeriods", 0, "0 is below 1"),
        ("cloudwatch/metricAlarm", "period", "often", "'often' is no number"),
        ("iam/role", "name", "r" * 65, "65 is above 64"),
        ("lb/targetGroup", "name", "g" * 33, "33 characters are more than 32"),
        ("iam/role", "name", "a role", "'a role' does not match"),
        ("backup/vaultLockConfiguration", "minRetentionDays", "long", "is no number"),
        ("dynamodb/table", "deletionProtectionEnabled", "no", "neither true nor false"),
        ("lb/listener", "defaultActions", [{"type": "refuse"}], "none of forward, authenticate"),
        ("cloudtrail/trail", "colour", "red", ""),
    ],
)
def test_what_the_api_would_refuse_is_seen(kind: str, key: str, value: Value, said: str) -> None:
    """A value that it does not list, one too long or too small, and a property unknown to it."""
    held = Held()
    type_ = f"aws:{kind}:{kind.partition('/')[2].capitalize()}"
    hold(Resource(urn="urn", type=type_, name="one", inputs=_at(key, value)), held)
    assert [one for one in held.wrong if said in one] if said else held.unknown


def test_a_property_that_the_sdk_does_not_know_is_seen() -> None:
    """At the top and below."""
    inputs: dict[str, Value] = {"healthCheck": {"pth": "/"}, "prt": 1, "port": 2}
    one = Resource(urn="urn", type="aws:lb/targetGroup:TargetGroup", name="one", inputs=inputs)
    assert sorted(strangers(dict(one.inputs), arguments_of(one))) == ["healthCheck.pth", "prt"]


def _kind(resource: Resource) -> str:
    return resource.type.removeprefix("aws:").rpartition(":")[0]


def _at(key: str, value: Value) -> dict[str, Value]:
    head, _, rest = key.partition(".")
    return {head: _at(rest, value) if rest else value}
