"""Rules for web application firewalls, whose rules stand in one of four places.

They are inputs of the web ACL, its JSON, resources of their own beside it, or in a rule group.
"""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.firewalls import (
    ACL_RULE,
    GROUP_ASSOCIATION,
    RULE_GROUP,
    STOPS,
    WEB_ACL,
    actions_of,
    all_rules,
    either,
    managed_group,
    own_rules,
    statement_of,
)
from policies.nodes import Node, Subject
from policies.outcomes import (
    MISS,
    NotEvaluated,
    Outcome,
    Pass,
    all_of,
    attempt,
    every,
    fail,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions, targets
from policies.settings import Settings, Severity

LOGGING: Final = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"

_KNOWN_BAD: Final = "AWSManagedRulesKnownBadInputsRuleSet"
_WINDOW_SECONDS: Final = 300
"""The window that AWS counts requests in where a rule names none."""

_NO_OPTIONS: Final[dict[str, object]] = {}
_VISIBLE: Final = {
    "metricName": "edge",
    "cloudwatchMetricsEnabled": True,
    "sampledRequestsEnabled": True,
}


def _managed(name: str, action: str = "none", **statement: object) -> dict[str, object]:
    """A rule that uses a group which AWS manages, for the examples."""
    return {
        "name": name,
        "overrideAction": {action: {}},
        "statement": {
            "managedRuleGroupStatement": {"name": name, "vendorName": "AWS", **statement}
        },
        "visibilityConfig": _VISIBLE,
    }


def _rate(limit: object, action: str = "block", **statement: object) -> dict[str, object]:
    """A rule that limits the rate of requests, for the examples."""
    return {
        "name": "rate",
        "action": {action: {}},
        "statement": {
            "rateBasedStatement": {"aggregateKeyType": "IP", "limit": limit, **statement}
        },
        "visibilityConfig": _VISIBLE,
    }


_KNOWN_BAD_JSON: Final = (
    '[{"Name": "bad", "Priority": 1, "OverrideAction": {"None": {}}, "Statement":'
    f' {{"ManagedRuleGroupStatement": {{"VendorName": "AWS", "Name": "{_KNOWN_BAD}"}}}},'
    ' "VisibilityConfig":'
    ' {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "bad"}}]'
)
_RATE_JSON: Final = (
    '[{"Name": "rate", "Priority": 1, "Action": {"Block": {}}, "Statement":'
    ' {"RateBasedStatement": {"Limit": 1000, "AggregateKeyType": "IP"}}, "VisibilityConfig":'
    ' {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "rate"}}]'
)


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    requirements=["NET-05"],
    controls=Controls(fsbp=("WAF.10",), checkov=("CKV_AWS_175",)),
    remediation="""
        Give it rules; those that AWS manages are a good start:

            aws.wafv2.WebAcl("edge", rules=[{
                "name": "common", "priority": 1, "override_action": {"none": {}},
                "statement": {"managed_rule_group_statement": {
                    "vendor_name": "AWS", "name": "AWSManagedRulesCommonRuleSet"}},
                "visibility_config": {...}}], ...)
        """,
    passing=[
        (Given(WEB_ACL, "edge", {"rules": [_rate(2000)]}),),
        (Given(WEB_ACL, "edge", {"ruleJson": _RATE_JSON}),),
        (Given(WEB_ACL, "edge"), Given(ACL_RULE, "rate", {"webAclArn": Ref("edge")})),
        (Given(WEB_ACL, "edge"), Given(GROUP_ASSOCIATION, "own", {"webAclArn": Ref("edge")})),
    ],
    failing=[
        (Given(WEB_ACL, "edge", {"rules": []}),),
        (Given(WEB_ACL, "edge", {"ruleJson": "[]"}),),
        (
            Given(WEB_ACL, "edge"),
            Given(WEB_ACL, "other"),
            Given(ACL_RULE, "rate", {"webAclArn": Ref("other")}),
        ),
    ],
)
def waf_has_rules(acl: Subject, _: Settings, graph: Graph) -> Outcome:
    """A web ACL has rules.

    Without any, every request meets its default action: the firewall is there in name alone.
    """
    rules = all_rules(acl, graph)
    if not rules:
        return fail("has no rules", "rules")
    return every(rules, lambda one: require(one.names(), "has an empty rule", one.here))


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("WAF.11",), checkov=("CKV2_AWS_31",)),
    remediation="""
        Log to a group, bucket or stream whose name begins with aws-waf-logs-:

            aws.wafv2.WebAclLoggingConfiguration("edge", resource_arn=acl.arn,
                                                 log_destination_configs=[group.arn])
        """,
    passing=[
        (
            Given(WEB_ACL, "edge"),
            Given(
                LOGGING,
                "edge-log",
                {
                    "resourceArn": Ref("edge"),
                    "logDestinationConfigs": ["arn:aws:s3:::aws-waf-logs-edge"],
                },
            ),
        ),
    ],
    failing=[
        (Given(WEB_ACL, "edge", {"scope": "REGIONAL"}),),
        (
            Given(WEB_ACL, "edge"),
            Given(WEB_ACL, "other"),
            Given(LOGGING, "other-log", {"resourceArn": Ref("other")}),
        ),
    ],
)
def waf_logging(acl: Subject, _: Settings, graph: Graph) -> Outcome:
    """A web ACL logs the requests that it judges.

    What was blocked, and what came through, is what an incident is investigated with.
    """
    return require(
        companions(acl.resource, graph, [LOGGING], "resourceArn"), "nothing logs its requests"
    )


