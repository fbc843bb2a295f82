"""Rules for DNS: public zones, and records that choose between answers."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import (
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions, targets
from policies.settings import Settings, Severity

ZONE: Final = "aws:route53/zone:Zone"
QUERY_LOG: Final = "aws:route53/queryLog:QueryLog"
SIGNING: Final = "aws:route53/hostedZoneDnsSec:HostedZoneDnsSec"
RECORD: Final = "aws:route53/record:Record"
HEALTH_CHECK: Final = "aws:route53/healthCheck:HealthCheck"

_PRIVATE: Final = NotApplicable("a private zone answers inside its networks only")


@rule(
    types=[ZONE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("Route53.2",), checkov=("CKV2_AWS_39",)),
    remediation="""
        Log them, to a group in us-east-1 that Route 53 may write to:

            aws.route53.QueryLog("public", zone_id=zone.zone_id, cloudwatch_log_group_arn=group.arn)
        """,
    passing=[
        (
            Given(ZONE, "public"),
            Given(
                QUERY_LOG,
                "queries",
                {
                    "zoneId": Ref("public"),
                    "cloudwatchLogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:dns",
                },
            ),
        ),
    ],
    failing=[
        (Given(ZONE, "public", {"name": "example.com"}),),
        (Given(ZONE, "public", {"name": "example.com", "vpcs": []}),),
        (
            Given(ZONE, "public"),
            Given(ZONE, "other"),
            Given(QUERY_LOG, "queries", {"zoneId": Ref("other")}),
        ),
    ],
)
def route53_query_log(zone: Subject, _: Settings, graph: Graph) -> Outcome:
    """A public zone logs the queries that it answers.

    They show who looks for names that no client uses, and a subdomain that was taken over.
    """
    if zone.nodes("vpcs"):
        return _PRIVATE
    return require(companions(zone.resource, graph, [QUERY_LOG], "zoneId"), "logs no queries")


@rule(
    types=[ZONE],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV2_AWS_38",)),
    remediation="""
        Sign it with a key in us-east-1, then give the parent zone its DS record:

            key = aws.route53.KeySigningKey("public", hosted_zone_id=zone.zone_id,
                                            key_management_service_arn=signing_key.arn)
            aws.route53.HostedZoneDnsSec("public", hosted_zone_id=key.hosted_zone_id)
        """,
    passing=[
        (Given(ZONE, "public"), Given(SIGNING, "signed", {"hostedZoneId": Ref("public")})),
        (
            Given(ZONE, "public"),
            Given(SIGNING, "signed", {"hostedZoneId": Ref("public"), "signingStatus": "SIGNING"}),
        ),
    ],
    failing=[
        (Given(ZONE, "public", {"name": "example.com"}),),
        (
            Given(ZONE, "public"),
            Given(SIGNING, "off", {"hostedZoneId": Ref("public"), "signingStatus": "NOT_SIGNING"}),
        ),
    ],
)
def route53_dnssec(zone: Subject, _: Settings, graph: Graph) -> Outcome:
    """A public zone signs its answers.

    A forged answer sends clients elsewhere; a resolver that checks signatures refuses it.
    """
    if zone.nodes("vpcs"):
        return _PRIVATE
    return some(
        companions(zone.resource, graph, [SIGNING], "hostedZoneId"),
        lambda one: met((one.text("signingStatus") or "SIGNING") == "SIGNING"),
        "its answers are not signed",
    )


_FAILOVER: Final = {"setIdentifier": "one", "failoverRoutingPolicies": [{"type": "PRIMARY"}]}
_WEIGHTED: Final = {"setIdentifier": "one", "weightedRoutingPolicies": [{"weight": 50}]}


@rule(
    types=[RECORD],
    severity=Severity.MEDIUM,
    remediation="""
        Check what it points to, or let an alias ask its target:

            aws.route53.Record("primary", health_check_id=check.id,
                               failover_routing_policies=[{"type": "PRIMARY"}], ...)
            aws.route53.Record("blue", weighted_routing_policies=[{"weight": 50}], aliases=[{
                "name": balancer.dns_name, "zone_id": balancer.zone_id,
                "evaluate_target_health": True}], ...)
        """,
    passing=[
        (
            Given(HEALTH_CHECK, "api", {"type": "HTTPS"}),
            Given(RECORD, "primary", {**_FAILOVER, "healthCheckId": Ref("api")}),
        ),
        (Given(RECORD, "blue", {**_WEIGHTED, "aliases": [{"evaluateTargetHealth": True}]}),),
        (Given(RECORD, "blue", {**_WEIGHTED, "healthCheckId": "a1b2c3"}),),
    ],
    failing=[
        (Given(RECORD, "primary", {**_FAILOVER, "records": ["198.51.100.1"]}),),
        (Given(RECORD, "blue", {**_WEIGHTED, "aliases": [{"evaluateTargetHealth": False}]}),),
        (
            Given(HEALTH_CHECK, "off", {"type": "HTTPS", "disabled": True}),
            Given(RECORD, "primary", {**_FAILOVER, "healthCheckId": Ref("off")}),
        ),
    ],
    absence_is_safe=True,
)
def route53_failover_health(record: Subject, _: Settings, graph: Graph) -> Outcome:
    """Failover and weighted records have a health check.

    Without one Route 53 takes every answer for healthy and sends clients to what is down. The
    secondary record of a failover is the last resort and needs none.
    """

    def working(check: Subject) -> Outcome:
        return require(
            not check.flag("disabled"),
            f"its health check {check.name} is disabled",
            "healthCheckId",
        )

    def asks(alias: Node) -> Outcome:
        return require(
            alias.flag("evaluateTargetHealth"),
            "its alias does not ask for the health of its target",
            alias.at("evaluateTargetHealth"),
        )

    failover = record.nodes("failoverRoutingPolicies")
    primary = [one for one in failover if one.text("type") != "SECONDARY"]
    if not primary and not record.nodes("weightedRoutingPolicies"):
        return NotApplicable("it does not choose between answers by their health")
    if record.has_text("healthCheckId"):
        if graph.has_unresolved(record.resource, "healthCheckId"):
            return NotEvaluated("which health check it has is known after apply")
        return every(targets(record.resource, graph, "healthCheckId", [HEALTH_CHECK]), working)
    aliases = record.each("aliases")
    return all_of(require(aliases, "has no health check", "healthCheckId"), every(aliases, asks))
