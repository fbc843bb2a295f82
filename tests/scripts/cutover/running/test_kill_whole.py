"""Whole cutovers, with all that is plugged in and asked, killed at any write; some by SIGKILL."""

import json
import os
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Alarm, Answer, Observations
from scripts.cutover.running.answers import give_answer
from scripts.cutover.running.conductor import Outcome, carry_out
from scripts.cutover.running.hooks import Database, Hooks, Moment
from scripts.cutover.running.record import decides
from scripts.cutover.running.stand import Stand
from scripts.cutover.running.standing import State, readable, standing
from scripts.runs.journal import Entry, Journal
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Step, Timeout
from tests.scripts.cutover.cloud import SIZE, Cloud, cloud, cutover, setting
from tests.scripts.cutover.running.test_kill import GONE, KilledError, KillingStore
from tests.scripts.cutover.worlds import GUARD
from tests.soak import amount

PLAN: Final = cutover()
EVERY: Final = amount(sample=61, everything=1)
OUTCOMES: Final = {"good": Outcome.DONE, "bad": Outcome.ROLLED_BACK}
LEAST: Final = {"good": 180, "bad": 120}
"""Each entry is written between two points."""


@dataclass
class Story:
    """A cutover of two services: the database changes, an alarm fires, a person lets it go on."""

    folder: Path
    release: str
    world: Cloud

    @classmethod
    def of(cls, folder: Path, release: str) -> "Story":
        """One that has not begun."""
        folder.mkdir(exist_ok=True)
        story = cls(folder, release, cloud())
        story.world.watch.changed = story.alarmed
        story.world.clock.slept = story.answered
        if release == "bad":
            story.world.watch.errors["jobs"] = lambda side: 0.05 if side.share == 100 else 0.001
        return story

    def store(self) -> SqliteStore:
        """Its journal, as anybody reads it."""
        return SqliteStore(self.folder / "runs.sqlite")

    @property
    def is_first(self) -> bool:
        """Whether the first weight was set, and no other."""
        return [each.share for each in self.world.sides.values()] == [25, 0]

    def alarmed(self, seen: Observations, _of: Stage) -> Observations:
        """The alarm fires at the first weight."""
        return replace(seen, alarms={GUARD: Alarm.ALARM if self.is_first else Alarm.OK})

    def answered(self) -> None:
        """Somebody reads what is asked, and answers."""
        if not self.is_first:
            return
        with closing(self.store()) as store:
            there = standing(readable(store, PLAN.target))
            if not there.decisions or there.decisions[-1].kind is not Kind.ASK:
                return
            where = setting(self.world.clock, store, "eve")
            for question in there.decisions[-1].questions.values():
                give_answer(
                    store,
                    PLAN.target,
                    where.owner,
                    run=there.run,
                    number=question.number,
                    answer=Answer.GO_ON,
                    clock=where.clock,
                )

    def hooks(self) -> Hooks:
        """Smoke tests, and a database."""
        log = self.world.log

        def smoke(moment: Moment, _services: Sequence[str]) -> Decision:
            log.append(f"smoke {moment.value}")
            return Decision(kind=Kind.CONTINUE, reasons=())

        def step(name: str) -> Step[Stand]:
            return Step(
                id=f"database {name}",
                title=name,
                does="",
                is_done=lambda _: f"database {name}" in log,
                run=lambda _, __: log.append(f"database {name}") or {},
                timeout=Timeout(f"database {name}", 60),
                on_failure="",
            )

        before, after, back = ((step(name),) for name in ("before", "after", "back"))
        return Hooks(smoke=smoke, database=Database(before=before, after=after, back=back))

    def carried(self, store: SqliteStore, host: str) -> Outcome:
        """A process on `host` carries it out, or goes on with it."""
        where = setting(self.world.clock, store)
        where = replace(where, owner=where.owner.model_copy(update={"host": host, "machine": host}))
        return carry_out(PLAN, self.world, where, self.hooks()).outcome

    def resumed(self) -> Outcome:
        """Another host goes on once the lease is over, unless it has ended."""
        self.world.clock.at += GONE
        with closing(self.store()) as store:
            there = standing(readable(store, PLAN.target)).state
            ended = {State.DONE: Outcome.DONE, State.TAKEN_BACK: Outcome.ROLLED_BACK}.get(there)
            return ended or self.carried(store, "another")

    def check(self) -> None:
        """The world is as it is without a kill, and so is the journal."""
        log, is_good = self.world.log, self.release == "good"
        wanted = (0, SIZE, 100) if is_good else (SIZE, 0, 0)
        for side in self.world.sides.values():
            assert (side.old, side.new, side.share) == wanted
        done = [each for each in log if each.startswith("database")]
        assert done == ["database before", "database after" if is_good else "database back"]
        moved = [" weight " in each and not each.endswith(" weight 0") for each in log]
        last = max(place for place, is_on in enumerate(moved) if is_on)
        tested = f"smoke {(Moment.ALL_TRAFFIC if is_good else Moment.TAKEN_BACK).value}"
        assert tested in log[last:]
        with closing(self.store()) as store:
            journal = Journal(PLAN.target, store)
            assert journal.verify() == []
            _check_numbers(journal.entries())


