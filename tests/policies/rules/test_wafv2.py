"""Rules for firewalls, where their examples do not reach."""

from plan.values import UNKNOWN
from policies.registry import Given
from policies.rules import wafv2
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says

_EMPTY: dict[str, object] = {}
_KNOWN_BAD = "AWSManagedRulesKnownBadInputsRuleSet"


def _acl(*rules: object) -> Given:
    return Given(wafv2.WEB_ACL, "edge", {"rules": list(rules)})


def _known_bad(override: str, *counted: str) -> dict[str, object]:
    overrides = [{"name": name, "actionToUse": {"count": _EMPTY}} for name in counted]
    group = {"name": _KNOWN_BAD, "vendorName": "AWS", "ruleActionOverrides": overrides}
    return {
        "overrideAction": {override: _EMPTY},
        "statement": {"managedRuleGroupStatement": group},
    }


def _limit(limit: int) -> dict[str, object]:
    return {"action": {"block": _EMPTY}, "statement": {"rateBasedStatement": {"limit": limit}}}


def test_only_the_named_rules_of_a_managed_group_may_count() -> None:
    """A rule that raises false alarms can be excused, by its name."""
    excused = wafv2.BadInputs(counted=("Host_Localhost",))
    rule = "waf-known-bad-inputs"
    assert says(rule, _acl(_known_bad("none", "Host_Localhost")), settings=excused) == PASS
    assert says(rule, _acl(_known_bad("none", "Log4JRCE_BODY")), settings=excused) == FAIL
    assert says(rule, _acl(_known_bad("none", "Host_Localhost"))) == FAIL


def test_an_unknown_rule_of_a_firewall_leaves_open_what_it_holds() -> None:
    """It may be the rule that is looked for, unless a known one is."""
    for rule in ("waf-known-bad-inputs", "waf-rate-limit"):
        assert says(rule, _acl(UNKNOWN)) == UNDECIDED
        assert says(rule, _acl(UNKNOWN, _known_bad("none"), _limit(100))) == PASS


def test_the_cap_on_requests_is_a_setting() -> None:
    """Load differs; what may not be is a limit above the cap."""
    cap = wafv2.RequestRate(max_requests_in_five_minutes=100)
    assert says("waf-rate-limit", _acl(_limit(100)), settings=cap) == PASS
    assert says("waf-rate-limit", _acl(_limit(101)), settings=cap) == FAIL


def test_a_rule_group_from_elsewhere_leaves_the_limit_open() -> None:
    """Its rules are not in this plan, and it may have one that limits."""
    arn = "arn:aws:wafv2:eu-central-1:123456789012:regional/rulegroup/limits/a1b2c3"
    uses = {
        "overrideAction": {"none": _EMPTY},
        "statement": {"ruleGroupReferenceStatement": {"arn": arn}},
    }
    assert says("waf-rate-limit", _acl(uses)) == UNDECIDED
    assert says("waf-rate-limit", _acl({**uses, "overrideAction": {"count": _EMPTY}})) == FAIL


def test_what_a_firewall_leaves_unmeasured_is_named() -> None:
    """The message names the rule, whichever way the firewall's rules are written."""
    shown = {"cloudwatchMetricsEnabled": True}
    inputs = {"visibilityConfig": shown, "rules": [{"name": "geo", "visibilityConfig": _EMPTY}]}
    found = messages("waf-metrics", Given(wafv2.WEB_ACL, "edge", inputs))
    assert found == ["geo publishes no metrics"]
    assert messages("waf-metrics", Given(wafv2.WEB_ACL, "edge")) == ["edge publishes no metrics"]


def test_what_is_wrong_with_a_distribution_is_told_apart() -> None:
    """Each message says which part of the rule it is about."""
    found = messages(
        "cloudfront-tls-waf-logs", Given("aws:cloudfront/distribution:Distribution", "app")
    )
    assert [message.partition(":")[0] for message in found] == ["TLS", "TLS", "web ACL", "log"]
