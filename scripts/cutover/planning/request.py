"""A cutover as it was decided: all that it takes to carry it out, or to go on with it elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final, cast

from pydantic import TypeAdapter, ValidationError

from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.plan import CutoverPlan, plan
from scripts.cutover.planning.steps import Moved, Settings, Step
from scripts.exits import CommandError, ExitCode
from scripts.runs.canonical import Json
from standards import Tier


class RequestError(CommandError):
    """What is asked for cannot be a cutover."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Releases:
    """What one service runs before a cutover and after it, by digest or by release name."""

    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Cutover:
    """What is moved, from where to where, and how it is judged.

    All of it stands in the journal: whoever resumes it goes on with the same.
    """

    environment: str
    tier: Tier
    services: tuple[Moved, ...]
    releases: Mapping[str, Releases]
    settings: Settings
    alarms: frozenset[str] = frozenset()
    """The alarms that guard it, by name."""
    change: str = "normal"
    """How it was let in: normal, standard or emergency (AUD-02)."""
    database: str = ""
    """The file that declares the change of the database, where there is one."""

    @property
    def target(self) -> str:
        """What is acted on; names the journal and the lease."""
        return f"{self.environment}/cutover"

    @cached_property
    def plan(self) -> CutoverPlan:
        """Its steps.

        Raises:
            PlanError: it cannot be decided, or cannot be taken back in time.
        """
        return plan(self.services, self.tier, self.settings)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The services, in the order in which they are moved."""
        return tuple(dict.fromkeys(step.service for step in self.plan.steps))

    def window(self, service: str) -> tuple[Step, ...]:
        """The steps of `service` that give it weights."""
        return tuple(
            step
            for step in self.plan.steps
            if step.service == service and step.period is Period.WINDOW
        )

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """How many instances of each service's old side carry all its traffic."""
        return {moved.watched.service: moved.instances for moved in self.services}

    @cached_property
    def inputs(self) -> Mapping[str, Json]:
        """It, as the journal keeps it."""
        return cast("Mapping[str, Json]", _ordered(_ADAPTER.dump_python(self, mode="python")))


def read(inputs: Mapping[str, object]) -> Cutover:
    """The cutover that the journal keeps as `inputs`.

    Raises:
        RequestError: they are none.
    """
    try:
        return _ADAPTER.validate_python(inputs)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestError(f"no plan of a cutover: {place}: {first['msg']}") from None


def _ordered(value: object) -> object:
    """`value` as JSON has it, the same each time: what has no order is sorted."""
    match value:
        case set() | frozenset():
            return sorted(cast("Iterable[str]", value))
        case dict():
            pairs = cast("Mapping[object, object]", value).items()
            return {str(key): _ordered(item) for key, item in pairs}
        case list() | tuple():
            return [_ordered(item) for item in cast("Sequence[object]", value)]
        case Enum():
            return cast("object", value.value)
        case _:
            return value


_ADAPTER: Final = TypeAdapter(Cutover)
