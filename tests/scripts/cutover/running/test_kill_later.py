"""Watches and late rollbacks that are killed at any write of their journal, and begun again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import (
    Outcome,
    carry_out,
    look_later,
    stand_of,
    take_back,
)
from scripts.cutover.running.later import Since
from scripts.cutover.running.restoring import restore
from scripts.cutover.running.standing import State, readable, standing
from scripts.exits import ExitCode
from scripts.runs.runner import execute
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.cloud import SIZE, Cloud, cloud, cutover, setting, turned
from tests.scripts.cutover.running.test_kill import EVERY, GONE, KilledError, KillingStore

PLAN = cutover(("api",))
KEPT = replace(PLAN, settings=replace(PLAN.settings, retain=3600))
SOME = 1 if EVERY == 1 else 5


def _watched(world: Cloud, store: SqliteStore) -> bool:
    """Look at what is kept, after its time; whether it has gone."""
    run = standing(readable(store, KEPT.target)).run
    since = Since(run=run, at=world.clock.at // 1e5 * 1e5)
    return look_later(KEPT, since, world, setting(world.clock, store)).outcome is Outcome.PENDING


def _brought_back(world: Cloud, store: SqliteStore) -> bool:
    """Bring the old release up again, and all traffic back."""
    there, where = standing(readable(store, PLAN.target)), setting(world.clock, store)
    if there.state is State.TAKEN_BACK:
        return True
    up = execute(restore(PLAN, there.run), stand_of(PLAN, turned(world), where), where)
    because = there.because or Because(of=there.run, why="it is bad", at=world.clock.at)
    ended = take_back(PLAN, because, world, where)
    return up.code is ExitCode.DONE and ended.outcome is Outcome.ROLLED_BACK


def _killed(folder: Path, world: Cloud, at: int, act: Callable[[Cloud, SqliteStore], bool]) -> bool:
    store = KillingStore(folder / "runs.sqlite", at)
    try:
        assert act(world, store)
    except KilledError:
        return True
    finally:
        store.close()
    return False


@pytest.mark.parametrize("act", [_watched, _brought_back])
def test_who_begins_again_ends_the_same(
    tmp_path: Path, act: Callable[[Cloud, SqliteStore], bool]
) -> None:
    """Wherever it was killed: the one has no old side left, the other no new one."""
    plan, points, is_killed = (KEPT if act is _watched else PLAN), 0, True
    while is_killed:
        folder, world = tmp_path / str(points), cloud(("api",))
        folder.mkdir()
        with_all = SqliteStore(folder / "runs.sqlite")
        assert carry_out(plan, world, setting(world.clock, with_all)).outcome is Outcome.DONE
        with_all.close()
        world.clock.at += KEPT.settings.retain
        is_killed = _killed(folder, world, points, act)
        world.clock.at += GONE
        store = SqliteStore(folder / "runs.sqlite")
        assert act(world, store), points
        there, sides = standing(readable(store, plan.target)), world.sides["api"]
        store.close()
        if act is _watched:
            assert (there.state, sides.share, sides.old) == (State.DONE, 100, 0), points
        else:
            assert (there.state, sides.share, sides.old) == (State.TAKEN_BACK, 0, SIZE), points
            assert sides.new == 0
        points += SOME
    assert points > SOME
