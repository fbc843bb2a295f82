"""Rules for what a firewall asks of those who come: how often, with what, and whether invited."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from plan.values import Value
from policies.firewalls import (
    STOPS,
    WEB_ACL,
    actions_of,
    all_rules,
    either,
    inside,
    managed_group,
    statement_of,
)
from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, met, some
from policies.registry import Given, rule
from policies.settings import Settings, Severity

_WINDOW_SECONDS: Final = 300
"""The window that AWS counts requests in where a rule names none."""
_COMMON: Final = "AWSManagedRulesCommonRuleSet"
_BODY_SIZE: Final = "SizeRestrictions_BODY"
_ACCOUNT_TAKEOVER: Final = "AWSManagedRulesATPRuleSet"
_AT_CDN: Final = NotApplicable("it stands at the CDN: judged is the one in front of the API")

_NO: Final = met(None)

_NO_OPTIONS: Final[dict[str, object]] = {}
_BLOCK: Final[dict[str, object]] = {"block": {}}
_COUNT: Final[dict[str, object]] = {"count": {}}
_SIGN_IN: Final = {
    "byteMatchStatement": {
        "fieldToMatch": {"uriPath": _NO_OPTIONS},
        "positionalConstraint": "STARTS_WITH",
        "searchString": "/sign-in",
    }
}
_LARGE: Final = {
    "sizeConstraintStatement": {
        "comparisonOperator": "GT",
        "fieldToMatch": {"body": {"oversizeHandling": "MATCH"}},
        "size": 8192,
    }
}
_INVITED: Final = {
    "regexPatternSetReferenceStatement": {
        "arn": "arn:aws:wafv2:us-east-1:123456789012:regional/regexpatternset/invites/a1b2c3",
        "fieldToMatch": {"singleHeader": {"name": "x-invite"}},
    }
}


def _acl(*rules: dict[str, object], **inputs: object) -> tuple[Given]:
    """A web ACL with `rules`, for the examples."""
    return (Given(WEB_ACL, "edge", {"rules": list(rules), **inputs}),)


def _rate(action: dict[str, object] = _BLOCK, **statement: object) -> dict[str, object]:
    """A rule that counts requests, for the examples."""
    return {"name": "rate", "action": action, "statement": {"rateBasedStatement": statement}}


def _per(name: str, action: dict[str, object] = _BLOCK) -> dict[str, object]:
    """A rule that counts by the header `name`, for the examples."""
    return _rate(
        action,
        aggregateKeyType="CUSTOM_KEYS",
        customKeys=[{"header": {"name": name}}],
        limit=1000,
    )


def _own(statement: object, action: dict[str, object] = _BLOCK) -> dict[str, object]:
    """A rule of one's own, for the examples."""
    return {"name": "own", "action": action, "statement": statement}


def _managed(name: str, action: str = "none", **statement: object) -> dict[str, object]:
    """A rule that uses a group of AWS's, for the examples."""
    return {
        "name": name,
        "overrideAction": {action: {}},
        "statement": {"managedRuleGroupStatement": {"name": name, **statement}},
    }


def _is_at_cdn(acl: Subject) -> bool:
    return acl.text("scope") == "CLOUDFRONT"


def _stops(rule_: Node) -> bool:
    return bool(actions_of(rule_, "action") & STOPS)


def _is_in_force(rule_: Node, group: str) -> bool:
    """Whether `rule_` uses AWS's `group` and lets it refuse."""
    managed = managed_group(rule_)
    return (
        managed is not None
        and managed.text(either(managed, "name")) == group
        and actions_of(rule_, "overrideAction") <= {"none"}
    )


class KeyHeaders(Settings):
    """Where clients show their API key."""

    headers: tuple[str, ...] = Field(default=("x-api-key", "authorization"), max_length=20)
    """Names of headers, in lower case."""


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    requirements=["KEY-05"],
    settings=KeyHeaders,
    remediation="""
        Count by the header that holds the key:

            {"name": "rate-per-api-key", "priority": 1, "action": {"block": {}},
             "statement": {"rate_based_statement": {
                 "aggregate_key_type": "CUSTOM_KEYS", "limit": 1000,
                 "custom_keys": [{"header": {"name": "x-api-key", "text_transformations": [
                     {"priority": 0, "type": "NONE"}]}}]}},
             "visibility_config": {...}}
        """,
    passing=[
        _acl(_per("x-api-key")),
        _acl(_per("Authorization")),
        (
            Given(
                WEB_ACL,
                "edge",
                {
                    "ruleJson": '[{"Name": "rate", "Action": {"Block": {}}, "Statement":'
                    ' {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "CUSTOM_KEYS",'
                    ' "CustomKeys": [{"Header": {"Name": "x-api-key"}}]}}}]'
                },
            ),
        ),
    ],
    failing=[
        _acl(),
        _acl(_rate(aggregateKeyType="IP", limit=100)),
        _acl(_per("x-api-key", _COUNT)),
        _acl(_per("user-agent")),
        _acl(
            _rate(
                aggregateKeyType="CUSTOM_KEYS",
                customKeys=[{"header": {"name": "x-api-key"}}, {"ip": _NO_OPTIONS}],
                limit=100,
            )
        ),
    ],
)
def waf_rate_limit_per_key(acl: Subject, settings: KeyHeaders, graph: Graph) -> Outcome:
    """A web ACL limits how much each API key may ask for.

    A limit for an address stops nobody who has many: a leaked key is then used from all of them. A
    key that is counted together with the address has no limit of its own.
    """
    if _is_at_cdn(acl):
        return _AT_CDN

    def limits(rule_: Node) -> Outcome:
        rate = statement_of(rule_, "rateBasedStatement")
        if rate is None:
            return _NO
        keys = rate.nodes(either(rate, "customKeys"))
        headers = [key.node(either(key, "header")) for key in keys]
        named = {(one.text(either(one, "name")) or "").lower() for one in headers}
        return met(len(keys) == 1 and named <= set(settings.headers) and _stops(rule_))

    return some(all_rules(acl, graph), limits, "no rule limits what one API key may ask for")


