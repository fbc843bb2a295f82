"""The firewalls: what they refuse, what they let through, and what they remember of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import pytest
from pulumi_aws import wafv2

from environments import Environment
from environments.edge import Access, BotControl, Edge
from plan import Graph, Plan
from stacks.firewall_rules import rules_of_api, rules_of_pages
from tests.stacks.aws_models import problems
from tests.stacks.reading import ON_AWS, of_type, only
from tests.stacks.sdk import strangers
from tests.stacks.waf import Request, matches, verdict

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_INVITES: Final = ["^fRkT7pQ2vLx9sWzA$"]
_INVITES_ARN: Final = "arn:aws:wafv2:us-east-1:333333333333:regional/regexpatternset/invites/a1b2"
_PAGE: Final = "https://app.example.com"
_ALL_OPTIONS: Final = {
    "access": Access.INVITED,
    "bot_control": BotControl.TARGETED,
    "anti_ddos": True,
    "allowed_origins": (_PAGE, "https://admin.example.com"),
    "large_body_paths": ("/prove/", "/upload/"),
}


@pytest.fixture(scope="module")
def edge(record_of: RecordOf) -> Edge:
    """What production's edge is told."""
    return record_of("production").edge


def _rules(edge: Edge, **changes: object) -> list[dict[str, Any]]:
    return rules_of_api(edge.model_copy(update=changes), _INVITES_ARN)


def _with_all_options(edge: Edge) -> list[dict[str, Any]]:
    assert edge.sign_in is not None
    sign_in = edge.sign_in.model_copy(update={"account_takeover": True})
    return _rules(edge, **_ALL_OPTIONS, sign_in=sign_in)


