"""DNS: a zone whose answers are signed and whose queries are logged, and names that fail over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, kms, lb, route53

from environments import Environment
from stacks.keys import administration
from stacks.logs import LogKind, log_group
from stacks.metrics import Alarm, Comparison, Limit, Metric
from stacks.naming import Names
from stacks.network import HTTPS
from stacks.providers import WORLDWIDE
from stacks.statements import Statement, document, from_account
from stacks.unavailable import UnavailablePage

_DELETION_WINDOW_DAYS: Final = 30
_CHECK_SECONDS: Final = 30
_FAILURES: Final = 3
_COUNTED_SECONDS: Final = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnZoneArguments:
    """What the care of a zone is made from."""

    environment: Environment
    zone_id: Input[str]
    logs_key_arn: Input[str]
    """Of us-east-1."""


class OwnZone(ComponentResource):
    """What a zone needs of the one environment that it serves.

    Makes the key that signs its answers and switches DNSSEC on; and the encrypted log of its
    queries. All of it stands in us-east-1: `options` name its provider. Resolvers check signatures
    once the parent zone holds the DS record, which a person gives to whoever runs that zone.
    """

    ds_record: Output[str]
    """What the parent zone has to hold."""

    def __init__(
        self, name: str, arguments: OwnZoneArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:dns:OwnZone", name, opts=options)
        self._environment = environment = arguments.environment
        self._names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        self.ds_record = self._sign(arguments.zone_id)
        self._log(arguments)
        self.register_outputs({})

    def _sign(self, zone_id: Input[str]) -> Output[str]:
        names = self._names
        options = ResourceOptions(parent=self, protect=self._environment.is_stateful_protected)
        key = kms.Key(
            "dnssec",
            description=f"Signs the zone {self._environment.edge.zone}",
            customer_master_key_spec="ECC_NIST_P256",
            key_usage="SIGN_VERIFY",
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=document(administration(names), *_signing(names)),
            opts=options,
        )
        kms.Alias(
            "dnssec",
            name=f"alias/{names.of('dnssec')}",
            target_key_id=key.key_id,
            opts=self._inside,
        )
        signing = route53.KeySigningKey(
            "zone",
            name="slipway",
            hosted_zone_id=zone_id,
            key_management_service_arn=key.arn,
            opts=self._inside,
        )
        route53.HostedZoneDnsSec("zone", hosted_zone_id=signing.hosted_zone_id, opts=options)
        return signing.ds_record

    def _log(self, arguments: OwnZoneArguments) -> None:
        path = f"/aws/route53/{self._environment.edge.zone}"
        group = log_group(
            "queries",
            LogKind.ACCESS,
            environment=self._environment,
            key_arn=arguments.logs_key_arn,
            parent=self,
            physical_name=path,
        )
        policy = cloudwatch.LogResourcePolicy(
            "queries",
            policy_name=self._names.of("queries"),
            policy_document=document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "route53.amazonaws.com"},
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": self._names.arn("logs", f"log-group:{path}:*", region=WORLDWIDE),
                    "Condition": from_account(self._names),
                }
            ),
            opts=self._inside,
        )
        route53.QueryLog(
            "queries",
            zone_id=arguments.zone_id,
            cloudwatch_log_group_arn=group.arn,
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )


def signing_failures(zone_id: Input[str]) -> Iterator[Alarm]:
    """The alarms on a zone that can no longer sign: resolvers stop to answer for it within days.

    Route 53 counts every four hours, in us-east-1 alone, where only alarms of an environment that
    lives there can tell somebody.
    """
    for name, metric, summary in (
        ("dnssec-failure", "DNSSECInternalFailure", "Route 53 cannot sign something of the zone"),
        (
            "dnssec-key",
            "DNSSECKeySigningKeysNeedingAction",
            "Route 53 cannot use the key that signs the zone",
        ),
    ):
        yield Alarm(
            name=name,
            summary=summary,
            watched=Metric(
                namespace="AWS/Route53",
                name=metric,
                statistic="Sum",
                dimensions={"HostedZoneId": zone_id},
            ),
            limit=Limit(Comparison.ABOVE, 0, "NET-03"),
            period=_COUNTED_SECONDS,
            runbook="dnssec",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNameArguments:
    """What the name of an environment is made from."""

    environment: Environment
    zone_id: Input[str]
    load_balancer: lb.LoadBalancer
    page: UnavailablePage | None
    """What answers while the load balancer does not."""


class EdgeName(ComponentResource):
    """The name of an environment, which leads to its load balancer (NET-03).

    Makes the records. Where there is a page to fail over to, Route 53 asks the load balancer from
    many places whether the environment is well, and leads clients to the page while it is not.
    """

    health_check: route53.HealthCheck | None

    def __init__(
        self, name: str, arguments: EdgeNameArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:dns:EdgeName", name, opts=options)
        self._arguments = arguments
        self._inside = ResourceOptions(parent=self)
        page = arguments.page
        self.health_check = self._health_check() if page else None
        balancer = arguments.load_balancer
        target = (balancer.dns_name, balancer.zone_id)
        for kind in ("A", "AAAA") if arguments.environment.edge.ipv6 else ("A",):
            label = "edge" if kind == "A" else "edge-ipv6"
            self._record(label, kind, target, role="PRIMARY" if page else None)
            if page:
                fallback = (page.site.domain_name, page.site.zone_id)
                self._record(f"{label}-unavailable", kind, fallback, role="SECONDARY")
        self.register_outputs({})

    def _health_check(self) -> route53.HealthCheck:
        environment = self._arguments.environment
        return route53.HealthCheck(
            "edge",
            type="HTTPS",
            # Its own name: the environment's leads to the page while this says that it is down.
            fqdn=self._arguments.load_balancer.dns_name,
            port=HTTPS,
            resource_path=environment.edge.health_path,
            request_interval=_CHECK_SECONDS,
            failure_threshold=_FAILURES,
            enable_sni=True,
            measure_latency=True,
            tags={"Name": Names(environment).of("edge")},
            opts=self._inside,
        )

    def _record(
        self, name: str, kind: str, target: tuple[Input[str], Input[str]], *, role: str | None
    ) -> None:
        primary = role == "PRIMARY"
        check = self.health_check if primary else None
        route53.Record(
            name,
            zone_id=self._arguments.zone_id,
            name=self._arguments.environment.edge.name,
            type=kind,
            aliases=[
                {
                    "name": target[0],
                    "zone_id": target[1],
                    # CloudFront says nothing of its health; a last resort needs none.
                    "evaluate_target_health": role != "SECONDARY",
                }
            ],
            set_identifier=name if role else None,
            failover_routing_policies=[{"type": role}] if role else None,
            health_check_id=check.id if check else None,
            opts=self._inside,
        )


def _signing(names: Names) -> list[Statement]:
    """Let Route 53 sign with a key, for the zones of the account."""
    route53_alone = {"Principal": {"Service": "dnssec-route53.amazonaws.com"}, "Resource": "*"}
    return [
        {
            "Sid": "Signing",
            "Effect": "Allow",
            "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            "Condition": from_account(names),
            **route53_alone,
        },
        {
            "Sid": "GrantToRoute53",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Condition": {
                **from_account(names),
                "Bool": {"kms:GrantIsForAWSResource": "true"},
            },
            **route53_alone,
        },
    ]
