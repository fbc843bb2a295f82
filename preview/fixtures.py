"""Answers to what a program asks its provider, for a preview that reaches no provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from preview.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixtures:
    """The account, region and zones that answers are made from."""

    region: str = "us-east-1"
    account: str = "000000000000"
    zones: tuple[str, ...] = ()

    def answer(
        self, token: str, arguments: Mapping[str, Json], region: str | None = None
    ) -> Mapping[str, Json] | None:
        """What the function `token` returns in `region`, None where no answer is known."""
        function = _ANSWERS.get(token)
        return function(self, arguments, region or self.region) if function else None

    def zones_of(self, region: str) -> tuple[str, ...]:
        """The names of the zones in `region`; three by custom where they were not given."""
        own = tuple(zone for zone in self.zones if zone.startswith(region))
        return own or tuple(f"{region}{letter}" for letter in "abc")


def _partition(region: str) -> tuple[str, str]:
    """The partition that `region` is in, and the domain of its services."""
    if region.startswith("cn-"):
        return "aws-cn", "amazonaws.com.cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov", "amazonaws.com"
    return "aws", "amazonaws.com"


def _get_region(_fixtures: Fixtures, arguments: Mapping[str, Json], region: str) -> dict[str, Json]:
    name = arguments.get("region") or arguments.get("name") or region
    endpoint = f"ec2.{name}.{_partition(str(name))[1]}"
    return {"id": name, "name": name, "region": name, "endpoint": endpoint, "description": name}


def _get_zones(fixtures: Fixtures, arguments: Mapping[str, Json], region: str) -> dict[str, Json]:
    region = str(arguments.get("region") or region)
    return {"id": region, "region": region, "names": list(fixtures.zones_of(region))}


def _get_caller(fixtures: Fixtures, _arguments: Mapping[str, Json], region: str) -> dict[str, Json]:
    account = fixtures.account
    arn = f"arn:{_partition(region)[0]}:iam::{account}:root"
    return {"id": account, "accountId": account, "arn": arn, "userId": account}


def _get_partition(
    _fixtures: Fixtures, _arguments: Mapping[str, Json], region: str
) -> dict[str, Json]:
    partition, domain = _partition(region)
    prefix = ".".join(reversed(domain.split(".")))
    return {
        "id": partition,
        "partition": partition,
        "dnsSuffix": domain,
        "reverseDnsPrefix": prefix,
    }


_STAND_IN: Final = '{"routing_key": "stands-in-for-the-key"}'
"""The secret that programs here read while they run, in the form that they expect."""

# The accounts that load balancers write their access logs from, as AWS publishes them.
_ELB_ACCOUNTS: Final[Mapping[str, str]] = {
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "eu-north-1": "897822967062",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-south-1": "718504428378",
    "sa-east-1": "507241528517",
}


def _get_elb_account(
    _fixtures: Fixtures, arguments: Mapping[str, Json], region: str
) -> dict[str, Json] | None:
    account = _ELB_ACCOUNTS.get(str(arguments.get("region") or region))
    if account is None:
        return None
    return {"id": account, "arn": f"arn:{_partition(region)[0]}:iam::{account}:root"}


def _get_secret(
    _fixtures: Fixtures, arguments: Mapping[str, Json], _region: str
) -> dict[str, Json]:
    """A secret's stand-in: no preview knows a value, and none is worth knowing."""
    secret = arguments.get("secretId")
    return {"id": secret, "arn": secret, "secretId": secret, "secretString": _STAND_IN}


_Answer = Callable[[Fixtures, Mapping[str, Json], str], Mapping[str, Json] | None]

_ANSWERS: Final[Mapping[str, _Answer]] = {
    "aws:index/getRegion:getRegion": _get_region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _get_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _get_caller,
    "aws:index/getPartition:getPartition": _get_partition,
    "aws:elb/getServiceAccount:getServiceAccount": _get_elb_account,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": _get_secret,
}