def _named(rules: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    (found,) = (one for one in rules if one["name"] == name)
    return found


@pytest.mark.parametrize(
    ("request_", "refused_by"),
    [
        (Request(path="/payments"), ""),
        (Request(headers={"origin": _PAGE}), ""),
        (Request(headers={"origin": _PAGE.upper()}), ""),
        (Request(headers={"origin": "https://elsewhere.example.com"}), "foreign-origin"),
        (Request(headers={"origin": f"{_PAGE}.elsewhere.com"}), "foreign-origin"),
        (Request(headers={"origin": "null"}), "foreign-origin"),
        (Request(method="POST", body=b"x" * 8192), ""),
        (Request(method="POST", body=b"x" * 8193), "large-body"),
        (Request(method="POST", path="/prove/7", body=b"x" * 100_000), ""),
        (Request(method="POST", path="/prove/../pay", body=b"x" * 9000), "large-body"),
        (Request(method="POST", path="/prove/%2e%2e/pay", body=b"x" * 9000), "large-body"),
        (Request(method="POST", path="/proven", body=b"x" * 9000), "large-body"),
    ],
)
def test_a_request_is_refused_for_what_it_is(
    edge: Edge, request_: Request, refused_by: str
) -> None:
    """By the page that it comes from, and by a body that is too long to look into."""
    assert verdict(_rules(edge), request_, _INVITES) == refused_by


@pytest.mark.parametrize(
    ("request_", "refused_by"),
    [
        (Request(), "uninvited"),
        (Request(headers={"x-invite": "guessed"}), "uninvited"),
        (Request(headers={"x-invite": "fRkT7pQ2vLx9sWzA"}), ""),
        (Request(headers={"cookie": "theme=dark; invite=fRkT7pQ2vLx9sWzA"}), ""),
        (Request(headers={"cookie": "theme=fRkT7pQ2vLx9sWzA"}), "uninvited"),
        (Request(method="OPTIONS", headers={"origin": _PAGE}), ""),
        (Request(path="/health"), ""),
        (Request(path="/healthy"), "uninvited"),
    ],
)
def test_a_beta_lets_in_those_who_were_invited(
    edge: Edge, request_: Request, refused_by: str
) -> None:
    """And whoever asks whether the environment is well; a browser asks first without an invite."""
    rules = _rules(edge, access=Access.INVITED)
    assert verdict(rules, request_, _INVITES) == refused_by


def test_nobody_is_invited_before_somebody_is(edge: Edge) -> None:
    """The list starts empty: forgetting to fill it keeps everybody out, and nobody in."""
    rules = _rules(edge, access=Access.INVITED)
    assert verdict(rules, Request(headers={"x-invite": ""}), []) == "uninvited"


def test_access_is_a_switch_of_one_word(edge: Edge) -> None:
    """Between a beta and a launch one action differs, so that it can be set back (REL-11)."""
    invited, open_ = (_rules(edge, access=access) for access in (Access.INVITED, Access.OPEN))
    changed = [
        (one["name"], one["action"], other["action"])
        for one, other in zip(invited, open_, strict=True)
        if one != other
    ]
    block = {"block": {"customResponse": {"responseCode": 403}}}
    assert changed == [("uninvited", block, {"count": {}})]


@pytest.mark.parametrize(
    ("path", "method", "is_counted"),
    [
        ("/sign-in", "POST", True),
        ("/Sign-In/", "POST", True),
        ("//sign-in", "POST", True),
        ("/pay/../sign-in", "POST", True),
        ("/%73ign-in", "POST", True),
        ("/sign-in", "GET", False),
        ("/payments", "POST", False),
    ],
)
def test_a_sign_in_is_counted_however_it_is_written(
    edge: Edge, *, path: str, method: str, is_counted: bool
) -> None:
    """Whoever guesses passwords does not get around the count by another spelling (NET-10)."""
    assert edge.sign_in is not None
    counted = _named(_rules(edge), "sign-in-attempts")["statement"]["rateBasedStatement"]
    assert counted["limit"] == edge.sign_in.attempts_per_ten_minutes
    assert counted["evaluationWindowSec"] == 600
    request = Request(path=path, method=method)
    assert matches(counted["scopeDownStatement"], request) is is_counted


def test_each_key_and_each_address_has_a_limit_of_its_own(edge: Edge) -> None:
    """One key used from a thousand places stops at its limit, as one address does (KEY-05)."""
    assert edge.api_keys is not None
    rules = _rules(edge)
    by_address = _named(rules, "rate-per-address")["statement"]["rateBasedStatement"]
    by_key = _named(rules, "rate-per-api-key")["statement"]["rateBasedStatement"]
    assert (by_address["aggregateKeyType"], by_address["limit"]) == (
        "IP",
        edge.requests_per_five_minutes,
    )
    assert by_key["limit"] == edge.api_keys.requests_per_five_minutes
    assert [one["header"]["name"] for one in by_key["customKeys"]] == ["x-api-key"]


def test_a_product_without_keys_and_sign_in_has_no_rules_for_them(edge: Edge) -> None:
    """They go; the others stay as they are."""
    names = {one["name"] for one in _rules(edge)}
    fewer = {one["name"] for one in _rules(edge, api_keys=None, sign_in=None)}
    assert names - fewer == {"rate-per-api-key", "sign-in-attempts"}


def test_an_option_that_costs_brings_its_group(edge: Edge) -> None:
    """What AWS charges for is there because the environment's file says so, and only then."""

    def groups(rules: Sequence[Mapping[str, Any]]) -> set[str]:
        return {str(one["name"]) for one in rules if "overrideAction" in one}

    assert groups(_with_all_options(edge)) - groups(_rules(edge)) == {
        "AWSManagedRulesATPRuleSet",
        "AWSManagedRulesAntiDDoSRuleSet",
        "AWSManagedRulesBotControlRuleSet",
    }


# AWS WAF, "AWS Managed Rules rule groups list": each group with the web ACL capacity units it takes
_GROUPS: Final = {
    "AWSManagedRulesATPRuleSet": 50,
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesAntiDDoSRuleSet": 50,
    "AWSManagedRulesBotControlRuleSet": 50,
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesSQLiRuleSet": 200,
}


def test_every_group_is_one_that_aws_keeps(edge: Edge) -> None:
    """By a name of its list; together they stay below the 1500 units that a web ACL has."""
    for rules in (_with_all_options(edge), rules_of_pages(edge)):
        groups = [
            rule["statement"]["managedRuleGroupStatement"]
            for rule in rules
            if "overrideAction" in rule
        ]
        assert {group["vendorName"] for group in groups} == {"AWS"}
        assert sum(_GROUPS[group["name"]] for group in groups) < 1500


def test_programs_with_a_key_are_no_bots(edge: Edge) -> None:
    """Who shows a key is meant to be a program; it is held to the limit of its key."""
    bots = _named(_with_all_options(edge), "AWSManagedRulesBotControlRuleSet")
    scope = bots["statement"]["managedRuleGroupStatement"]["scopeDownStatement"]
    assert matches(scope, Request())
    assert not matches(scope, Request(headers={"x-api-key": "k"}))


def _as_aws_reads_it(value: object) -> object:
    """Rules as AWS's own interface spells them."""
    if isinstance(value, list):
        return [_as_aws_reads_it(item) for item in cast("list[object]", value)]
    if isinstance(value, Mapping):
        spelled = {
            _SPELLED.get(key, key[0].upper() + key[1:]): _as_aws_reads_it(item)
            for key, item in cast("Mapping[str, object]", value).items()
        }
        for only_one in spelled.keys() & {"MatchPattern"}:
            (spelled[only_one],) = cast("list[object]", spelled[only_one])
        return spelled
    return value


_SPELLED: Final = {
    "arn": "ARN",
    "awsManagedRulesAntiDdosRuleSet": "AWSManagedRulesAntiDDoSRuleSet",
    "awsManagedRulesAtpRuleSet": "AWSManagedRulesATPRuleSet",
    "awsManagedRulesBotControlRuleSet": "AWSManagedRulesBotControlRuleSet",
    "matchPatterns": "MatchPattern",
    "cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled",
}


def test_every_rule_is_one_that_aws_takes(edge: Edge) -> None:
    """Held against AWS's model of it, with all options on: names, kinds, bounds and enums."""
    rules = [*_rules(edge), *_with_all_options(edge), *rules_of_pages(edge)]
    for rule in rules:
        assert not problems("wafv2", "Rule", _as_aws_reads_it(rule))


def _depth(statement: object) -> int:
    """How many statements stand inside each other."""
    if isinstance(statement, list):
        return max(map(_depth, cast("list[object]", statement)), default=0)
    if not isinstance(statement, Mapping):
        return 0
    nested = cast("Mapping[str, object]", statement)
    own = sum(key in {"andStatement", "orStatement", "notStatement"} for key in nested)
    return own + max(map(_depth, nested.values()), default=0)


def test_no_statement_nests_deeper_than_the_provider_reads(edge: Edge) -> None:
    """The provider knows three levels; a deeper one it would drop without a word."""
    assert max(_depth(rule["statement"]) for rule in _with_all_options(edge)) == 3


@pytest.mark.parametrize("name", ON_AWS)
def test_each_endpoint_has_its_own_firewall(name: str, plan_of: PlanOf) -> None:
    """One at the load balancer, in its region; one at the CDN, where AWS looks for it."""
    plan = plan_of(name)
    graph = Graph(plan)
    acls = {acl.text("scope"): acl for acl in of_type(plan, "wafv2/webAcl")}
    assert acls.keys() == {"REGIONAL", "CLOUDFRONT"}
    association = only(plan, "wafv2/webAclAssociation")
    (balancer,) = graph.references(association.resource, "resourceArn")
    assert balancer.type == "aws:lb/loadBalancer:LoadBalancer"
    assert graph.references(association.resource, "webAclArn") == (acls["REGIONAL"].resource,)
    for distribution in of_type(plan, "cloudfront/distribution"):
        found = graph.references(distribution.resource, "webAclId")
        assert found == (acls["CLOUDFRONT"].resource,)


@pytest.mark.parametrize("name", ON_AWS)
def test_no_rule_that_aws_keeps_is_merely_counted(name: str, plan_of: PlanOf) -> None:
    """But the one about sizes of bodies, which a rule with exceptions stands for."""
    for acl in of_type(plan_of(name), "wafv2/webAcl"):
        for rule in acl.nodes("rules"):
            managed = rule.node("statement").node("managedRuleGroupStatement")
            overridden = [one.text("name") for one in managed.nodes("ruleActionOverrides")]
            if managed.names():
                assert rule.node("overrideAction").names() == ["none"]
            assert overridden in ([], ["SizeRestrictions_BODY"])


@pytest.mark.parametrize("name", ON_AWS)
def test_a_log_keeps_no_credential(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """Neither as a header nor as what a rule counted by; nor does a sample."""
    plan, keys = plan_of(name), record_of(name).edge.api_keys
    for acl in of_type(plan, "wafv2/webAcl"):
        protected = {
            header: (one.text("action"), one.flag("excludeRateBasedDetails"))
            for one in acl.node("dataProtectionConfig").nodes("dataProtections")
            for header in one.node("field").texts("fieldKeys")
        }
        assert protected == {
            "authorization": ("SUBSTITUTION", False),
            "cookie": ("SUBSTITUTION", False),
            "x-invite": ("SUBSTITUTION", False),
            keys.header if keys else "": ("HASH", False),
        }
        for part in (acl, *acl.nodes("rules")):
            assert not part.node("visibilityConfig").flag("sampledRequestsEnabled")
            assert part.node("visibilityConfig").flag("cloudwatchMetricsEnabled")
    for logging in of_type(plan, "wafv2/webAclLoggingConfiguration"):
        (group,) = Graph(plan).references(logging.resource, "logDestinationConfigs")
        assert str(group.inputs["name"]).startswith("aws-waf-logs-")
        assert group.inputs["retentionInDays"] == 90
        withheld = {
            one.node("singleHeader").text("name") for one in logging.nodes("redactedFields")
        }
        assert withheld == {"authorization", "cookie", "x-invite"}


@pytest.mark.parametrize("name", ON_AWS)
def test_invites_stand_in_no_plan(name: str, plan_of: PlanOf) -> None:
    """Operations admit people while it runs: an update leaves their list alone."""
    invites = only(plan_of(name), "wafv2/regexPatternSet", "invites")
    assert invites.resource.inputs["regularExpressions"] == []
    assert invites.options.ignore_changes == ("regularExpressions",)


def test_the_sdk_knows_every_option(edge: Edge) -> None:
    """Those that no environment of the project has on, too."""
    assert list(strangers({"rules": _with_all_options(edge)}, wafv2.WebAclArgs)) == []
