"""An intruder is an alarm, so that whoever releases sees it and goes back."""

import json
from collections.abc import Callable

from plan import Plan
from tests.stacks.reading import of_type, only


def test_a_high_finding_is_a_critical_alarm(plan_of: Callable[[str], Plan]) -> None:
    """One match of the rule is enough (ROLL-09); the alarm counts the very rule's."""
    plan = plan_of("production")
    rule = only(plan, "cloudwatch/eventRule", "intrusions")
    pattern = json.loads(rule.text("eventPattern") or "")
    assert pattern["source"] == ["aws.guardduty"]
    assert pattern["detail"]["severity"] == [{"numeric": [">=", 7]}]
    alarm = only(plan, "cloudwatch/metricAlarm", "intrusion")
    assert alarm.text("metricName") == "TriggeredRules"
    assert alarm.node("dimensions").text("RuleName") == rule.text("name")
    assert alarm.number("threshold") == 0
    (topic,) = alarm.resource.property_dependencies["alarmActions"]
    assert topic.endswith("::critical")


def test_where_nothing_starts_a_rollback_at_once_there_is_none(
    plan_of: Callable[[str], Plan],
) -> None:
    """ROLL-09 is production's."""
    rules = {rule.name for rule in of_type(plan_of("staging"), "cloudwatch/eventRule")}
    assert "intrusions" not in rules
