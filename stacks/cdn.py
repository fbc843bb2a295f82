"""What every distribution of CloudFront shares: a firewall, a log, a key for it, in us-east-1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudfront, cloudwatch, kms

from environments import Environment
from stacks.certificate import Certificate, CertificateArguments
from stacks.firewall import PagesFirewall, PagesFirewallArguments
from stacks.keys import administration, for_log_groups
from stacks.logs import LogKind, log_group
from stacks.naming import Names
from stacks.providers import WORLDWIDE
from stacks.statements import document, from_account

_DELETION_WINDOW_DAYS: Final = 30
_TLS_POLICY: Final = "TLSv1.2_2021"
_LOGGED: Final = [
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem",
    "sc-status", "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "cs-protocol",
    "cs-bytes", "time-taken", "ssl-protocol", "ssl-cipher", "cs-protocol-version",
    "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type",
]  # fmt: skip
"""What is kept of a request: neither cookies, query nor referrer, which carry credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdnArguments:
    """What the shared part of the CDN is made from."""

    environment: Environment


class Cdn(ComponentResource):
    """What the distributions of an environment share.

    Makes the key of their logs, the firewall with its log, and the encrypted group that their
    access logs are delivered to. All of it stands in us-east-1: `options` name its provider.
    """

    logs_key_arn: Output[str]
    firewall_arn: Output[str]
    log_destination_arn: Output[str]

    def __init__(
        self, name: str, arguments: CdnArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:cdn:Cdn", name, opts=options)
        environment = arguments.environment
        names = Names(environment)
        inside = ResourceOptions(parent=self)
        key = kms.Key(
            "edge-logs",
            description=f"Logs of AWS's edge, of {environment.name}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=document(administration(names), for_log_groups(names, WORLDWIDE)),
            opts=ResourceOptions(parent=self, protect=environment.is_stateful_protected),
        )
        kms.Alias(
            "edge-logs",
            name=f"alias/{names.of('edge-logs')}",
            target_key_id=key.key_id,
            opts=inside,
        )
        self.logs_key_arn = key.arn
        self.firewall_arn = PagesFirewall(
            "pages-firewall",
            PagesFirewallArguments(environment=environment, logs_key_arn=key.arn),
            inside,
        ).arn
        path = f"/aws/vendedlogs/cloudfront/{names.of('pages')}"
        group = log_group(
            "pages",
            LogKind.ACCESS,
            environment=environment,
            key_arn=key.arn,
            parent=self,
            physical_name=path,
        )
        delivery = cloudwatch.LogResourcePolicy(
            "pages",
            policy_name=names.of("pages"),
            policy_document=document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "delivery.logs.amazonaws.com"},
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": names.arn(
                        "logs", f"log-group:{path}:log-stream:*", region=WORLDWIDE
                    ),
                    "Condition": from_account(names),
                }
            ),
            opts=inside,
        )
        self.log_destination_arn = cloudwatch.LogDeliveryDestination(
            "pages",
            name=names.of("pages"),
            output_format="json",
            delivery_destination_configuration={"destination_resource_arn": group.arn},
            opts=ResourceOptions(parent=self, depends_on=[delivery]),
        ).arn
        self.register_outputs({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteArguments:
    """What one distribution is made from."""

    environment: Environment
    cdn: Cdn
    domain: str
    zone_id: Input[str]
    origin: cloudfront.DistributionOriginArgsDict
    function_arn: Input[str]
    """What each request goes through first."""
    methods: Sequence[str]
    cache_policy_id: str
    price_class: str
    headers_policy_id: Input[str] | None = None
    error_seconds: Mapping[int, int] | None = None
    """How long the edge remembers an error, by its status."""
    is_proven: bool = False
    """Whether another certificate of the domain brings the record that proves it."""
    waits_for: Sequence[Resource] = ()


class Site(ComponentResource):
    """A name that CloudFront answers to over TLS, behind the firewall, with every request logged.

    Makes the certificate, the distribution and the delivery of its log, all in us-east-1.
    """

    domain_name: Output[str]
    """CloudFront's own name for it, which a record in DNS leads to."""
    zone_id: Output[str]
    arn: Output[str]
    distribution_id: Output[str]

    def __init__(
        self, name: str, arguments: SiteArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:cdn:Site", name, opts=options)
        inside = ResourceOptions(parent=self)
        names = Names(arguments.environment)
        certificate = Certificate(
            name,
            CertificateArguments(
                domain=arguments.domain,
                zone_id=arguments.zone_id,
                is_proven=arguments.is_proven,
            ),
            inside,
        )
        distribution = cloudfront.Distribution(
            name,
            comment=f"{arguments.domain} of {arguments.environment.name}",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class=arguments.price_class,
            aliases=[arguments.domain],
            default_root_object="index.html",
            web_acl_id=arguments.cdn.firewall_arn,
            origins=[arguments.origin],
            default_cache_behavior={
                "target_origin_id": arguments.origin["origin_id"],
                "viewer_protocol_policy": "redirect-to-https",
                "allowed_methods": list(arguments.methods),
                "cached_methods": ["GET", "HEAD"],
                "compress": True,
                "cache_policy_id": arguments.cache_policy_id,
                "response_headers_policy_id": arguments.headers_policy_id,
                "function_associations": [
                    {"event_type": "viewer-request", "function_arn": arguments.function_arn}
                ],
            },
            custom_error_responses=[
                {"error_code": status, "error_caching_min_ttl": seconds}
                for status, seconds in (arguments.error_seconds or {}).items()
            ],
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate={
                "acm_certificate_arn": certificate.arn,
                "ssl_support_method": "sni-only",
                "minimum_protocol_version": _TLS_POLICY,
            },
            opts=ResourceOptions(parent=self, depends_on=list(arguments.waits_for)),
        )
        source = cloudwatch.LogDeliverySource(
            name,
            name=names.of(name),
            log_type="ACCESS_LOGS",
            resource_arn=distribution.arn,
            opts=inside,
        )
        cloudwatch.LogDelivery(
            name,
            delivery_source_name=source.name,
            delivery_destination_arn=arguments.cdn.log_destination_arn,
            record_fields=_LOGGED,
            opts=inside,
        )
        self.domain_name = distribution.domain_name
        self.zone_id = distribution.hosted_zone_id
        self.arn = distribution.arn
        self.distribution_id = distribution.id
        self.register_outputs({})