@rule(
    types=[WEB_ACL, RULE_GROUP, ACL_RULE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("WAF.12",)),
    remediation="""
        Let it, and each of its rules, publish metrics:

            "visibility_config": {"metric_name": "rate", "cloudwatch_metrics_enabled": True,
                                  "sampled_requests_enabled": True}
        """,
    passing=[
        (Given(WEB_ACL, "edge", {"visibilityConfig": _VISIBLE, "rules": [_rate(2000)]}),),
        (Given(WEB_ACL, "edge", {"visibilityConfig": _VISIBLE, "ruleJson": _RATE_JSON}),),
        (Given(RULE_GROUP, "own", {"visibilityConfig": _VISIBLE, "rules": [_rate(2000)]}),),
        (Given(ACL_RULE, "rate", _rate(2000)),),
    ],
    failing=[
        (Given(WEB_ACL, "edge", {"rules": [_rate(2000)]}),),
        (
            Given(
                WEB_ACL,
                "edge",
                {
                    "visibilityConfig": _VISIBLE,
                    "rules": [
                        _rate(2000)
                        | {"visibilityConfig": {**_VISIBLE, "cloudwatchMetricsEnabled": False}}
                    ],
                },
            ),
        ),
        (
            Given(
                RULE_GROUP,
                "own",
                {
                    "visibilityConfig": _VISIBLE,
                    "rulesJson": _RATE_JSON.replace(
                        '"CloudWatchMetricsEnabled": true', '"CloudWatchMetricsEnabled": false'
                    ),
                },
            ),
        ),
        (Given(ACL_RULE, "rate", {"visibilityConfig": {"cloudwatchMetricsEnabled": False}}),),
    ],
)
def waf_metrics(subject: Subject) -> Outcome:
    """A web ACL and each of its rules publish metrics.

    An attack shows first as a rule that fires more often; without a number no alarm sees it.
    """

    def measured(node: Node) -> Outcome:
        config = node.node(either(node, "visibilityConfig"))
        spelled = "CloudWatchMetricsEnabled"
        key = spelled if config.has(spelled) else "cloudwatchMetricsEnabled"
        name = node.text(either(node, "name")) if node is not subject else subject.name
        return require(config.flag(key), f"{name or 'a rule'} publishes no metrics", config.at(key))

    rules = own_rules(subject) if subject.type != ACL_RULE else []
    return every([subject, *rules], measured)


class BadInputs(Settings):
    """Which rules of AWS's group against known bad inputs may count instead of block."""

    counted: tuple[str, ...] = ()


