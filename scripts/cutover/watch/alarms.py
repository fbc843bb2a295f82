"""The alarms that guard services while they are moved, and those that are emergencies."""

from collections.abc import Iterable, Mapping
from typing import Final

from environments import Environment
from scripts.cutover.judgement.observations import Alarm

_CORRUPTION: Final = "data corruption"
_EMERGENCIES: Final = {
    "database-corrupt": (_CORRUPTION, "COMP-08"),
    "data-corrupt": (_CORRUPTION, "COMP-08"),
    "intrusion": ("a security breach", "ROLL-09"),
}
"""What is an emergency by ROLL-09, by the alarm that tells of it; what makes the stack have it."""


def guards(environment: Environment, services: Iterable[str]) -> frozenset[str]:
    """The alarms of `services`, as CloudWatch names them: none may fire while they are moved.

    The one of the rollout stands for what rolls back (ROLL-07), and the other for all that is
    critical, which a person decides on (ROLL-10). Warnings are told of where they always are.
    """
    names: set[str] = set()
    for service in services:
        if environment.must("MON-12"):
            names.add(f"{service}-critical")
        if environment.must("ROLL-07") and environment.services[service].is_public:
            names.add(f"{service}-rollout")
    return frozenset(f"{environment.name}-{name}" for name in names)


def emergency_alarms(environment: Environment) -> frozenset[str]:
    """The alarms that are emergencies, of those that the environment has."""
    return frozenset(_emergencies(environment))


def raised(environment: Environment, states: Mapping[str, Alarm]) -> tuple[str, ...]:
    """The emergencies whose alarm fires."""
    return tuple(
        f"{what} (alarm {alarm})"
        for alarm, what in _emergencies(environment).items()
        if states.get(alarm) is Alarm.ALARM
    )


def _emergencies(environment: Environment) -> dict[str, str]:
    return {
        f"{environment.name}-{name}": what
        for name, (what, requirement) in _EMERGENCIES.items()
        if environment.must(requirement)
    }