class Attempts(Settings):
    """How often one client may try to sign in."""

    max_in_five_minutes: int = Field(default=100, ge=10, le=10_000)


def _attempts(limit: object, window: int = _WINDOW_SECONDS) -> dict[str, object]:
    """A rule that counts sign-ins, for the examples."""
    return _rate(
        aggregateKeyType="IP",
        evaluationWindowSec=window,
        limit=limit,
        scopeDownStatement=_SIGN_IN,
    )


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    requirements=["NET-10"],
    settings=Attempts,
    remediation="""
        Count what comes to the path of sign-ins by itself, with a low limit:

            {"name": "sign-in-attempts", "priority": 1, "action": {"block": {}},
             "statement": {"rate_based_statement": {
                 "aggregate_key_type": "IP", "limit": 20, "evaluation_window_sec": 600,
                 "scope_down_statement": {"byte_match_statement": {
                     "field_to_match": {"uri_path": {}}, "search_string": "/sign-in",
                     "positional_constraint": "STARTS_WITH",
                     "text_transformations": [{"priority": 0, "type": "NORMALIZE_PATH"}]}}}},
             "visibility_config": {...}}
        """,
    passing=[
        _acl(_attempts(20, window=600)),
        _acl(_attempts("100")),
        _acl(_managed(_ACCOUNT_TAKEOVER)),
    ],
    failing=[
        _acl(),
        _acl(_rate(aggregateKeyType="IP", limit=20)),
        _acl(_attempts(2000)),
        _acl(_attempts(100, window=60)),
        _acl({**_attempts(20), "action": _COUNT}),
        _acl(_managed(_ACCOUNT_TAKEOVER, "count")),
        _acl(
            _rate(
                aggregateKeyType="IP",
                limit=20,
                scopeDownStatement={"geoMatchStatement": {"countryCodes": ["XX"]}},
            )
        ),
    ],
)
def waf_sign_in_limit(acl: Subject, settings: Attempts, graph: Graph) -> Outcome:
    """A web ACL blocks who keeps trying to sign in.

    Guessing takes many attempts. A limit for all requests is far too high to notice them, and
    nobody has to act while they are refused.
    """
    if _is_at_cdn(acl):
        return _AT_CDN

    def limits(rule_: Node) -> Outcome:
        if _is_in_force(rule_, _ACCOUNT_TAKEOVER):
            return PASS
        rate = statement_of(rule_, "rateBasedStatement")
        if rate is None:
            return _NO
        limit = rate.number(either(rate, "limit"))
        window = rate.number(either(rate, "evaluationWindowSec")) or _WINDOW_SECONDS
        scope = rate.node(either(rate, "scopeDownStatement")).raw
        most = settings.max_in_five_minutes * window
        return met(
            limit is not None
            and 0 < limit * _WINDOW_SECONDS <= most
            and any(True for _ in inside(scope, "uriPath"))
            and _stops(rule_)
        )

    return some(
        all_rules(acl, graph),
        limits,
        f"no rule blocks a client after {settings.max_in_five_minutes} attempts to sign in within"
        " five minutes",
    )


