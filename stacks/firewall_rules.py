"""What a web application firewall judges by: its rules, as AWS WAF reads them.

They are plain data: the SDK's classes for them take longer to import than all rules to make.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pulumi import Input

from environments.edge import Access, ApiKeys, BotControl, Edge, SignIn

Rule: TypeAlias = dict[str, Any]
Statement: TypeAlias = dict[str, Any]

INVITE_HEADER: Final = "x-invite"
INVITE_COOKIE: Final = "invite"
"""Where a client shows the invite that an operator gave it."""

_TOO_MANY_REQUESTS: Final = 429
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_WINDOW_SECONDS: Final = 300
_SIGN_IN_WINDOW_SECONDS: Final = 600  # the longest that AWS counts over
_INSPECTED_BYTES: Final = 8192  # of a body, at a load balancer; AWS's limit

_AS_SENT: Final = [{"priority": 0, "type": "NONE"}]
_PLAIN_PATH: Final = [
    {"priority": 0, "type": "URL_DECODE"},
    {"priority": 1, "type": "NORMALIZE_PATH"},
    {"priority": 2, "type": "LOWERCASE"},
]
"""What makes `//Sign-In` and `/a/../sign-in` the path that they lead to."""


def rules_of_api(edge: Edge, invites_arn: Input[str]) -> list[Rule]:
    """What judges a request to the load balancer, in this order."""
    return _numbered(
        [
            _rate_per_address(edge.requests_per_five_minutes),
            *_rate_per_key(edge.api_keys),
            *_sign_in_attempts(edge.sign_in),
            _foreign_origin(edge.allowed_origins),
            _large_body(edge.large_body_paths),
            *_uninvited(edge, invites_arn),
            _managed("AWSManagedRulesAmazonIpReputationList"),
            *_anti_ddos(edge),
            # Its own rule about sizes knows no paths: the one above stands for it.
            _managed("AWSManagedRulesCommonRuleSet", counted=["SizeRestrictions_BODY"]),
            _managed("AWSManagedRulesKnownBadInputsRuleSet"),
            _managed("AWSManagedRulesSQLiRuleSet"),
            *_account_takeover(edge.sign_in),
            *_bots(edge),
        ]
    )


def rules_of_pages(edge: Edge) -> list[Rule]:
    """What judges a request for a file at the CDN."""
    return _numbered(
        [
            _rate_per_address(edge.requests_per_five_minutes),
            _managed("AWSManagedRulesAmazonIpReputationList"),
            _managed("AWSManagedRulesCommonRuleSet"),
            _managed("AWSManagedRulesKnownBadInputsRuleSet"),
        ]
    )


def visible(metric: str) -> Mapping[str, Any]:
    """How a rule or a whole firewall shows what it did."""
    return {
        "metricName": metric,
        "cloudwatchMetricsEnabled": True,
        "sampledRequestsEnabled": False,  # a sample would keep the credentials
    }


def _numbered(rules: Sequence[Rule]) -> list[Rule]:
    return [
        {**rule, "priority": priority, "visibilityConfig": visible(rule["name"])}
        for priority, rule in enumerate(rules)
    ]


def _rate_per_address(limit: int) -> Rule:
    """Refuse an address that asks for more than its share (NET-09)."""
    return _refusing(
        "rate-per-address",
        _TOO_MANY_REQUESTS,
        {
            "rateBasedStatement": {
                "aggregateKeyType": "IP",
                "evaluationWindowSec": _WINDOW_SECONDS,
                "limit": limit,
            }
        },
    )


def _rate_per_key(api_keys: ApiKeys | None) -> Iterator[Rule]:
    """Refuse an API key that asks for more than its share; who has none counts by address alone.

    It counts what stands in the header, before anybody knows whether that is a key (KEY-05).
    """
    if api_keys is not None:
        yield _refusing(
            "rate-per-api-key",
            _TOO_MANY_REQUESTS,
            {
                "rateBasedStatement": {
                    "aggregateKeyType": "CUSTOM_KEYS",
                    "customKeys": [
                        {"header": {"name": api_keys.header, "textTransformations": _AS_SENT}}
                    ],
                    "evaluationWindowSec": _WINDOW_SECONDS,
                    "limit": api_keys.requests_per_five_minutes,
                }
            },
        )


def _sign_in_attempts(sign_in: SignIn | None) -> Iterator[Rule]:
    """Refuse an address that keeps trying to sign in, until it has calmed down (NET-10).

    A firewall at a load balancer does not see answers, so it counts attempts, failed or not; people
    who know their password need few.
    """
    if sign_in is not None:
        yield _refusing(
            "sign-in-attempts",
            _TOO_MANY_REQUESTS,
            {
                "rateBasedStatement": {
                    "aggregateKeyType": "IP",
                    "evaluationWindowSec": _SIGN_IN_WINDOW_SECONDS,
                    "limit": sign_in.attempts_per_ten_minutes,
                    "scopeDownStatement": _all(
                        _method("POST"),
                        _path(sign_in.path.lower(), "STARTS_WITH"),
                    ),
                }
            },
        )


def _foreign_origin(allowed: Sequence[str]) -> Rule:
    """Refuse what a page from elsewhere calls (NET-08); what is no browser names no origin."""
    origin = {"singleHeader": {"name": "origin"}}
    return _refusing(
        "foreign-origin",
        _FORBIDDEN,
        _all(
            _longer(origin, 0),
            _none([_bytes(one, origin, "EXACTLY", lowered=True) for one in allowed]),
        ),
    )


def _large_body(paths: Sequence[str]) -> Rule:
    """Refuse a body that is too long to look into, where nobody said it may be (SEC-07)."""
    large = _longer({"body": {"oversizeHandling": "MATCH"}}, _INSPECTED_BYTES)
    exempt = [_path(path.lower(), "STARTS_WITH") for path in paths]
    return _refusing("large-body", _TOO_LARGE, _all(large, _none(exempt)) if exempt else large)


def _uninvited(edge: Edge, invites_arn: Input[str]) -> Iterator[Rule]:
    """Refuse who shows no invite; with the switch on open, only count (REL-10, REL-11).

    A browser's preliminary question carries no invite, and Route 53 has none.
    """
    invites = [
        {"singleHeader": {"name": INVITE_HEADER}},
        {
            "cookies": {
                "matchPatterns": [{"includedCookies": [INVITE_COOKIE]}],
                "matchScope": "VALUE",
                "oversizeHandling": "NO_MATCH",
            }
        },
    ]
    shown = [
        {
            "regexPatternSetReferenceStatement": {
                "arn": invites_arn,
                "fieldToMatch": field,
                "textTransformations": _AS_SENT,
            }
        }
        for field in invites
    ]
    uninvited = _none([*shown, _method("OPTIONS"), _path(edge.health_path.lower(), "EXACTLY")])
    match edge.access:
        case Access.INVITED:
            yield _refusing("uninvited", _FORBIDDEN, uninvited)
        case Access.OPEN:
            yield {"name": "uninvited", "action": {"count": {}}, "statement": uninvited}


def _anti_ddos(edge: Edge) -> Iterator[Rule]:
    if edge.anti_ddos:
        challenge = {"challenge": {"usageOfAction": "ENABLED"}}
        yield _managed(
            "AWSManagedRulesAntiDDoSRuleSet",
            config={"awsManagedRulesAntiDdosRuleSet": {"clientSideActionConfig": challenge}},
        )


def _account_takeover(sign_in: SignIn | None) -> Iterator[Rule]:
    if sign_in is not None and sign_in.account_takeover:
        yield _managed(
            "AWSManagedRulesATPRuleSet",
            config={
                "awsManagedRulesAtpRuleSet": {
                    "loginPath": sign_in.path,
                    "requestInspection": {
                        "payloadType": "JSON",
                        "usernameField": {"identifier": sign_in.username_field},
                        "passwordField": {"identifier": sign_in.password_field},
                    },
                }
            },
        )


def _bots(edge: Edge) -> Iterator[Rule]:
    """Look at clients that are programs; one with an API key is meant to be one."""
    if edge.bot_control is not BotControl.OFF:
        level = {"inspectionLevel": edge.bot_control.upper()}
        keys = edge.api_keys
        yield _managed(
            "AWSManagedRulesBotControlRuleSet",
            config={"awsManagedRulesBotControlRuleSet": level},
            scope=_none([_longer({"singleHeader": {"name": keys.header}}, 0)]) if keys else None,
        )


def _managed(
    group: str,
    *,
    counted: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    scope: Statement | None = None,
) -> Rule:
    """A group of rules that AWS keeps, of which `counted` do not refuse."""
    statement: Statement = {"name": group, "vendorName": "AWS"}
    if counted:
        statement["ruleActionOverrides"] = [
            {"name": name, "actionToUse": {"count": {}}} for name in counted
        ]
    if config:
        statement["managedRuleGroupConfigs"] = [config]
    if scope:
        statement["scopeDownStatement"] = scope
    return {
        "name": group,
        "overrideAction": {"none": {}},
        "statement": {"managedRuleGroupStatement": statement},
    }


def _refusing(name: str, status: int, statement: Statement) -> Rule:
    return {
        "name": name,
        "action": {"block": {"customResponse": {"responseCode": status}}},
        "statement": statement,
    }


def _all(*statements: Statement) -> Statement:
    return {"andStatement": {"statements": list(statements)}}


def _none(statements: Sequence[Statement]) -> Statement:
    """No statement of these; AWS takes an `or` of two at least."""
    one = statements[0] if len(statements) == 1 else {"orStatement": {"statements": statements}}
    return {"notStatement": {"statement": one}}


def _longer(field: Mapping[str, Any], size: int) -> Statement:
    return {
        "sizeConstraintStatement": {
            "comparisonOperator": "GT",
            "fieldToMatch": field,
            "size": size,
            "textTransformations": _AS_SENT,
        }
    }


def _method(method: str) -> Statement:
    return _bytes(method, {"method": {}}, "EXACTLY")


def _path(path: str, how: str) -> Statement:
    return {
        "byteMatchStatement": {
            "fieldToMatch": {"uriPath": {}},
            "positionalConstraint": how,
            "searchString": path,
            "textTransformations": _PLAIN_PATH,
        }
    }


def _bytes(text: str, field: Mapping[str, Any], how: str, *, lowered: bool = False) -> Statement:
    return {
        "byteMatchStatement": {
            "fieldToMatch": field,
            "positionalConstraint": how,
            "searchString": text,
            "textTransformations": [{"priority": 0, "type": "LOWERCASE"}] if lowered else _AS_SENT,
        }
    }
