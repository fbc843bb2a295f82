"""The web application firewall in front of the load balancer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
from pulumi import ComponentResource, CustomResource, Input, Output, ResourceOptions

from environments import Environment
from stacks.logs import LogKind, log_group
from stacks.naming import Names

_MANAGED: Final = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)
_TOO_MANY_REQUESTS: Final = 429
_WINDOW_SECONDS: Final = 300
_WITHHELD: Final = ("authorization", "cookie")
"""The headers that carry credentials, which a log must not keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallArguments:
    """What the firewall of an environment is made from."""

    environment: Environment
    load_balancer_arn: Input[str]
    logs_key_arn: Input[str]


class Firewall(ComponentResource):
    """A web ACL on the load balancer (NET-05, NET-09).

    Makes the web ACL, which limits what one address may send and applies the rules that AWS keeps
    (bad addresses, common attacks, known bad inputs, SQL injection); its association with the load
    balancer; and the encrypted log of what it judged, without credentials.
    """

    def __init__(
        self, name: str, arguments: FirewallArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:firewall:Firewall", name, opts=options)
        environment = arguments.environment
        names = Names(environment)
        inside = ResourceOptions(parent=self)
        acl = _WafResource(
            "aws:wafv2/webAcl:WebAcl",
            "firewall",
            {
                "name": names.of("edge"),
                "description": f"What may reach the load balancer of {environment.name}",
                "scope": "REGIONAL",
                "defaultAction": {"allow": {}},
                "rules": _rules(environment.edge.requests_per_five_minutes),
                "visibilityConfig": _visible("edge"),
            },
            inside,
        )
        _WafResource(
            "aws:wafv2/webAclAssociation:WebAclAssociation",
            "firewall",
            {"resourceArn": arguments.load_balancer_arn, "webAclArn": acl.arn},
            inside,
        )
        log = log_group(
            "firewall",
            LogKind.ACCESS,
            environment=environment,
            key_arn=arguments.logs_key_arn,
            parent=self,
            physical_name=f"aws-waf-logs-{names.of('edge')}",
        )
        _WafResource(
            "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
            "firewall",
            {
                "resourceArn": acl.arn,
                "logDestinationConfigs": [log.arn],
                "redactedFields": [{"singleHeader": {"name": header}} for header in _WITHHELD],
            },
            inside,
        )
        self.register_outputs({})


class _WafResource(CustomResource):
    """A resource of `wafv2`, by its properties as the engine sees them.

    The SDK's own module of that service takes 0.8 s to import, a third of a whole preview, for the
    types of every rule that there is. A test holds the properties against those types instead.
    """

    def __init__(
        self, token: str, name: str, properties: Mapping[str, Any], options: ResourceOptions
    ) -> None:
        super().__init__(token, name, {**properties, "arn": None}, options)

    @property
    @pulumi.getter
    def arn(self) -> Output[str]:
        """What others refer to the resource by."""
        return cast("Output[str]", pulumi.get(self, "arn"))  # pyright: ignore[reportUnknownMemberType] - the SDK leaves it untyped


def _rules(requests_per_window: int) -> list[Mapping[str, Any]]:
    """The rules in the order in which they judge a request."""
    limit = {
        "name": "rate-per-address",
        "priority": 0,
        "action": {"block": {"customResponse": {"responseCode": _TOO_MANY_REQUESTS}}},
        "statement": {
            "rateBasedStatement": {
                "aggregateKeyType": "IP",
                "evaluationWindowSec": _WINDOW_SECONDS,
                "limit": requests_per_window,
            }
        },
        "visibilityConfig": _visible("rate-per-address"),
    }
    managed: list[Mapping[str, Any]] = [
        {
            "name": group,
            "priority": priority,
            "overrideAction": {"none": {}},
            "statement": {"managedRuleGroupStatement": {"name": group, "vendorName": "AWS"}},
            "visibilityConfig": _visible(group),
        }
        for priority, group in enumerate(_MANAGED, start=1)
    ]
    return [limit, *managed]


def _visible(metric: str) -> Mapping[str, Any]:
    return {
        "metricName": metric,
        "cloudwatchMetricsEnabled": True,
        "sampledRequestsEnabled": False,  # a sample would keep the credentials
    }
