"""Rules for what a load balancer does with requests and targets, beside its listeners."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.remediation import with_input
from policies.rules.lb import ALB_BALANCER, ALB_LISTENER, BALANCER, BALANCERS, LISTENER, LISTENERS
from policies.settings import Settings, Severity
from standards import Tier

TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
TARGET_GROUP, ALB_TARGET_GROUP = TARGET_GROUPS

_PROTECTED: Final = frozenset({Tier.STAGING, Tier.PRODUCTION})
_HTTP: Final = frozenset({"HTTP", "HTTPS"})
_SAFE_MODES: Final = frozenset({"defensive", "strictest"})


def _kind(balancer: Subject) -> str:
    """The type of the load balancer; AWS makes an application one where nobody says."""
    return balancer.text("loadBalancerType") or "application"


@rule(
    types=BALANCERS,
    severity=Severity.MEDIUM,
    requirements=["SEC-07"],
    controls=Controls(fsbp=("ELB.4",), checkov=("CKV_AWS_131",)),
    remediation="""
        Drop them:

            aws.lb.LoadBalancer("edge", drop_invalid_header_fields=True, ...)
        """,
    passing=[
        (Given(BALANCER, "edge", {"dropInvalidHeaderFields": True}),),
        (
            Given(
                ALB_BALANCER,
                "edge",
                {"loadBalancerType": "application", "dropInvalidHeaderFields": "true"},
            ),
        ),
    ],
    failing=[
        (Given(BALANCER, "edge", {"loadBalancerType": "application"}),),
        (Given(ALB_BALANCER, "edge", {"dropInvalidHeaderFields": False}),),
    ],
    remedy=lambda balancer: with_input(
        balancer.resource.inputs, ("dropInvalidHeaderFields",), value=True
    ),
)
def alb_drop_invalid_headers(balancer: Subject) -> Outcome:
    """An application load balancer drops headers that are not valid.

    A service that reads such a header otherwise than the load balancer did can be made to take
    one request for two.
    """
    if _kind(balancer) != "application":
        return NotApplicable("only an application load balancer reads headers")
    return require(
        balancer.flag("dropInvalidHeaderFields"),
        "passes invalid headers on",
        "dropInvalidHeaderFields",
    )


@rule(
    types=BALANCERS,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ELB.6",), checkov=("CKV_AWS_150",)),
    remediation="""
        Protect it; deleting it then takes two deliberate steps:

            aws.lb.LoadBalancer("edge", enable_deletion_protection=True, ...)
        """,
    passing=[
        (Given(BALANCER, "edge", {"enableDeletionProtection": True}),),
        (
            Given(
                ALB_BALANCER,
                "inner",
                {"loadBalancerType": "network", "enableDeletionProtection": True},
            ),
        ),
    ],
    failing=[
        (Given(BALANCER, "edge", {"internal": True}),),
        (Given(ALB_BALANCER, "edge", {"enableDeletionProtection": False}),),
    ],
)
def lb_deletion_protection(balancer: Subject, settings: Settings) -> Outcome:
    """A load balancer of staging or production is protected from deletion.

    Its name in DNS goes with it, and every client that knew the way in. Environments that are
    made and thrown away are not asked for it.
    """
    if settings.tier not in _PROTECTED:
        return NotApplicable(f"{settings.tier} may be thrown away")
    return require(
        balancer.flag("enableDeletionProtection"),
        "is not protected from deletion",
        "enableDeletionProtection",
    )


@rule(
    types=BALANCERS,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ELB.12",), checkov=("CKV_AWS_328",)),
    remediation="""
        Take AWS's default, or the stricter one:

            aws.lb.LoadBalancer("edge", desync_mitigation_mode="defensive", ...)
        """,
    passing=[
        (Given(BALANCER, "edge"),),
        (Given(BALANCER, "edge", {"desyncMitigationMode": "strictest"}),),
        (Given(ALB_BALANCER, "edge", {"desyncMitigationMode": "defensive"}),),
    ],
    failing=[
        (Given(BALANCER, "edge", {"desyncMitigationMode": "monitor"}),),
        (
            Given(
                ALB_BALANCER,
                "edge",
                {"loadBalancerType": "application", "desyncMitigationMode": "off"},
            ),
        ),
    ],
    absence_is_safe=True,
)
def alb_desync(balancer: Subject) -> Outcome:
    """An application load balancer refuses requests that can be read in two ways.

    A service that reads one otherwise takes it for two. In mode `monitor` it only counts them.
    """
    if _kind(balancer) != "application":
        return NotApplicable("only an application load balancer reads requests")
    mode = balancer.text("desyncMitigationMode") or "defensive"
    return require(mode in _SAFE_MODES, f"mode {mode} lets them through", "desyncMitigationMode")


@rule(
    types=BALANCERS,
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_152",)),
    remediation="""
        Let each node send to targets in every zone:

            aws.lb.LoadBalancer("inner", load_balancer_type="network",
                                enable_cross_zone_load_balancing=True, ...)
        """,
    passing=[
        (
            Given(
                BALANCER,
                "inner",
                {"loadBalancerType": "network", "enableCrossZoneLoadBalancing": True},
            ),
        ),
        (
            Given(
                ALB_BALANCER,
                "wall",
                {"loadBalancerType": "gateway", "enableCrossZoneLoadBalancing": "true"},
            ),
        ),
    ],
    failing=[
        (Given(BALANCER, "inner", {"loadBalancerType": "network"}),),
        (
            Given(
                ALB_BALANCER,
                "wall",
                {"loadBalancerType": "gateway", "enableCrossZoneLoadBalancing": False},
            ),
        ),
    ],
    absence_is_safe=True,
)
def nlb_cross_zone(balancer: Subject) -> Outcome:
    """A network or gateway load balancer balances across zones.

    Otherwise a zone with few targets drowns while another one idles. An application load balancer
    always does.
    """
    if _kind(balancer) == "application":
        return NotApplicable("an application load balancer always balances across zones")
    return require(
        balancer.flag("enableCrossZoneLoadBalancing"),
        "keeps to the targets of one zone",
        "enableCrossZoneLoadBalancing",
    )


@rule(
    types=TARGET_GROUPS,
    severity=Severity.MEDIUM,
    requirements=["NET-02"],
    controls=Controls(checkov=("CKV_AWS_261",)),
    remediation="""
        Ask for a path that only answers when the service can do its work:

            aws.lb.TargetGroup("api", protocol="HTTP", port=8080,
                               health_check={"path": "/health", "matcher": "200"}, ...)
        """,
    passing=[
        (Given(TARGET_GROUP, "api", {"protocol": "HTTP", "healthCheck": {"path": "/health"}}),),
        (
            Given(
                ALB_TARGET_GROUP,
                "api",
                {"protocol": "HTTPS", "healthCheck": {"path": "/health", "enabled": True}},
            ),
        ),
        (Given(TARGET_GROUP, "plain", {"protocol": "TCP", "healthCheck": {"protocol": "TCP"}}),),
        (
            Given(
                TARGET_GROUP,
                "asked",
                {"protocol": "TCP", "healthCheck": {"protocol": "HTTP", "path": "/health"}},
            ),
        ),
    ],
    failing=[
        (Given(TARGET_GROUP, "api", {"protocol": "HTTP"}),),
        (Given(ALB_TARGET_GROUP, "api", {"protocol": "http", "healthCheck": {"interval": 15}}),),
        (
            Given(
                TARGET_GROUP,
                "api",
                {"protocol": "HTTPS", "healthCheck": {"path": "/health", "enabled": False}},
            ),
        ),
        (Given(TARGET_GROUP, "api", {"protocol": "TCP", "healthCheck": {"protocol": "HTTPS"}}),),
    ],
)
def tg_health_check(group: Subject) -> Outcome:
    """A target group asks its targets whether they are well.

    Without a path of its own the check asks for `/`, which may answer while nothing works, and a
    load balancer can only pass over what it knows to be unwell.
    """
    if group.text("targetType") == "lambda":
        return NotApplicable("a function is there or not: Lambda starts it for each request")
    check = group.node("healthCheck")

    def has_path() -> Outcome:
        protocol = (check.text("protocol") or group.text("protocol") or "HTTP").upper()
        if protocol not in _HTTP:
            return PASS  # a connection is all that there is to ask for
        return require(check.has_text("path"), "asks for no path of its own", check.at("path"))

    return all_of(
        has_path,
        lambda: require(check.flag("enabled") is not False, "is not asked", check.at("enabled")),
    )


_HEADER: Final = "routingHttpResponse{}HeaderValue"
_HEADERS: Final = {
    "Strict-Transport-Security": _HEADER.format("StrictTransportSecurity"),
    "Content-Security-Policy": _HEADER.format("ContentSecurityPolicy"),
    "X-Frame-Options": _HEADER.format("XFrameOptions"),
}
_ALL_HEADERS: Final = dict(
    zip(_HEADERS.values(), ("max-age=31536000", "default-src 'none'", "DENY"), strict=True)
)


@rule(
    types=LISTENERS,
    severity=Severity.MEDIUM,
    requirements=["NET-07"],
    remediation="""
        Let the load balancer add them to whatever a service answers:

            aws.lb.Listener("https", protocol="HTTPS",
                routing_http_response_strict_transport_security_header_value="max-age=31536000",
                routing_http_response_content_security_policy_header_value="default-src 'self'",
                routing_http_response_x_frame_options_header_value="DENY", ...)
        """,
    passing=[
        (Given(LISTENER, "https", {"protocol": "HTTPS", **_ALL_HEADERS}),),
        (
            Given(BALANCER, "inner", {"internal": True}),
            Given(BALANCER, "edge", {"internal": False}),
            Given(LISTENER, "inner", {"loadBalancerArn": Ref("inner"), "protocol": "HTTPS"}),
            Given(
                ALB_LISTENER,
                "edge",
                {"loadBalancerArn": Ref("edge"), "protocol": "HTTPS", **_ALL_HEADERS},
            ),
        ),
    ],
    failing=[
        (Given(LISTENER, "https", {"protocol": "HTTPS"}),),
        (
            Given(BALANCER, "edge"),
            Given(
                ALB_LISTENER,
                "https",
                {
                    "loadBalancerArn": Ref("edge"),
                    "protocol": "HTTPS",
                    **_ALL_HEADERS,
                    _HEADERS["X-Frame-Options"]: "",
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def alb_security_headers(listener: Subject, _: Settings, graph: Graph) -> Outcome:
    """Answers to the internet carry the headers that browsers are protected by.

    Without them a page can be framed by another site, run a stranger's script, or be asked for in
    the clear. Set on the listener they stand on every answer, a service's error page too.
    """
    if (listener.text("protocol") or "").upper() != "HTTPS":
        return NotApplicable("only an HTTPS listener adds headers")
    balancers = targets(listener.resource, graph, "loadBalancerArn", BALANCERS)
    if balancers and all(balancer.flag("internal") for balancer in balancers):
        return NotApplicable("not reachable from the internet")
    return every(
        _HEADERS,
        lambda header: require(
            (listener.text(_HEADERS[header]) or "").strip(), f"adds no {header}", _HEADERS[header]
        ),
    )
