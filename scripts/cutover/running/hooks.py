"""What others plug into a cutover: smoke tests, the steps of a database change, the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from environments.published import Published
from scripts.cutover.judgement.decisions import Decision
from scripts.cutover.running.stand import Stand
from scripts.runs.canonical import Json
from scripts.runs.journal import Entry
from scripts.runs.steps import Step, StepFailedError, Timeout


class Moment(StrEnum):
    """When smoke tests run."""

    NEW_SIDE = "new side"
    """One service's new side is up, and no user's request goes there yet."""
    ALL_TRAFFIC = "all traffic"
    """Everything is moved: the production verification that ends the deployment window."""
    TAKEN_BACK = "taken back"
    """After a rollback, against the old side."""


Smoke: TypeAlias = Callable[[Moment, Sequence[str]], Decision]
"""Smoke tests of those services at that moment, and what follows from them (SMOKE-07): CONTINUE,
ASK or ROLL_BACK, with a reason for each test. It ends within SMOKE-06's time, and never raises for
what a test finds."""

Report: TypeAlias = Callable[[Path, Sequence[Entry]], None]
"""Writes the page of a cutover, from the entries of its runs: the forward one and the way back.

What was planned is in the first `run.started`: `scripts.cutover.request.read(data["inputs"])`."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database change, as steps of the plans. Its steps may ignore the `Stand` that they get."""

    before: Sequence[Step[Stand]] = ()
    """Before the first traffic: expand, migrate."""
    after: Sequence[Step[Stand]] = ()
    """Once the old side is gone: contract."""
    back: Sequence[Step[Stand]] = ()
    """In a rollback, once all weights are back; their timeouts count for its bound (ROLL-01)."""
    says: Sequence[str] = ()
    """What the change allows and what a rollback loses, for people, a line each."""
    refusals: Callable[[], Sequence[str]] = tuple
    """Why it cannot start, each with what to do; reads only."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """All that is plugged in; nothing of it has to be."""

    smoke: Smoke | None = None
    database: Database = field(default_factory=Database)
    refusals: Callable[[], Sequence[str]] = tuple
    """Why it may not be let in now, each with what to do: change control."""
    baseline: Callable[[], Mapping[str, Json]] | None = None
    """Measures the services as they are once the release is no longer new (MON-14)."""
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What is written down with the checks: who approved it."""
    let_in: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The same where it is gone on with."""
    before_back: Sequence[Timeout] = ()
    """What was done before the way back began, and counts for its bound (ROLL-01)."""
    published: Published | None = None
    """What the environment's stack says of it, which a way back finds in the journal."""

    @property
    def record(self) -> Mapping[str, Json]:
        """`published`, as the journal keeps it."""
        if self.published is None:
            return {}
        return {PUBLISHED: self.published.model_dump(mode="json", by_alias=True, exclude_none=True)}


PUBLISHED: Final = "published"


def untestable(why: str) -> Smoke:
    """Tests that cannot be run: traffic goes back without them, and a person has to look."""

    def test(_moment: Moment, _services: Sequence[str]) -> Decision:
        raise StepFailedError(f"the old side is back, and cannot be tested: {why}")

    return test
