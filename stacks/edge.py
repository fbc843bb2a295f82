"""What the internet meets: one load balancer behind a firewall, its name and its certificate."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions, export
from pulumi_aws import Provider, ec2, lb, route53, vpc

from environments import Environment
from environments.edge import Failover
from stacks.cdn import Cdn
from stacks.certificate import (
    Certificate,
    CertificateArguments,
    CertificateWatch,
    CertificateWatchArguments,
)
from stacks.dns import EdgeName, EdgeNameArguments, OwnZone, OwnZoneArguments
from stacks.firewall import Firewall, FirewallArguments
from stacks.logs import LogBucket, LogBucketArguments
from stacks.naming import Names
from stacks.network import HTTP, HTTPS
from stacks.unavailable import UnavailablePage, UnavailablePageArguments

_INTERNET: Final = "0.0.0.0/0"
_INTERNET_IPV6: Final = "::/0"
_TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"  # TLS 1.2 and 1.3, forward secrecy only
_NAME_LIMIT: Final = 32  # of a load balancer


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeArguments:
    """What the edge of an environment is made from."""

    environment: Environment
    vpc_id: Input[str]
    public_subnet_ids: list[Output[str]]
    logs_key_arn: Input[str]
    warning_topic_arn: Input[str]
    cdn: Cdn | None
    """What a page to fail over to is served with, and the key of logs in us-east-1."""
    worldwide: Provider


class Edge(ComponentResource):
    """The load balancer of an environment, with what protects it.

    Makes the load balancer across the zones with its security group and access logs; a listener
    on 80 that only redirects, and one on 443 that answers 404 until a service adds its rule; the
    certificate, validated by DNS, with a warning before it expires; the name in DNS, with what it
    fails over to; the signatures and the log of the zone, where it is the environment's own; where
    the standards ask for it, the firewall; and Shield Advanced, where the product pays for it.
    """

    load_balancer_arn_suffix: Output[str]
    """What CloudWatch names the load balancer by: `app/<name>/<id>`."""
    listener_arn: Output[str]
    """Of the TLS listener, which services add their rules to."""
    security_group_id: Output[str]
    """Of the load balancer: services accept traffic from it alone. Its way out to each service's
    port inside the VPC is made here."""
    domain: str
    zone_id: Input[str]
    log_bucket: Output[str]
    """Where access logs go, of the load balancer and of buckets."""

    def __init__(
        self, name: str, arguments: EdgeArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:edge:Edge", name, opts=options)
        self._environment = environment = arguments.environment
        self._names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        self.domain = environment.edge.name
        self.security_group_id = self._security_group(arguments.vpc_id)
        balancer = self._load_balancer(arguments.public_subnet_ids)
        self.load_balancer_arn_suffix = balancer.arn_suffix
        self.zone_id = self._zone_id()
        if environment.edge.owns_zone and arguments.cdn:
            self._own_zone(arguments.cdn.logs_key_arn, arguments.worldwide)
        certificate_arn = self._certificate(arguments)
        self.listener_arn = self._listeners(balancer, certificate_arn)
        edge_name = EdgeName(
            "edge-name",
            EdgeNameArguments(
                environment=environment,
                zone_id=self.zone_id,
                load_balancer=balancer,
                page=self._page(arguments.cdn, arguments.worldwide),
            ),
            self._inside,
        )
        if environment.edge.shield_advanced:
            self._shield(balancer, edge_name.health_check)
        if environment.must("NET-05") or environment.must("NET-09"):
            Firewall(
                "firewall",
                FirewallArguments(
                    environment=environment,
                    load_balancer_arn=balancer.arn,
                    logs_key_arn=arguments.logs_key_arn,
                ),
                self._inside,
            )
        self.register_outputs({})

    def _security_group(self, vpc_id: Input[str]) -> Output[str]:
        """Make the group that accepts the internet on 80 and 443 and reaches services (NET-01)."""
        environment = self._environment
        group = ec2.SecurityGroup(
            "edge",
            vpc_id=vpc_id,
            description="The load balancer",
            tags={"Name": self._names.of("edge")},
            opts=self._inside,
        )
        for name, port in (("http", HTTP), ("https", HTTPS)):
            vpc.SecurityGroupIngressRule(
                name,
                security_group_id=group.id,
                description=f"{name.upper()} from the internet",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=_INTERNET,
                opts=self._inside,
            )
            if environment.edge.ipv6:
                vpc.SecurityGroupIngressRule(
                    f"{name}-ipv6",
                    security_group_id=group.id,
                    description=f"{name.upper()} from the internet over IPv6",
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_ipv6=_INTERNET_IPV6,
                    opts=self._inside,
                )
        services = environment.services.values()
        for port in sorted({service.port for service in services if service.is_public}):
            vpc.SecurityGroupEgressRule(
                f"services-{port}",
                security_group_id=group.id,
                description="To the services inside the VPC",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=str(environment.network.cidr),
                opts=self._inside,
            )
        return group.id

    def _load_balancer(self, subnet_ids: list[Output[str]]) -> lb.LoadBalancer:
        logs = LogBucket(
            "edge-logs", LogBucketArguments(environment=self._environment), self._inside
        )
        self.log_bucket = logs.bucket_name
        return lb.LoadBalancer(
            "edge",
            name=self._names.of("edge", limit=_NAME_LIMIT),
            load_balancer_type="application",
            internal=False,
            ip_address_type="dualstack" if self._environment.edge.ipv6 else "ipv4",
            subnets=subnet_ids,
            security_groups=[self.security_group_id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=self._environment.is_stateful_protected,
            access_logs={"bucket": logs.bucket_name, "enabled": True},
            # A load balancer tries its access to the bucket when it is made.
            opts=ResourceOptions(parent=self, depends_on=[logs.policy]),
        )

    def _zone_id(self) -> Input[str]:
        edge = self._environment.edge
        if edge.zone_id is not None:
            return edge.zone_id
        return route53.Zone("zone", name=edge.zone, opts=self._inside).zone_id

    def _own_zone(self, logs_key_arn: Input[str], provider: Provider) -> None:
        zone = OwnZone(
            "own-zone",
            OwnZoneArguments(
                environment=self._environment, zone_id=self.zone_id, logs_key_arn=logs_key_arn
            ),
            ResourceOptions(parent=self, provider=provider),
        )
        export("dnsDelegationSignerRecord", zone.ds_record)

    def _page(self, cdn: Cdn | None, provider: Provider) -> UnavailablePage | None:
        if cdn is None or self._environment.edge.failover is Failover.NONE:
            return None
        return UnavailablePage(
            "unavailable",
            UnavailablePageArguments(environment=self._environment, cdn=cdn, zone_id=self.zone_id),
            ResourceOptions(parent=self, provider=provider),
        )

    def _shield(self, balancer: lb.LoadBalancer, check: route53.HealthCheck | None) -> None:
        """Put the load balancer under Shield Advanced, which the account has subscribed to."""
        from pulumi_aws import shield  # noqa: PLC0415 - few need it, and each module costs time

        protection = shield.Protection(
            "edge", name=self._names.of("edge"), resource_arn=balancer.arn, opts=self._inside
        )
        if check is not None:
            shield.ProtectionHealthCheckAssociation(
                "edge",
                shield_protection_id=protection.id,
                health_check_arn=check.arn,
                opts=self._inside,
            )

    def _certificate(self, arguments: EdgeArguments) -> Output[str]:
        """Make a certificate that AWS renews by itself, and say when it could not (NET-04)."""
        CertificateWatch(
            "certificate-watch",
            CertificateWatchArguments(
                environment=self._environment,
                topic_arn=arguments.warning_topic_arn,
                worldwide=arguments.worldwide if arguments.cdn else None,
            ),
            self._inside,
        )
        return Certificate(
            "edge", CertificateArguments(domain=self.domain, zone_id=self.zone_id), self._inside
        ).arn

    def _listeners(self, balancer: lb.LoadBalancer, certificate_arn: Input[str]) -> Output[str]:
        lb.Listener(
            "http",
            load_balancer_arn=balancer.arn,
            port=HTTP,
            protocol="HTTP",
            default_actions=[
                {
                    "type": "redirect",
                    "redirect": {
                        "protocol": "HTTPS",
                        "port": str(HTTPS),
                        "status_code": "HTTP_301",
                    },
                }
            ],
            opts=self._inside,
        )
        origins = self._environment.edge.allowed_origins
        listener = lb.Listener(
            "https",
            load_balancer_arn=balancer.arn,
            port=HTTPS,
            protocol="HTTPS",
            ssl_policy=_TLS_POLICY,
            certificate_arn=certificate_arn,
            default_actions=[
                {
                    "type": "fixed-response",
                    "fixed_response": {"content_type": "text/plain", "status_code": "404"},
                }
            ],
            # The headers of NET-07, whatever a service answers.
            routing_http_response_strict_transport_security_header_value=(
                "max-age=31536000; includeSubDomains"
            ),
            routing_http_response_content_security_policy_header_value=(
                "default-src 'none'; frame-ancestors 'none'"
            ),
            routing_http_response_x_frame_options_header_value="DENY",
            routing_http_response_x_content_type_options_header_value="nosniff",
            # A load balancer can name one origin; among several the service tells which (NET-08).
            routing_http_response_access_control_allow_origin_header_value=origins[0]
            if len(origins) == 1
            else None,
            opts=self._inside,
        )
        return listener.arn
