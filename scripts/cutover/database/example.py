"""What steps a database change has in each tier: an example of each class, acting on nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from scripts.cutover.database.around import DatabaseSteps, database_steps
from scripts.cutover.database.change import Change
from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.planned import Planned
from scripts.cutover.database.rds import RdsCopies
from scripts.cutover.database.rehearsal import rehearsal
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from scripts.runs.steps import Plan, Step
from standards import Tier, requirement

_CLASSES: Final[tuple[dict[str, Any], ...]] = (
    {"class": "breaking", "contract": "c"},
    {"class": "data"},
    {"class": "breaking", "loses": {"tables": ["t"], "atMostRows": 0, "why": "an example"}},
)


def example(tier: Tier) -> Plan[Any]:
    """The steps that a cutover in an environment of `tier` has with changes of each class."""
    steps: dict[str, Step[Any]] = {}
    for stage in _stages(tier):
        made: DatabaseSteps[Any] = database_steps(stage)
        steps |= _named([*made.before, *made.after, *made.back])
    return _plan("cutover run", steps)


def rehearsed(tier: Tier) -> Plan[Any] | None:
    """The steps of their rehearsals; in production there are none."""
    if tier is Tier.PRODUCTION:
        return None
    steps: dict[str, Step[Any]] = {}
    for stage in _stages(tier):
        steps |= _named([*rehearsal(stage, tier.value).steps])
    return _plan("cutover database rehearse", steps)


def _plan(command: str, steps: dict[str, Step[Any]]) -> Plan[Any]:
    return Plan(target="example/database", command=command, inputs={}, steps=list(steps.values()))


def _stages(tier: Tier) -> Iterator[Stage]:
    empty = Sql("example.sql", "")
    nothing: Any = None  # is neither read nor acted on
    for kind in _CLASSES:
        change = Change.model_validate(
            {"name": "example", "from": "a", "to": "b", "migrations": {"config": ""}, **kind}
        )
        planned = Planned(change, empty, empty, empty)
        yield Stage(
            change=change,
            print_sql=lambda planned=planned: planned,
            schema=Schema(nothing),
            copies=RdsCopies(nothing, "example"),
            backs_up=tier in requirement("BAK-04").environments,
        )


def _named(steps: list[Step[Any]]) -> dict[str, Step[Any]]:
    """The steps by their ids, without what marks the very change."""
    names = (step.id.rpartition("-")[0] for step in steps)
    return {name: replace(step, id=name) for name, step in zip(names, steps, strict=True)}
