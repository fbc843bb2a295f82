"""The comment says what goes, what changes and what comes, and what the policies say of it."""

from dataclasses import replace

from plan import Plan, Resource, Value
from plan.difference import difference
from policies.configuration import settings_by_rule
from policies.judgement import Finding, judge
from policies.registry import rules
from preview.reports.difference import markdown
from standards import Tier
from tests.preview.plans import ALARM, NETWORK, PROVIDER, STACK, SUBNET, VPC, resource


def plan(*resources: Resource) -> Plan:
    """A plan of these, below a network."""
    every = (STACK, PROVIDER, NETWORK, *resources)
    return Plan(project="slipway", stack="production", resources=every)


def findings(of: Plan) -> list[Finding]:
    """What the rules say of a plan as production's."""
    pack = rules().values()
    return list(judge(of, pack, settings_by_rule(pack, Tier.PRODUCTION)).findings)


def comment(before: Plan, after: Plan) -> list[str]:
    """The lines of the comment."""
    found = difference(before, after)
    return markdown("production", found, findings(after), findings(before)).splitlines()


def alarm(**inputs: Value) -> Resource:
    """An alarm with these inputs."""
    return resource(ALARM, "cpu", inputs)


def test_what_goes_comes_first_and_says_when_it_is_held() -> None:
    """A removal cannot be taken back; of one that is protected the update will fail."""
    lines = comment(
        plan(resource(VPC, "old", protect=True), resource(SUBNET, "a")),
        plan(resource(SUBNET, "a"), resource(SUBNET, "b")),
    )
    assert lines[0] == "### production: 1 added, 1 removed"
    assert lines[4] == f"| - | `{VPC}` **old** | protected: the update will fail |"
    assert lines[5] == f"| + | `{SUBNET}` **b** | |"


def test_of_long_texts_only_what_differs_is_told() -> None:
    """A table of a pull request has no room for a whole description."""
    text = "CPU of the instances stayed above 70 % for 10 minutes on all"
    (line,) = [
        line
        for line in comment(
            plan(alarm(alarmDescription=f"{text} sides", threshold=70)),
            plan(alarm(alarmDescription=f"{text} days", threshold=80)),
        )
        if line.startswith("| ~")
    ]
    assert "`alarmDescription`: `…utes on all sides` → `…utes on all days`" in line
    assert "<br>`threshold`: `70` → `80`" in line


def test_what_would_break_the_table_is_taken_out() -> None:
    """Names and values come from the program, and may hold anything."""
    (line,) = [
        line for line in comment(plan(), plan(resource(VPC, "a|b`c\nd"))) if line.startswith("| +")
    ]
    assert line == f"| + | `{VPC}` **a b c d** | |"


def test_more_than_a_table_holds_is_counted() -> None:
    """As many as are told, and how many are not."""
    many = [resource(SUBNET, f"s{number:03}") for number in range(75)]
    lines = comment(plan(), plan(*many))
    assert lines[0] == "### production: 75 added"
    assert "| | and 15 more | |" in lines


def test_a_finding_that_was_there_before_is_not_new() -> None:
    """New ones are listed; old ones only while they stop the update."""
    open_to_all = resource(SUBNET, "a", {"mapPublicIpOnLaunch": True})
    found = findings(plan(open_to_all))
    assert found
    told = "\n".join(comment(plan(), plan(open_to_all)))
    assert f"Findings: {len(found)}" in told
    assert "new: `" in told
    again = "\n".join(comment(plan(open_to_all), plan(open_to_all)))
    assert "0 new." in again
    assert "new: `" not in again
    assert "### production: the same resources" in again


def test_a_resource_that_stays_in_the_cloud_says_so() -> None:
    """It leaves the stack alone."""
    kept = resource(VPC, "old")
    kept = replace(kept, options=replace(kept.options, retain_on_delete=True))
    assert "stays in the cloud" in "\n".join(comment(plan(kept), plan()))
