"""The alarms that guard a cutover: those that the stack makes, by their names."""

from collections.abc import Callable

import pytest

from environments import load
from plan import Plan
from scripts.cutover.observations import Alarm
from scripts.cutover.watch.alarms import emergency_alarms, guards, raised
from tests.conftest import PROJECT
from tests.stacks.reading import of_type


@pytest.mark.parametrize("name", ["production", "integration"])
def test_every_guard_is_an_alarm_of_the_stack(name: str, plan_of: Callable[[str], Plan]) -> None:
    """A name that nothing has would hold each cutover at its start."""
    environment, plan = load(name, PROJECT), plan_of(name)
    made = {
        alarm.text("name") or alarm.text("alarmName")
        for kind in ("metricAlarm", "compositeAlarm")
        for alarm in of_type(plan, f"cloudwatch/{kind}")
    }
    wanted = guards(environment, environment.services) | emergency_alarms(environment)
    assert wanted <= made
    if environment.must("ROLL-07"):
        assert f"{name}-api-rollout" in wanted
        assert f"{name}-api-critical" in wanted
        assert f"{name}-database-corrupt" in wanted


def test_only_an_alarm_that_fires_is_an_emergency() -> None:
    """One without data is not."""
    environment = load("production", PROJECT)
    (name,) = emergency_alarms(environment)
    assert raised(environment, {name: Alarm.ALARM}) == (f"data corruption (alarm {name})",)
    for state in (Alarm.OK, Alarm.UNKNOWN):
        assert not raised(environment, {name: state})
    assert not raised(environment, {})
