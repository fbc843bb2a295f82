"""The web application firewalls: in front of the load balancer, and of what the CDN serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
from pulumi import ComponentResource, CustomResource, Input, Output, ResourceOptions

from environments import Environment
from stacks.firewall_rules import INVITE_HEADER, Rule, rules_of_api, rules_of_pages, visible
from stacks.logs import LogKind, log_group
from stacks.naming import Names

_WITHHELD: Final = ("authorization", "cookie", INVITE_HEADER)
"""The headers that carry credentials, which a log must not keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallArguments:
    """What the firewall of the load balancer is made from."""

    environment: Environment
    load_balancer_arn: Input[str]
    logs_key_arn: Input[str]


class Firewall(ComponentResource):
    """A web ACL on the load balancer (NET-05, NET-09).

    Makes the web ACL, which limits what one address and one API key may send and how often somebody
    may try to sign in, refuses other pages and bodies that it cannot look into, and applies the
    rules that AWS keeps; the list of invites that a beta admits by; the association with the load
    balancer; and the encrypted log of what it judged, without credentials.
    """

    def __init__(
        self, name: str, arguments: FirewallArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:firewall:Firewall", name, opts=options)
        environment = arguments.environment
        invites = _WafResource(
            "aws:wafv2/regexPatternSet:RegexPatternSet",
            "invites",
            {
                "name": Names(environment).of("invites"),
                "description": "Who may come in while access is by invitation",
                "scope": "REGIONAL",
                "regularExpressions": [],
            },
            # Operations admit people while it runs; what admits them is secret, and is not here.
            ResourceOptions(parent=self, ignore_changes=["regularExpressions"]),
        )
        acl_arn = _web_acl(
            self,
            environment,
            "edge",
            "REGIONAL",
            rules_of_api(environment.edge, invites.arn),
            arguments.logs_key_arn,
        )
        _WafResource(
            "aws:wafv2/webAclAssociation:WebAclAssociation",
            "firewall",
            {"resourceArn": arguments.load_balancer_arn, "webAclArn": acl_arn},
            ResourceOptions(parent=self),
        )
        self.register_outputs({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesFirewallArguments:
    """What the firewall of the CDN is made from."""

    environment: Environment
    logs_key_arn: Input[str]
    """Of us-east-1."""


class PagesFirewall(ComponentResource):
    """A web ACL for what CloudFront serves (NET-05), in us-east-1, where AWS looks for one.

    Makes the web ACL, which limits what one address may ask for and applies the rules that AWS
    keeps; and its encrypted log, without credentials.
    """

    arn: Output[str]

    def __init__(
        self, name: str, arguments: PagesFirewallArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:firewall:PagesFirewall", name, opts=options)
        environment = arguments.environment
        self.arn = _web_acl(
            self,
            environment,
            "pages",
            "CLOUDFRONT",
            rules_of_pages(environment.edge),
            arguments.logs_key_arn,
        )
        self.register_outputs({})


def _web_acl(  # noqa: PLR0913, PLR0917 - each argument is a property of one of three resources
    parent: pulumi.Resource,
    environment: Environment,
    name: str,
    scope: str,
    rules: list[Rule],
    logs_key_arn: Input[str],
) -> Output[str]:
    """Make a web ACL and its log, and return its ARN."""
    names = Names(environment)
    inside = ResourceOptions(parent=parent)
    logical = "firewall" if scope == "REGIONAL" else f"{name}-firewall"
    acl = _WafResource(
        "aws:wafv2/webAcl:WebAcl",
        logical,
        {
            "name": names.of(name),
            "description": f"What may reach the {name} of {environment.name}",
            "scope": scope,
            "defaultAction": {"allow": {}},
            "rules": rules,
            "dataProtectionConfig": {"dataProtections": _protected(environment)},
            "visibilityConfig": visible(name),
        },
        inside,
    )
    log = log_group(
        logical,
        LogKind.ACCESS,
        environment=environment,
        key_arn=logs_key_arn,
        parent=parent,
        physical_name=f"aws-waf-logs-{names.of(name)}",
    )
    _WafResource(
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        logical,
        {
            "resourceArn": acl.arn,
            "logDestinationConfigs": [log.arn],
            "redactedFields": [{"singleHeader": {"name": header}} for header in _WITHHELD],
        },
        inside,
    )
    return acl.arn


def _protected(environment: Environment) -> list[Mapping[str, Any]]:
    """What no log shows, not even as what a rule counted by.

    An API key stays recognisable by its digest; nobody guesses a random key from that.
    """
    keys = environment.edge.api_keys
    protected: list[tuple[str, str]] = [(header, "SUBSTITUTION") for header in _WITHHELD]
    if keys is not None:
        protected.append((keys.header, "HASH"))
    return [
        {
            "action": action,
            "excludeRateBasedDetails": False,
            "excludeRuleMatchDetails": False,
            "field": {"fieldType": "SINGLE_HEADER", "fieldKeys": [header]},
        }
        for header, action in protected
    ]


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
