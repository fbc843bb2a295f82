"""The configuration of the pack: each rule's settings, and clear errors for what is none."""

from typing import Any

import pytest

from policies.configuration import RuleSettingsError, names_of, settings_by_rule
from policies.registry import rules
from policies.rules.cloudwatch import AuditLogs
from policies.settings import Settings
from standards import Tier, figure

RULES = [rules()["audit-log-retention"], rules()["rds-encrypted"]]


def test_settings_start_from_the_standards_figures() -> None:
    """Without a configuration a rule asks for what the standard says."""
    settings = settings_by_rule(RULES, Tier.STAGING)
    retention = settings["audit-log-retention"]
    assert isinstance(retention, AuditLogs)
    assert retention.min_days == figure("LOG-04", "retention_days").days
    assert {each.tier for each in settings.values()} == {Tier.STAGING}


def test_a_configuration_changes_one_rule() -> None:
    """Keys are camelCase, as in every file of Pulumi."""
    settings = settings_by_rule(RULES, Tier.STAGING, {"audit-log-retention": {"minDays": 400}})
    retention = settings["audit-log-retention"]
    assert isinstance(retention, AuditLogs)
    assert retention.min_days == 400
    assert retention.tier is Tier.STAGING
    assert type(settings["rds-encrypted"]) is Settings


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"audit-log": {}}, "audit-log: there is no such rule; closest: audit-log-retention"),
        ({"x": {}}, "x: there is no such rule"),
        (
            {"audit-log-retention": {"days": 400}},
            "audit-log-retention.days: there is no such setting; there is: minDays",
        ),
        ({"rds-encrypted": {"key": "a"}}, "there is no such setting; there is: none"),
        ({"rds-encrypted": {"tier": "development"}}, "rds-encrypted.tier: there is no such"),
        (
            {"audit-log-retention": {"minDays": 30}},
            "audit-log-retention.minDays: Input should be greater than or equal to 365, not 30",
        ),
        (
            {"audit-log-retention": {"minDays": "long"}},
            "audit-log-retention.minDays: Input should be a valid integ",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(
    configuration: dict[str, dict[str, Any]], expected: str
) -> None:
    """An error names rule and setting; a standard's figure cannot be undercut."""
    with pytest.raises(RuleSettingsError) as caught:
        settings_by_rule(RULES, Tier.STAGING, configuration)
    said = str(caught.value)
    assert expected in said
    assert said == expected or not expected.endswith("no such rule")


def test_every_problem_is_said_at_once() -> None:
    """Whoever corrects the configuration corrects it once."""
    wrong = {"nothing": {}, "audit-log-retention": {"minDays": 1, "speed": 2}}
    with pytest.raises(RuleSettingsError) as caught:
        settings_by_rule(RULES, Tier.STAGING, wrong)
    assert str(caught.value).splitlines() == [
        "nothing: there is no such rule",
        "audit-log-retention.speed: there is no such setting; there is: minDays",
        "audit-log-retention.minDays: Input should be greater than or equal to 365, not 1",
    ]


def test_the_closest_names_are_offered() -> None:
    """At most three, for somebody who types one from memory."""
    with pytest.raises(RuleSettingsError) as caught:
        settings_by_rule(rules().values(), Tier.STAGING, {"k8s-no-host": {}})
    named = str(caught.value).removeprefix("k8s-no-host: there is no such rule; closest: ")
    found = named.split(", ")
    assert len(found) == 3
    assert set(found) <= set(rules())


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    """The path to what is wrong has a point between its parts."""
    with pytest.raises(RuleSettingsError) as caught:
        settings_by_rule(
            rules().values(), Tier.STAGING, {"k8s-image-pinned": {"registries": ["a", 7]}}
        )
    assert str(caught.value).startswith("k8s-image-pinned.registries.1: ")


def test_names_are_those_of_a_file() -> None:
    """What a configuration may say is camelCase and leaves the tier out."""
    assert names_of(rules()["sg-authorized-public-ports"].settings) == ["httpPort", "httpsPort"]