@rule(
    types=[WEB_ACL],
    severity=Severity.HIGH,
    controls=Controls(checkov=("CKV_AWS_192", "CKV2_AWS_76")),
    settings=BadInputs,
    remediation="""
        Use AWS's group against them, and let it block:

            {"name": "known-bad-inputs", "priority": 1, "override_action": {"none": {}},
             "statement": {"managed_rule_group_statement": {
                 "vendor_name": "AWS", "name": "AWSManagedRulesKnownBadInputsRuleSet"}},
             "visibility_config": {...}}
        """,
    passing=[
        (Given(WEB_ACL, "edge", {"rules": [_rate(2000), _managed(_KNOWN_BAD)]}),),
        (Given(WEB_ACL, "edge", {"ruleJson": _KNOWN_BAD_JSON}),),
        (
            Given(WEB_ACL, "edge"),
            Given(ACL_RULE, "bad", {"webAclArn": Ref("edge"), **_managed(_KNOWN_BAD)}),
        ),
        (
            Given(WEB_ACL, "edge"),
            Given(
                GROUP_ASSOCIATION,
                "bad",
                {
                    "webAclArn": Ref("edge"),
                    "managedRuleGroup": {"name": _KNOWN_BAD, "vendorName": "AWS"},
                },
            ),
        ),
    ],
    failing=[
        (Given(WEB_ACL, "edge", {"rules": [_managed("AWSManagedRulesCommonRuleSet")]}),),
        (Given(WEB_ACL, "edge", {"rules": [_managed(_KNOWN_BAD, "count")]}),),
        (Given(WEB_ACL, "edge", {"ruleJson": _KNOWN_BAD_JSON.replace('"None"', '"Count"')}),),
        (
            Given(
                WEB_ACL,
                "edge",
                {
                    "rules": [
                        _managed(
                            _KNOWN_BAD,
                            ruleActionOverrides=[
                                {"name": "Log4JRCE_HEADER", "actionToUse": {"count": _NO_OPTIONS}}
                            ],
                        )
                    ]
                },
            ),
        ),
        (
            Given(WEB_ACL, "edge"),
            Given(
                GROUP_ASSOCIATION,
                "bad",
                {
                    "webAclArn": Ref("edge"),
                    "overrideAction": "count",
                    "managedRuleGroup": {"name": _KNOWN_BAD, "vendorName": "AWS"},
                },
            ),
        ),
    ],
)
def waf_known_bad_inputs(acl: Subject, settings: BadInputs, graph: Graph) -> Outcome:
    """A web ACL blocks known bad inputs.

    AWS keeps the list of what exploits Log4j, Java deserialisation and the like, in each client's
    place; a group, or one of its rules, that only counts lets them in.
    """

    def concerned(rule_: Node) -> Outcome:
        managed = managed_group(rule_)
        return met(managed and managed.text(either(managed, "name")) == _KNOWN_BAD)

    def armed(override: Node) -> Outcome:
        name = override.text(either(override, "name"))
        stops = actions_of(override, "actionToUse") <= STOPS
        return met(stops or name in settings.counted)

    def blocks(rule_: Node) -> Outcome:
        managed = managed_group(rule_) or Node({})
        return all_of(
            met(actions_of(rule_, "overrideAction") <= {"none"}),
            met(not managed.has(either(managed, "excludedRules"))),
            every(managed.each(either(managed, "ruleActionOverrides")), armed),
        )

    rules = all_rules(acl, graph)
    present = some(rules, concerned, f"no rule uses {_KNOWN_BAD}")
    if not isinstance(present, Pass):
        return present
    found = [one for one in rules if isinstance(attempt(lambda one=one: concerned(one)), Pass)]
    return some(found, blocks, f"{_KNOWN_BAD}, or one of its rules, only counts")


