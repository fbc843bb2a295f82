"""The alarms that guard a cutover: those that the stack makes, by their names."""

from collections.abc import Callable

import pytest

from environments import load
from plan import Plan
from scripts.cutover.judgement.observations import Alarm
from scripts.cutover.watch.alarms import emergency_alarms, guards, raised
from tests.conftest import PROJECT
from tests.stacks.reading import of_type


def test_every_guard_is_an_alarm_of_the_stack(plan_of: Callable[[str], Plan]) -> None:
    """A name that nothing has would hold each cutover at its start."""
    environment, plan = load("production", PROJECT), plan_of("production")
    made = {
        alarm.text("name") or alarm.text("alarmName")
        for kind in ("metricAlarm", "compositeAlarm")
        for alarm in of_type(plan, f"cloudwatch/{kind}")
    }
    wanted = guards(environment, environment.services) | emergency_alarms(environment)
    assert wanted <= made
    assert {
        "production-api-rollout",
        "production-api-critical",
        "production-prover-critical",
        "production-database-corrupt",
        "production-data-corrupt",
        "production-intrusion",
    } <= wanted


def test_an_environment_without_alarms_has_no_guards() -> None:
    """The standards want none in integration."""
    environment = load("integration", PROJECT)
    assert not guards(environment, environment.services)
    assert not emergency_alarms(environment)


@pytest.mark.parametrize(
    ("alarm", "what"),
    [
        ("production-database-corrupt", "data corruption"),
        ("production-data-corrupt", "data corruption"),
        ("production-intrusion", "a security breach"),
    ],
)
def test_only_an_alarm_that_fires_is_an_emergency(alarm: str, what: str) -> None:
    """One without data is not."""
    environment = load("production", PROJECT)
    assert alarm in emergency_alarms(environment)
    assert raised(environment, {alarm: Alarm.ALARM}) == (f"{what} (alarm {alarm})",)
    for state in (Alarm.OK, Alarm.UNKNOWN):
        assert not raised(environment, {alarm: state})
    assert not raised(environment, {})