def _check_numbers(entries: Sequence[Entry]) -> None:
    """Each decision has its own number, and a person's word stands in one."""
    decided = [entry for entry in entries if decides(entry)]
    for run in {entry.run for entry in decided}:
        numbers = [entry.data["sequence"] for entry in decided if entry.run == run]
        assert numbers == [*range(1, len(numbers) + 1)]
    answers = {str(entry.data.get("questions")) for entry in decided}
    assert any("'answer': 'go on'" in each for each in answers)
    assert Counter(entry.kind for entry in entries)["run.done"] == 1


@pytest.mark.parametrize("release", OUTCOMES)
def test_all_that_is_plugged_in_ends_the_same(tmp_path: Path, release: str) -> None:
    """Wherever it is killed: the database is changed once, and questions keep their answers."""
    killed = 0
    for at in count(0, EVERY):
        story = Story.of(tmp_path / str(at), release)
        if not _is_killed(story, at):
            break
        assert story.resumed() is OUTCOMES[release], at
        story.check()
        killed = at
    assert killed > LEAST[release]


def _is_killed(story: Story, at: int) -> bool:
    """Whether a process that was to be killed at the write `at` was; the others end."""
    with closing(KillingStore(story.folder / "runs.sqlite", at)) as store:
        try:
            assert story.carried(store, "here") is OUTCOMES[story.release]
        except KilledError:
            return True
    story.check()
    return False


class Deadly(KillingStore):
    """One whose process is killed by the system; the cloud outlives it."""

    def __init__(self, story: Story, at: int) -> None:
        super().__init__(story.folder / "runs.sqlite", at)
        self._story = story

    def _point(self) -> None:
        try:
            super()._point()
        except KilledError:
            (self._story.folder / "cloud.json").write_text(json.dumps(_state(self._story.world)))
            os.kill(os.getpid(), signal.SIGKILL)


def _state(world: Cloud) -> Mapping[str, object]:
    sides = {each.name: (each.old, each.new, each.share) for each in world.sides.values()}
    return {"at": world.clock.at, "log": world.log, "sides": sides}


def _dies(story: Story, at: int) -> None:
    with closing(Deadly(story, at)) as store:
        story.carried(store, "here")


@pytest.mark.parametrize(("release", "at"), [("good", 90), ("good", 211), ("bad", 130)])
def test_a_process_that_the_system_kills_is_followed_by_another(
    tmp_path: Path, release: str, at: int
) -> None:
    """What is on disk is all that the next one knows: no handler ran, nothing was closed."""
    story = Story.of(tmp_path, release)
    process = get_context("fork").Process(target=_dies, args=(story, at))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    state = json.loads((tmp_path / "cloud.json").read_text())
    story.world.clock.at = state["at"]
    story.world.log += state["log"]
    for name, (old, new, share) in state["sides"].items():
        side = story.world.sides[name]
        side.old, side.new, side.share = old, new, share
    assert story.resumed() is OUTCOMES[release]
    story.check()