class RequestRate(Settings):
    """How many requests one client may send, at most."""

    max_requests_in_five_minutes: int = Field(default=2000, ge=10, le=2_000_000)


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    requirements=["NET-09"],
    settings=RequestRate,
    remediation="""
        Block a client that sends more than the expected load:

            {"name": "rate-per-address", "priority": 0, "action": {"block": {}},
             "statement": {"rate_based_statement": {"aggregate_key_type": "IP", "limit": 2000}},
             "visibility_config": {...}}
        """,
    passing=[
        (Given(WEB_ACL, "edge", {"rules": [_managed(_KNOWN_BAD), _rate(2000)]}),),
        (Given(WEB_ACL, "edge", {"rules": [_rate("400", evaluationWindowSec=60)]}),),
        (Given(WEB_ACL, "edge", {"ruleJson": _RATE_JSON}),),
        (
            Given(WEB_ACL, "edge"),
            Given(ACL_RULE, "rate", {"webAclArn": Ref("edge"), **_rate(100, "captcha")}),
        ),
        (
            Given(RULE_GROUP, "limits", {"rules": [_rate(2000)]}),
            Given(
                WEB_ACL,
                "edge",
                {
                    "rules": [
                        {
                            "overrideAction": {"none": _NO_OPTIONS},
                            "statement": {"ruleGroupReferenceStatement": {"arn": Ref("limits")}},
                        }
                    ]
                },
            ),
        ),
        (
            Given(RULE_GROUP, "limits", {"rulesJson": _RATE_JSON}),
            Given(WEB_ACL, "edge"),
            Given(
                GROUP_ASSOCIATION,
                "limited",
                {"webAclArn": Ref("edge"), "ruleGroupReference": {"arn": Ref("limits")}},
            ),
        ),
    ],
    failing=[
        (Given(WEB_ACL, "edge", {"rules": [_managed(_KNOWN_BAD)]}),),
        (Given(WEB_ACL, "edge", {"rules": [_rate(2_000_000)]}),),
        (Given(WEB_ACL, "edge", {"rules": [_rate(2000, evaluationWindowSec=60)]}),),
        (Given(WEB_ACL, "edge", {"rules": [_rate(2000, "count")]}),),
        (
            Given(
                WEB_ACL,
                "edge",
                {
                    "rules": [
                        _rate(
                            100,
                            scopeDownStatement={"geoMatchStatement": {"countryCodes": ["XX"]}},
                        )
                    ]
                },
            ),
        ),
        (
            Given(RULE_GROUP, "limits", {"rules": [_rate(2000)]}),
            Given(
                WEB_ACL,
                "edge",
                {
                    "rules": [
                        {
                            "overrideAction": {"count": _NO_OPTIONS},
                            "statement": {"ruleGroupReferenceStatement": {"arn": Ref("limits")}},
                        }
                    ]
                },
            ),
        ),
    ],
)
def waf_rate_limit(acl: Subject, settings: RequestRate, graph: Graph) -> Outcome:
    """A web ACL limits how many requests one client may send.

    One address can otherwise guess passwords or exhaust the service. Only a limit on all requests
    counts, not one that a scope-down statement narrows.
    """

    def limits(rule_: Node) -> Outcome:
        rate = statement_of(rule_, "rateBasedStatement")
        if rate is None:
            return MISS
        limit = rate.number(either(rate, "limit"))
        window = rate.number(either(rate, "evaluationWindowSec")) or _WINDOW_SECONDS
        most = settings.max_requests_in_five_minutes * window
        return all_of(
            met(limit is not None and 0 < limit * _WINDOW_SECONDS <= most),
            met(actions_of(rule_, "action") & STOPS),
            met(not rate.has(either(rate, "scopeDownStatement"))),
        )

    def limits_by_group(rule_: Node) -> Outcome:
        """A rule that uses a rule group limits if the group has a rule that does."""
        if not _uses_group(rule_):
            return MISS
        if not actions_of(rule_, "overrideAction") <= {"none"}:
            return MISS
        owner, key = (
            (rule_, "ruleGroupReference" if rule_.has("ruleGroupReference") else "statement")
            if isinstance(rule_, Subject)
            else (acl, "rules")
        )
        groups = targets(owner.resource, graph, key, [RULE_GROUP])
        if not groups:
            return NotEvaluated("it uses a rule group that is not in this plan")
        return some([one for group in groups for one in own_rules(group)], limits)

    def limits_somehow(rule_: Node) -> Outcome:
        return some([limits, limits_by_group], lambda check: check(rule_))

    return some(
        all_rules(acl, graph),
        limits_somehow,
        f"no rule blocks a client after {settings.max_requests_in_five_minutes} requests in five"
        " minutes",
    )


def _uses_group(rule_: Node) -> bool:
    return (
        rule_.has("ruleGroupReference")
        or statement_of(rule_, "ruleGroupReferenceStatement") is not None
    )