@rule(
    types=[WEB_ACL],
    severity=Severity.MEDIUM,
    requirements=["SEC-07"],
    remediation="""
        Use AWS's common rules, and refuse a body that they cannot look into; name the paths that
        need longer ones, and check bodies there:

            {"name": "large-body", "priority": 1, "action": {"block": {}},
             "statement": {"size_constraint_statement": {
                 "field_to_match": {"body": {"oversize_handling": "MATCH"}},
                 "comparison_operator": "GT", "size": 8192,
                 "text_transformations": [{"priority": 0, "type": "NONE"}]}},
             "visibility_config": {...}}
        """,
    passing=[
        _acl(_managed(_COMMON)),
        _acl(
            _own(_LARGE),
            _managed(
                _COMMON,
                ruleActionOverrides=[{"name": _BODY_SIZE, "actionToUse": _COUNT}],
            ),
        ),
        _acl(
            _own({"andStatement": {"statements": [_LARGE, {"notStatement": _NO_OPTIONS}]}}),
            _managed(_COMMON, excludedRules=[{"name": _BODY_SIZE}]),
        ),
    ],
    failing=[
        _acl(),
        _acl(_own(_LARGE)),
        _acl(_managed(_COMMON, "count")),
        _acl(_managed(_COMMON, excludedRules=[{"name": _BODY_SIZE}])),
        _acl(
            _own(_LARGE, _COUNT),
            _managed(
                _COMMON,
                ruleActionOverrides=[{"name": _BODY_SIZE, "actionToUse": _COUNT}],
            ),
        ),
        _acl(
            _own(
                {
                    "sizeConstraintStatement": {
                        "comparisonOperator": "GT",
                        "fieldToMatch": {"body": {"oversizeHandling": "CONTINUE"}},
                        "size": 8192,
                    }
                }
            ),
            _managed(
                _COMMON,
                ruleActionOverrides=[{"name": _BODY_SIZE, "actionToUse": _COUNT}],
            ),
        ),
    ],
)
def waf_inspects_bodies(acl: Subject, _: Settings, graph: Graph) -> Outcome:
    """A web ACL judges user input, and refuses what it cannot look into.

    It sees no more than the first bytes of a body: 8 KB at a load balancer. Whoever puts an attack
    behind them walks past every rule, unless a longer body is refused.
    """
    rules = all_rules(acl, graph)

    def judges(rule_: Node) -> Outcome:
        return met(_is_in_force(rule_, _COMMON))

    def refuses_by_group(rule_: Node) -> Outcome:
        if not _is_in_force(rule_, _COMMON):
            return _NO
        managed = managed_group(rule_) or Node({})
        excluded = managed.each(either(managed, "excludedRules"))
        overridden = [
            one
            for one in managed.each(either(managed, "ruleActionOverrides"))
            if not actions_of(one, "actionToUse") <= STOPS
        ]
        return every(
            [*excluded, *overridden], lambda one: met(one.text(either(one, "name")) != _BODY_SIZE)
        )

    def refuses(rule_: Node) -> Outcome:
        if not _stops(rule_):
            return _NO
        sizes = inside(rule_.node(either(rule_, "statement")).raw, "sizeConstraintStatement")
        return met(any(_is_oversize(size) for size in sizes))

    def refuses_somehow(rule_: Node) -> Outcome:
        return some([refuses, refuses_by_group], lambda check: check(rule_))

    return all_of(
        some(rules, judges, f"no rule uses {_COMMON}, and lets it refuse"),
        some(rules, refuses_somehow, "no rule refuses a body that is too long to look into"),
    )


def _is_oversize(size: Value) -> bool:
    """Whether a constraint on size concerns the bodies that are too long to look into."""
    bodies = (Node(body) for body in inside(size, "body"))
    return any(body.text(either(body, "oversizeHandling")) == "MATCH" for body in bodies)


_CLOSED: Final = {"notStatement": {"statement": _INVITED}}


@rule(
    types=[WEB_ACL],
    severity=Severity.LOW,
    requirements=["REL-10", "REL-11"],
    remediation="""
        Keep a rule that matches whoever is not on a list; it blocks during a beta and counts after:

            {"name": "uninvited", "priority": 5, "action": {"block": {}},
             "statement": {"not_statement": {"statement": {
                 "regex_pattern_set_reference_statement": {
                     "arn": invites.arn, "field_to_match": {"single_header": {"name": "x-invite"}},
                     "text_transformations": [{"priority": 0, "type": "NONE"}]}}}},
             "visibility_config": {...}}
        """,
    passing=[
        _acl(_own(_CLOSED)),
        _acl(_own(_CLOSED, _COUNT)),
        _acl(
            _own(
                {
                    "notStatement": {
                        "statement": {
                            "orStatement": {
                                "statements": [
                                    _INVITED,
                                    {"ipSetReferenceStatement": {"arn": "arn:aws:wafv2:x"}},
                                ]
                            }
                        }
                    }
                }
            )
        ),
    ],
    failing=[
        _acl(),
        _acl(_own(_INVITED)),
        _acl(_own(_CLOSED, {"allow": _NO_OPTIONS})),
        _acl(_own({"notStatement": {"statement": _SIGN_IN}})),
    ],
)
def waf_access_switch(acl: Subject, _: Settings, graph: Graph) -> Outcome:
    """A web ACL has a switch that lets in invited clients alone.

    A new product starts with people who were asked. When it opens, the rule stays and only counts:
    should something be wrong, the next change of its action closes the door again.
    """
    if _is_at_cdn(acl):
        return _AT_CDN

    def switches(rule_: Node) -> Outcome:
        statement = rule_.node(either(rule_, "statement")).raw
        lists = [
            one
            for closed in inside(statement, "notStatement")
            for kind in ("regexPatternSetReferenceStatement", "ipSetReferenceStatement")
            for one in inside(closed, kind)
        ]
        return met(lists and actions_of(rule_, "action") <= {*STOPS, "count"})

    return some(
        all_rules(acl, graph), switches, "no rule blocks or counts whoever is not on a list"
    )
