"""Rules for load balancers and their listeners, under both tokens that the SDK has for them."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, Inputs, Ref, rule
from policies.relations import SUBNET, companions, in_two_zones
from policies.remediation import with_input
from policies.settings import Settings, Severity

LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
WAF_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
LISTENER, ALB_LISTENER = LISTENERS
BALANCER, ALB_BALANCER = BALANCERS

_MODERN_POLICIES: Final = (
    "ELBSecurityPolicy-TLS13-1-2-",
    "ELBSecurityPolicy-TLS13-1-3-",
    "ELBSecurityPolicy-TLS-1-2-",
    "ELBSecurityPolicy-FS-1-2-",
)
"""How the names of AWS's policies begin that refuse TLS 1.1 and older."""
_MODERN_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""The one that AWS recommends: TLS 1.2 and 1.3."""
_PLAIN: Final = frozenset({"HTTP", "TCP", "UDP", "TCP_UDP", "GENEVE"})
_ENCRYPTED: Final = frozenset({"HTTPS", "TLS"})

_REDIRECT: Final = {
    "type": "redirect",
    "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"},
}
_FORWARD: Final = {"type": "forward", "targetGroupArn": Ref("group")}
_GROUP: Final = Given("aws:lb/targetGroup:TargetGroup", "group")


def _protocol(listener: Subject) -> str:
    """The protocol in upper case, as AWS keeps it; empty where absent."""
    return (listener.text("protocol") or "").upper()


def _redirects(listener: Subject) -> Outcome:
    """Whether every default action sends the client on to HTTPS."""

    def is_redirect(action: Node) -> Outcome:
        kind = action.text("type")
        target = action.node("redirect").text("protocol")
        return require(
            kind == "redirect" and target == "HTTPS",
            f"plain HTTP is answered with {kind} instead of a redirect to HTTPS",
            action.here,
        )

    actions = listener.nodes("defaultActions")
    if not actions:
        return fail("plain HTTP without a default action that redirects", "defaultActions")
    return every(actions, is_redirect)


@rule(
    types=LISTENERS,
    severity=Severity.MEDIUM,
    requirements=["NET-01"],
    controls=Controls(fsbp=("ELB.1",), checkov=("CKV2_AWS_20", "CKV_AWS_2")),
    remediation="""
        Let the plain listener do nothing but redirect:

            aws.lb.Listener("http", load_balancer_arn=balancer.arn, port=80, protocol="HTTP",
                            default_actions=[{"type": "redirect", "redirect": {
                                "protocol": "HTTPS", "port": "443", "status_code": "HTTP_301"}}])
        """,
    passing=[
        (Given(LISTENER, "http", {"protocol": "HTTP", "port": 80, "defaultActions": [_REDIRECT]}),),
        (
            _GROUP,
            Given(LISTENER, "https", {"protocol": "HTTPS", "defaultActions": [_FORWARD]}),
        ),
    ],
    failing=[
        (_GROUP, Given(LISTENER, "http", {"protocol": "HTTP", "defaultActions": [_FORWARD]})),
        (
            Given(
                ALB_LISTENER,
                "loop",
                {
                    "port": 80,
                    "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTP"}}],
                },
            ),
        ),
        (Given(LISTENER, "http", {"protocol": "HTTP"}),),
    ],
)
def alb_http_redirect(listener: Subject) -> Outcome:
    """Plain HTTP only redirects to HTTPS.

    Whatever else port 80 answers, somebody on the way can read and change.
    """
    return _redirects(listener) if _protocol(listener) in {"HTTP", ""} else PASS


@rule(
    types=LISTENERS,
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("ELB.18",), checkov=("CKV_AWS_2", "CKV_AWS_378")),
    remediation="""
        Listen with HTTPS (a network load balancer: TLS) and a certificate:

            aws.lb.Listener("https", load_balancer_arn=balancer.arn, port=443, protocol="HTTPS",
                            certificate_arn=certificate.arn,
                            ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06", default_actions=[...])
        """,
    passing=[
        (Given(LISTENER, "https", {"protocol": "HTTPS"}),),
        (Given(ALB_LISTENER, "tls", {"protocol": "TLS"}),),
        (Given(LISTENER, "http", {"protocol": "HTTP", "defaultActions": [_REDIRECT]}),),
    ],
    failing=[
        (_GROUP, Given(LISTENER, "http", {"protocol": "HTTP", "defaultActions": [_FORWARD]})),
        (Given(LISTENER, "tcp", {"protocol": "TCP"}),),
    ],
)
def lb_secure_listener(listener: Subject) -> Outcome:
    """Listeners use HTTPS or TLS.

    Data is encrypted on every connection; HTTP may only send the client on to HTTPS.
    """
    protocol = _protocol(listener)
    if protocol == "HTTP":
        return _redirects(listener)
    return require(
        protocol in {"HTTPS", "TLS"}, f"listens with {protocol or 'no protocol'}", "protocol"
    )


def _with_modern_policy(listener: Subject) -> Inputs:
    """Without a certificate's protocol there is no TLS to set a policy for."""
    inputs = listener.resource.inputs
    if _protocol(listener) not in _ENCRYPTED:
        return inputs
    return with_input(inputs, ("sslPolicy",), _MODERN_POLICY)


@rule(
    types=LISTENERS,
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("ELB.17",), checkov=("CKV_AWS_103", "CKV2_AWS_74")),
    remediation="""
        Name a policy that refuses TLS 1.1 and older:

            aws.lb.Listener("https", protocol="HTTPS",
                            ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06", ...)
        """,
    passing=[
        (
            Given(
                LISTENER,
                "https",
                {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
            ),
        ),
        (
            Given(
                ALB_LISTENER,
                "tls",
                {"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"},
            ),
        ),
    ],
    failing=[
        (Given(LISTENER, "https", {"protocol": "HTTPS"}),),
        (
            Given(
                ALB_LISTENER,
                "old",
                {"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-1-2021-06"},
            ),
        ),
    ],
    remedy=_with_modern_policy,
)
def lb_tls_policy(listener: Subject) -> Outcome:
    """Listeners accept TLS 1.2 or later only.

    Without a policy AWS takes one from 2016 that still speaks TLS 1.0.
    """
    if _protocol(listener) in _PLAIN:
        return NotApplicable("the listener does not end TLS")
    policy = listener.text("sslPolicy")
    return require(
        policy is not None and policy.startswith(_MODERN_POLICIES),
        f"TLS policy is {policy or 'the default'}, which accepts versions before 1.2",
        "sslPolicy",
    )


_TWO_SUBNETS: Final = (
    Given(SUBNET, "a", {"availabilityZone": "eu-central-1a"}),
    Given(SUBNET, "b", {"availabilityZone": "eu-central-1b"}),
)


@rule(
    types=BALANCERS,
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ELB.13",)),
    remediation="""
        Give it a subnet in each zone:

            aws.lb.LoadBalancer("edge", subnets=[subnet.id for subnet in public_subnets], ...)
        """,
    passing=[
        (*_TWO_SUBNETS, Given(BALANCER, "edge", {"subnets": [Ref("a"), Ref("b")]})),
        (Given(BALANCER, "edge", {"subnets": ["subnet-0a", "subnet-0b"]}),),
        (
            *_TWO_SUBNETS,
            Given(
                ALB_BALANCER,
                "edge",
                {"subnetMappings": [{"subnetId": Ref("a")}, {"subnetId": Ref("b")}]},
            ),
        ),
    ],
    failing=[
        (*_TWO_SUBNETS, Given(BALANCER, "edge", {"subnets": [Ref("a")]})),
        (Given(BALANCER, "edge", {"subnets": ["subnet-0a", "subnet-0a"]}),),
    ],
)
def lb_multi_az(balancer: Subject, _: Settings, graph: Graph) -> Outcome:
    """A load balancer spans two or more zones.

    With one, the loss of that zone takes down what runs in the others, too.
    """
    key = "subnetMappings" if balancer.has("subnetMappings") else "subnets"
    if not balancer.has(key):
        return fail("names no subnets", key)
    subnets = balancer.each(key)
    if not graph.references(balancer.resource, key):
        named = {
            subnet.as_text() if key == "subnets" else subnet.text("subnetId") for subnet in subnets
        }
        # AWS refuses two subnets of one zone on a load balancer, so counting them is enough.
        return require(len(named) > 1, "lies in one subnet, thus in one zone", key)
    return in_two_zones(balancer, graph, key)


@rule(
    types=BALANCERS,
    severity=Severity.MEDIUM,
    requirements=["LOG-01"],
    controls=Controls(fsbp=("ELB.5",), checkov=("CKV_AWS_91",)),
    remediation="""
        Write them to a bucket:

            aws.lb.LoadBalancer("edge", access_logs={"enabled": True, "bucket": logs.bucket}, ...)
        """,
    passing=[
        (
            Given("aws:s3/bucket:Bucket", "logs"),
            Given(BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": Ref("logs")}}),
        ),
    ],
    failing=[
        (Given(BALANCER, "edge", {"accessLogs": {"bucket": "logs"}}),),
        (Given(ALB_BALANCER, "edge", {"accessLogs": {"enabled": True, "bucket": ""}}),),
    ],
)
def lb_access_logs(balancer: Subject) -> Outcome:
    """A load balancer writes access logs.

    They are the one record of who asked for what, whether or not a service got to see it.
    """
    logs = balancer.node("accessLogs")
    return all_of(
        lambda: require(logs.flag("enabled"), "access logs are off", logs.at("enabled")),
        lambda: require(logs.has_text("bucket"), "access logs have no bucket", logs.at("bucket")),
    )


@rule(
    types=BALANCERS,
    severity=Severity.HIGH,
    requirements=["NET-05"],
    controls=Controls(fsbp=("ELB.16",), checkov=("CKV2_AWS_28",)),
    remediation="""
        Put a web ACL in front of it:

            aws.wafv2.WebAclAssociation("edge", resource_arn=balancer.arn, web_acl_arn=acl.arn)
        """,
    passing=[
        (
            Given(BALANCER, "edge", {"loadBalancerType": "application"}),
            Given("aws:wafv2/webAcl:WebAcl", "acl"),
            Given(WAF_ASSOCIATION, "wall", {"resourceArn": Ref("edge"), "webAclArn": Ref("acl")}),
        ),
    ],
    failing=[
        (Given(BALANCER, "edge", {"loadBalancerType": "application", "internal": False}),),
    ],
)
def alb_waf_attached(balancer: Subject, _: Settings, graph: Graph) -> Outcome:
    """An internet-facing application load balancer sits behind a web ACL.

    Without one every scan and every known exploit reaches the services themselves.
    """
    if balancer.text("loadBalancerType") in {"network", "gateway"}:
        return NotApplicable("a web ACL attaches to application load balancers only")
    if balancer.flag("internal"):
        return NotApplicable("not reachable from the internet")
    return require(
        companions(balancer.resource, graph, [WAF_ASSOCIATION], "resourceArn"),
        "no web ACL is associated with this load balancer",
    )
