"""Rules for what the internet can reach: that it has a name, and stands through a flood."""

from typing import Final

from plan.graph import Graph
from policies.firewalls import STOPS, WEB_ACL, actions_of, all_rules, statement_of
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, NotEvaluated, Outcome, met, require, some
from policies.registry import Given, Ref, rule
from policies.relations import companions, targets
from policies.rules.cloudfront import DISTRIBUTION
from policies.rules.lb import BALANCER, BALANCERS
from policies.rules.route53 import RECORD
from policies.settings import Settings, Severity

ACL_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
PROTECTION: Final = "aws:shield/protection:Protection"

_LINK: Final = "webAclArn"
_INNER: Final = NotApplicable("the internet does not reach it")

_BLOCK: Final = {"block": dict[str, object]()}
_COUNT: Final = {"count": dict[str, object]()}


def _limiting(name: str, action: object = _BLOCK) -> Given:
    """A web ACL that counts what an address sends, for the examples."""
    rate = {"aggregateKeyType": "IP", "limit": 2000}
    return Given(
        WEB_ACL, name, {"rules": [{"action": action, "statement": {"rateBasedStatement": rate}}]}
    )


_ASSOCIATED: Final = Given(
    ACL_ASSOCIATION, "edge-acl", {"resourceArn": Ref("edge"), "webAclArn": Ref("acl")}
)


@rule(
    types=[*BALANCERS, DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["NET-03"],
    remediation="""
        Declare its record beside it:

            aws.route53.Record("edge", zone_id=zone.zone_id, name="api.example.com", type="A",
                aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id,
                          "evaluate_target_health": True}])
        """,
    passing=[
        (
            Given(BALANCER, "edge"),
            Given(RECORD, "name", {"type": "A", "aliases": [{"name": Ref("edge")}]}),
        ),
        (
            Given(DISTRIBUTION, "pages"),
            Given(RECORD, "name", {"type": "CNAME", "records": [Ref("pages")]}),
        ),
    ],
    failing=[
        (Given(BALANCER, "edge"),),
        (Given(DISTRIBUTION, "pages", {"aliases": ["app.example.com"]}),),
        (
            Given(BALANCER, "edge"),
            Given(BALANCER, "other"),
            Given(RECORD, "name", {"type": "A", "aliases": [{"name": Ref("other")}]}),
        ),
    ],
)
def public_endpoint_named(endpoint: Subject, _: Settings, graph: Graph) -> Outcome:
    """A record in DNS leads to each public load balancer and distribution.

    Declared beside it, it goes where the endpoint goes. A record made by hand is the one that still
    leads to what has been replaced.
    """
    if endpoint.type in BALANCERS and endpoint.flag("internal"):
        return _INNER
    leading = [
        one
        for key in ("aliases", "records")
        for one in graph.referrers(endpoint.resource, RECORD, key=key)
    ]
    return require(leading, "no record of this stack leads to it")


@rule(
    types=[*BALANCERS, DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["NET-06"],
    remediation="""
        Put a web ACL before it that refuses an address which sends too much; AWS's Shield Standard
        keeps floods of packets away by itself:

            aws.wafv2.WebAclAssociation("edge", resource_arn=balancer.arn, web_acl_arn=acl.arn)
        """,
    passing=[
        (Given(BALANCER, "edge"), _limiting("acl"), _ASSOCIATED),
        (Given(DISTRIBUTION, "pages", {"webAclId": Ref("acl")}), _limiting("acl")),
        (
            Given(BALANCER, "edge"),
            Given(PROTECTION, "shield", {"name": "edge", "resourceArn": Ref("edge")}),
        ),
        (
            Given(BALANCER, "edge"),
            Given(
                WEB_ACL,
                "acl",
                {
                    "rules": [
                        {
                            "overrideAction": {"none": dict[str, object]()},
                            "statement": {
                                "managedRuleGroupStatement": {
                                    "name": "AWSManagedRulesAntiDDoSRuleSet"
                                }
                            },
                        }
                    ]
                },
            ),
            _ASSOCIATED,
        ),
    ],
    failing=[
        (Given(BALANCER, "edge"),),
        (Given(DISTRIBUTION, "pages"),),
        (Given(BALANCER, "edge"), _limiting("acl", _COUNT), _ASSOCIATED),
        (Given(DISTRIBUTION, "pages", {"webAclId": Ref("acl")}), Given(WEB_ACL, "acl")),
    ],
)
def ddos_protection(endpoint: Subject, _: Settings, graph: Graph) -> Outcome:
    """A public load balancer or distribution stands through a flood.

    Shield Standard is before each of them, and stops what is no request. A flood of requests stops
    at a web ACL that counts what each address sends, at AWS's group against such floods, or with
    Shield Advanced.
    """
    is_balancer = endpoint.type in BALANCERS
    if is_balancer and endpoint.flag("internal"):
        return _INNER
    if is_balancer and (endpoint.text("loadBalancerType") or "application") != "application":
        return NotApplicable("there are no requests to count: Shield Standard covers it")
    if graph.referrers(endpoint.resource, PROTECTION, key="resourceArn"):
        return PASS
    if is_balancer:
        links = companions(endpoint.resource, graph, [ACL_ASSOCIATION], "resourceArn")
        found = [acl for link in links for acl in targets(link.resource, graph, _LINK, [WEB_ACL])]
    else:
        links = [endpoint] if endpoint.has("webAclId") else []
        found = targets(endpoint.resource, graph, "webAclId", [WEB_ACL])
    if links and not found:
        return NotEvaluated("its web ACL is not in this stack")
    return some(
        found,
        lambda acl: some(all_rules(acl, graph), _stops_floods),
        "nothing refuses a client that sends too much",
    )


def _stops_floods(rule_: Node) -> Outcome:
    if statement_of(rule_, "rateBasedStatement") is not None:
        return met(actions_of(rule_, "action") & STOPS)
    group = statement_of(rule_, "managedRuleGroupStatement") or Node({})
    return met(
        "AWSManagedRulesAntiDDoSRuleSet" in {group.text("name"), group.text("Name")}
        and actions_of(rule_, "overrideAction") <= {"none"}
    )
