"""Whole cutovers as they are carried out: in which order, what is decided, what follows."""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period
from scripts.cutover.judgement.observations import Alarm, Answer, Counts, Observations, Series
from scripts.cutover.planning.request import Cutover, Releases, RequestError
from scripts.cutover.running.answers import give_answer, give_order
from scripts.cutover.running.back import VERIFIED, Because, back, bound_seconds
from scripts.cutover.running.conductor import (
    PAGING,
    PAUSE,
    Ended,
    Outcome,
    carry_out,
    look_later,
    take_back,
)
from scripts.cutover.running.hooks import Database, Hooks, Moment, Smoke
from scripts.cutover.running.later import Since, later
from scripts.cutover.running.record import MINUTES, decisions
from scripts.cutover.running.stand import Stand
from scripts.cutover.running.standing import Standing, State, readable, standing
from scripts.exits import ExitCode
from scripts.runs.journal import Entry, JournalError, current
from scripts.runs.lease import TAKEN_OVER, LeaseHeldError, LeaseLostError, acquire
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import Step, Timeout
from tests.scripts.cutover.cloud import SIZE, Cloud, cloud, cutover, setting
from tests.scripts.cutover.worlds import GUARD, levels

ONE = cutover(("api",))
TWO = cutover(("api", "jobs"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A journal in a file."""
    found = SqliteStore(tmp_path / "runs.sqlite")
    yield found
    found.close()


def _carried(
    world: Cloud, store: SqliteStore, of: Cutover = ONE, hooks: Hooks | None = None
) -> Ended:
    return carry_out(of, world, setting(world.clock, store), hooks)


def _standing(store: SqliteStore, of: Cutover = ONE) -> Standing:
    return standing(readable(store, of.target))


def _failing(world: Cloud, service: str, share: float = 0.05, weight: int = 100) -> None:
    """Requests to the new side of `service` fail once it has `weight` percent."""
    world.watch.errors[service] = lambda sides: share if sides.share >= weight else 0.001


def test_sizes_come_before_weights_and_old_sides_go_last(store: SqliteStore) -> None:
    """One service after the other."""
    world = cloud()
    ended = _carried(world, store, TWO)
    assert (ended.outcome, ended.code) == (Outcome.DONE, ExitCode.DONE)
    assert world.log == [
        *("api scale 2", "api weight 25", "api scale 4", "api weight 100"),
        *("jobs scale 2", "jobs weight 25", "jobs scale 4", "jobs weight 100"),
        *("api retire old", "jobs retire old"),
    ]
    assert _standing(store, TWO).state is State.DONE


def test_a_bad_release_goes_back_by_itself(store: SqliteStore) -> None:
    """The last service first, one change of weight each; the new sides go after that."""
    world = cloud()
    _failing(world, "jobs")
    ended = _carried(world, store, TWO)
    assert (ended.outcome, ended.code) == (Outcome.ROLLED_BACK, ExitCode.FAILED)
    assert "jobs/errors (ROLL-07 error_rate_above_percent): 5.000% of" in ended.why
    assert world.log[-4:] == ["jobs weight 0", "api weight 0", "jobs retire new", "api retire new"]
    assert ended.seconds is not None
    assert ended.seconds <= TWO.plan.rollback_bound
    assert _standing(store, TWO).state is State.TAKEN_BACK


def test_a_decision_is_written_down_before_anything_is_done_about_it(store: SqliteStore) -> None:
    """The weight is not touched before the journal has it."""
    world = cloud(("api",))
    _failing(world, "api")
    seen: list[Kind] = []

    def acted(act: str) -> None:
        if act == "api weight 0":
            seen.append(decisions(readable(store, ONE.target))[-1].kind)

    world.sides["api"].acted = acted
    assert _carried(world, store).outcome is Outcome.ROLLED_BACK
    assert seen == [Kind.ROLL_BACK]


def test_who_was_moved_first_is_not_out_of_sight_while_the_next_is_moved(
    store: SqliteStore,
) -> None:
    """Errors of the first service, once the second has traffic, take both back."""
    world = cloud()
    world.watch.errors["api"] = lambda _: 0.05 if world.sides["jobs"].share else 0.001
    ended = _carried(world, store, TWO)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "api/errors" in ended.why
    assert not any(each.share for each in world.sides.values())


def _runs_another(world: Cloud) -> None:
    world.sides["api"].releases = ("two", "two")


def _is_shared(world: Cloud) -> None:
    world.sides["api"].share = 3


def _lacks_one(world: Cloud) -> None:
    world.sides["api"].old = SIZE - 1


def _may_not(world: Cloud) -> None:
    world.sides["api"].refused = ["may not: add it"]


def _is_gone(world: Cloud) -> None:
    del world.sides["api"]


def _alarms(world: Cloud) -> None:
    world.watch.changed = lambda seen, _: replace(seen, alarms={GUARD: Alarm.ALARM})


def _counts_nothing(world: Cloud) -> None:
    def without(seen: Observations, _stage: Stage) -> Observations:
        return replace(seen, old={name: seen.old[name] for name in seen.old if "err" not in name})

    world.watch.changed = without


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_runs_another, "plan it again"),
        (_is_shared, "3 % of its traffic are on the new side already"),
        (_lacks_one, "3 of 4 instances of the side that serves are healthy"),
        (_may_not, "may not: add it"),
        (_is_gone, "there is no such service"),
        (_alarms, "the alarm is ALARM"),
        (_counts_nothing, "nobody has ever written this metric"),
    ],
)
def test_what_cannot_be_judged_or_taken_back_is_refused(
    store: SqliteStore, change: Callable[[Cloud], None], said: str
) -> None:
    """Exit code 2, with what to do, and nothing changed."""
    world = cloud(("api",))
    change(world)
    ended = _carried(world, store)
    assert (ended.outcome, ended.code) == (Outcome.REFUSED, ExitCode.USAGE)
    assert said in ended.message
    assert world.log == []
    assert _standing(store).state is State.REFUSED


def test_a_release_that_runs_already_is_refused(store: SqliteStore) -> None:
    """There is nothing to move."""
    world = cloud(("api",))
    world.sides["api"].releases = ("one", "one")
    same = replace(ONE, releases={"api": Releases(old="one", new="one")})
    assert "nothing to move" in _carried(world, store, same).message


def test_a_question_waits_for_its_answer(store: SqliteStore) -> None:
    """It holds the step; who answers is on record, and the answer is for these gates alone."""
    world = cloud(("api",))
    world.watch.changed = lambda seen, _: replace(
        seen, new={**seen.new, "api/cpu": levels(world.clock.at, 95, 95)}
    )

    def answered() -> None:
        there = _standing(store)
        if there.decisions and there.decisions[-1].kind is Kind.ASK:
            (question,) = there.decisions[-1].questions.values()
            owner = setting(world.clock, store, "eve").owner
            give_answer(
                store,
                ONE.target,
                owner,
                run=there.run,
                number=question.number,
                answer=Answer.GO_ON,
                clock=world.clock.utc,
            )
            world.clock.slept = lambda: None

    world.clock.slept = answered
    short = replace(ONE, settings=replace(ONE.settings, weights=(25, 100)))
    ended = _carried(world, store, short)
    asked = [each for each in _standing(store).decisions if each.kind is Kind.ASK]
    assert asked[0].reasons[0].gate == "api/cpu (MON-09 cpu_above_percent)"
    later = [each for each in _standing(store).decisions if each.questions]
    (question,) = later[2].questions.values()
    assert (question.answer, question.by) == (Answer.GO_ON, "eve")
    # The next step asks again, and nobody answers.
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "nobody answered in time, so by default: roll back" in ended.why


def test_an_order_from_elsewhere_takes_it_back(store: SqliteStore) -> None:
    """Whoever carries it out sees it at the next poll, and says whose it was."""
    world = cloud(("api",))

    def ordered() -> None:
        owner = setting(world.clock, store, "eve").owner
        run = _standing(store).run
        if world.sides["api"].share:
            world.clock.slept = lambda: None
            give_order(
                store, ONE.target, owner, run=run, why="customers call", clock=world.clock.utc
            )

    world.clock.slept = ordered
    ended = _carried(world, store)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert ended.why == "the operator: eve: customers call"


def test_a_second_operator_is_refused(store: SqliteStore) -> None:
    """With who has it, and since when; nothing is changed."""
    world = cloud(("api",))
    acquire(store, ONE.target, setting(world.clock, store, "eve").owner, clock=world.clock.utc)
    with pytest.raises(LeaseHeldError, match="worked on by eve on here"):
        _carried(world, store)
    assert world.log == []


def test_who_lost_the_lease_does_nothing_more(store: SqliteStore) -> None:
    """Neither forward nor back: somebody else is at it."""
    world = cloud(("api",))

    def taken() -> None:
        lease = store.lease(ONE.target)
        if lease and world.sides["api"].share == 25:
            world.clock.slept = lambda: None
            store.replace_lease(lease, lease.model_copy(update={"token": 99, "id": "other"}))

    world.clock.slept = taken
    with pytest.raises(LeaseLostError):
        _carried(world, store)
    assert world.log == ["api scale 2", "api weight 25"]


def test_another_cutover_does_not_begin_beside_one_that_has_not_ended(store: SqliteStore) -> None:
    """It is gone on with, or taken back."""
    world = cloud(("api",))
    assert _interrupted(world, store).outcome is Outcome.INTERRUPTED
    other = replace(ONE, releases={"api": Releases(old="one", new="three")})
    with pytest.raises(RequestError, match=r"under way .*slipway cutover resume staging"):
        _carried(world, store, other)


def _interrupted(world: Cloud, store: SqliteStore) -> Ended:
    """Somebody pressed Ctrl-C while users were on the new side."""

    def pressed() -> None:
        if world.sides["api"].share == 25 and world.clock.at > 1_000_100:
            world.clock.slept = lambda: None
            raise KeyboardInterrupt

    world.clock.slept = pressed
    return _carried(world, store)


def test_an_interrupted_cutover_goes_on_where_it_was(store: SqliteStore) -> None:
    """The step keeps its time, since its weight is still what was set."""
    world = cloud(("api",))
    ended = _interrupted(world, store)
    assert ended.code is ExitCode.INTERRUPTED
    assert "slipway cutover resume staging" in ended.message
    assert _carried(world, store).outcome is Outcome.DONE
    assert world.log == [
        "api scale 2",
        "api weight 25",
        "api scale 4",
        "api weight 100",
        "api retire old",
    ]
    passed = next(each for each in _standing(store).decisions if each.kind is Kind.CONTINUE)
    assert passed.at < 1_000_005 + 300 + 30


def test_a_weight_that_somebody_changed_is_set_again_and_judged_anew(store: SqliteStore) -> None:
    """What was seen before was seen at another weight."""
    world = cloud(("api",))
    _interrupted(world, store)
    world.sides["api"].share = 0
    since = world.clock.at
    assert _carried(world, store).outcome is Outcome.DONE
    assert world.log[:3] == ["api scale 2", "api weight 25", "api weight 25"]
    passed = next(each for each in _standing(store).decisions if each.kind is Kind.CONTINUE)
    assert passed.at >= since + 300


def test_weights_that_do_not_change_are_not_believed(store: SqliteStore) -> None:
    """They are read back; without that it goes back, and it is said that somebody has to look."""
    world = cloud(("api",))
    world.sides["api"].stuck = True
    ended = _carried(world, store)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "25 % are read back" in ended.why


def test_a_way_back_that_does_not_succeed_is_gone_on_with(store: SqliteStore) -> None:
    """It is tried until its bound is over; then a person is paged, and whoever resumes is late."""
    world = cloud(("api",))
    _failing(world, "api")

    def stuck() -> None:
        world.sides["api"].stuck = world.sides["api"].share == 100

    world.clock.slept = stuck
    ended = _carried(world, store)
    assert (ended.outcome, ended.code) == (Outcome.STUCK, ExitCode.FAILED)
    there = _standing(store)
    assert there.state is State.GOING_BACK
    assert there.because is not None
    passed, bound = world.clock.at - there.because.at, bound_seconds(ONE, Hooks())
    assert bound - PAUSE - PAGING <= passed <= bound + 60
    assert "page the person on call: 4 min" in ended.message
    assert ended.is_within_bound is False
    world.clock.slept = lambda: None
    world.clock.at += bound
    world.sides["api"].stuck = False
    late = _carried(world, store)
    assert (late.outcome, late.bound) == (Outcome.LATE, bound)
    assert world.sides["api"].share == 0


def test_a_load_balancer_that_does_not_answer_keeps_no_other_service(store: SqliteStore) -> None:
    """All are tried in turn; it is asked again after the rest, within the bound of the plan."""
    world, since = cloud(), 0.0
    _failing(world, "jobs")
    away = world.sides["jobs"]

    def acted(act: str) -> None:
        nonlocal since
        if act == "jobs weight 0":
            since = since or world.clock.at
            if world.clock.at < since + 100:
                assert world.clock.at == since or not world.sides["api"].share
                raise TimeoutError("no answer")

    away.acted = acted
    ended = _carried(world, store, TWO)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert ended.seconds is not None
    assert 100 <= ended.seconds <= TWO.plan.rollback_bound


def test_the_steps_of_a_way_back_fit_into_its_bound() -> None:
    """One try of each, after a dead controller's lease has run out, takes no more than its sum."""
    hooks = Hooks(smoke=_smoked({}, []), database=_database(cloud()))
    steps = back(TWO, Because(of="", why="", at=0), hooks).steps
    until = [step.id for step in steps].index(VERIFIED) + 1
    longest = TAKEN_OVER.total_seconds() + sum(each.timeout.seconds for each in steps[:until])
    assert longest <= bound_seconds(TWO, hooks)


def test_no_step_outlasts_the_bound(store: SqliteStore) -> None:
    """What is left of it when a step begins is all the time that it gets."""
    world, held = cloud(("api",)), list[float]()
    _failing(world, "api")
    hooks = Hooks(smoke=_smoked({Moment.TAKEN_BACK: Kind.ROLL_BACK}, []))
    bound = bound_seconds(ONE, hooks)

    @contextmanager
    def limit(seconds: float) -> Generator[None]:
        there = _standing(store)
        if there.because:
            assert seconds <= there.because.at + bound - world.clock.at
            held.append(seconds)
        yield

    ended = carry_out(ONE, world, replace(setting(world.clock, store), limit=limit), hooks)
    assert ended.outcome is Outcome.STUCK
    assert held[0] == 60 + 15
    assert min(held) < 60


def test_a_broken_journal_stops_a_start_and_no_rollback(store: SqliteStore, tmp_path: Path) -> None:
    """The way back begins a new journal, which says what was wrong with the one before."""
    world = cloud(("api",))
    _interrupted(world, store)
    there = _standing(store)
    assert there.cutover == ONE
    _break(tmp_path / "runs.sqlite")
    with pytest.raises(JournalError, match="does not verify, so nothing was changed"):
        _carried(world, store)
    because = Because(of=there.run, why="eve decided so", at=world.clock.at)
    ended = take_back(ONE, because, world, setting(world.clock, store))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert world.sides["api"].share == 0
    journal = current(ONE.target, store)
    assert journal.name == "staging/cutover~2"
    assert "after_break" in journal.entries()[0].data


class FailingStore(SqliteStore):
    """A store that cannot be written any more once `is_away`."""

    is_away = False

    def append(self, entry: Entry, *, token: int) -> None:
        """Write it, where that can be done."""
        if self.is_away:
            raise ConnectionError("no route to the table")
        super().append(entry, token=token)


def test_what_cannot_be_written_down_is_not_gone_on_with(tmp_path: Path) -> None:
    """Users go back to the old side, which is written down beside."""
    world, away = cloud(("api",)), FailingStore(tmp_path / "runs.sqlite")

    def cut_off() -> None:
        away.is_away = world.sides["api"].share == 25

    world.clock.slept = cut_off
    spare = SqliteStore(tmp_path / "spare.sqlite")
    ended = carry_out(ONE, world, setting(world.clock, away), None, spare)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert ended.why == "the journal cannot be written: no route to the table"
    assert world.sides["api"].share == 0
    assert standing(readable(spare, ONE.target)).state is State.TAKEN_BACK
    # Once it can be written again, the way back goes on record there, too.
    away.is_away, world.clock.slept = False, lambda: None
    because = Because(of=_standing(away).run, why="eve: on record", at=world.clock.at)
    assert take_back(ONE, because, world, setting(world.clock, away)).outcome is (
        Outcome.ROLLED_BACK
    )
    for store in (away, spare):
        store.close()


def _break(path: Path) -> None:
    """Somebody changed an entry."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "update entries set body = replace(body, 'api weight 25', 'api weight 26')"
        )


def _smoked(kinds: dict[Moment, Kind], asked: list[tuple[Moment, tuple[str, ...]]]) -> Smoke:
    def smoke(moment: Moment, services: Sequence[str]) -> Decision:
        asked.append((moment, tuple(services)))
        kind = kinds.get(moment, Kind.CONTINUE)
        finding = Finding.PASSED if kind is Kind.CONTINUE else Finding.BREACHED
        reason = Reason(gate="sign-in", cited="SMOKE-02", finding=finding, text="it answers 500")
        return Decision(kind=kind, reasons=(reason,))

    return smoke


def test_smoke_tests_come_before_users_and_after_all_are_moved(store: SqliteStore) -> None:
    """Of each new side by itself, then of everything."""
    asked: list[tuple[Moment, tuple[str, ...]]] = []
    ended = _carried(cloud(), store, TWO, Hooks(smoke=_smoked({}, asked)))
    assert ended.outcome is Outcome.DONE
    assert asked == [
        (Moment.NEW_SIDE, ("api",)),
        (Moment.NEW_SIDE, ("jobs",)),
        (Moment.ALL_TRAFFIC, ("api", "jobs")),
    ]


@pytest.mark.parametrize("moment", [Moment.NEW_SIDE, Moment.ALL_TRAFFIC])
@pytest.mark.parametrize("kind", [Kind.ROLL_BACK, Kind.ASK])
def test_failing_smoke_tests_take_it_back(store: SqliteStore, moment: Moment, kind: Kind) -> None:
    """At once where they say so; where they ask, when nobody answers in time."""
    world, asked = cloud(("api",)), list[tuple[Moment, tuple[str, ...]]]()
    ended = _carried(world, store, ONE, Hooks(smoke=_smoked({moment: kind}, asked)))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert asked[-1] == (Moment.TAKEN_BACK, ("api",))
    assert ("api weight 25" in world.log) == (moment is Moment.ALL_TRAFFIC)
    wanted = "sign-in: it answers 500" if kind is Kind.ROLL_BACK else "nobody answered in time"
    assert wanted in ended.why


def test_users_stay_in_sight_while_smoke_tests_run(store: SqliteStore) -> None:
    """What breaks meanwhile takes it back at once; the tests are not waited for."""
    world, over, waited = cloud(("api",)), Event(), list[bool]()

    def slow(moment: Moment, _services: Sequence[str]) -> Decision:
        if moment is Moment.ALL_TRAFFIC:
            world.watch.errors["api"] = lambda _: 0.3
            world.clock.at += 60
            waited.append(over.wait(20))
        return Decision(kind=Kind.CONTINUE, reasons=())

    quick = replace(ONE, settings=replace(ONE.settings, poll=1, bake=30))
    live = replace(setting(world.clock, store), background=True)
    ended = carry_out(quick, world, live, Hooks(smoke=slow))
    assert waited == []  # it is back, and they still run
    over.set()
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "api/errors" in ended.why


def test_an_old_side_that_fails_its_tests_is_not_verified(store: SqliteStore) -> None:
    """All traffic is back, and somebody has to look."""
    world = cloud(("api",))
    _failing(world, "api")
    hooks = Hooks(smoke=_smoked({Moment.TAKEN_BACK: Kind.ROLL_BACK}, []))
    ended = _carried(world, store, ONE, hooks)
    assert ended.outcome is Outcome.STUCK
    assert "the old side is back, and fails its tests" in ended.message
    assert world.sides["api"].share == 0


def _database(world: Cloud, refused: Sequence[str] = ()) -> Database:
    def step(name: str) -> Step[Stand]:
        return Step(
            id=f"database {name}",
            title=name,
            does="",
            is_done=lambda _: f"database {name}" in world.log,
            run=lambda _, __: world.log.append(f"database {name}") or {},
            timeout=Timeout(f"database {name}", 60),
            on_failure="",
        )

    return Database(
        before=[step("before")],
        after=[step("after")],
        back=[step("back")],
        refusals=lambda: refused,
    )


def test_the_database_changes_before_traffic_and_after_the_old_side(store: SqliteStore) -> None:
    """It is expanded first and contracted last."""
    world = cloud(("api",))
    assert _carried(world, store, ONE, Hooks(database=_database(world))).outcome is Outcome.DONE
    assert world.log[0] == "database before"
    assert world.log[-2:] == ["api retire old", "database after"]


def test_the_database_goes_back_once_traffic_is(store: SqliteStore) -> None:
    """And only then; what it takes counts for the bound."""
    world = cloud(("api",))
    _failing(world, "api")
    ended = _carried(world, store, ONE, Hooks(database=_database(world)))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert world.log[-3:] == ["api weight 0", "database back", "api retire new"]


def test_a_way_back_that_takes_too_long_with_the_database_is_refused(store: SqliteStore) -> None:
    """ROLL-01 counts all of it, by name."""
    world = cloud(("api",))
    database = _database(world)
    slow = replace(database.back[0], timeout=Timeout("restore", 900))
    ended = _carried(world, store, ONE, Hooks(database=replace(database, back=[slow])))
    assert ended.outcome is Outcome.REFUSED
    assert "has to take less than 15 min (ROLL-01)" in ended.message
    assert "restore" in ended.message


def test_an_old_side_that_grew_is_gone_back_to_in_full(store: SqliteStore) -> None:
    """The new side gets its share of what the old one has when its turn comes."""
    world = cloud(("api",))
    sides = world.sides["api"]
    sides.old, sides.meant = SIZE + 4, SIZE + 4
    assert _carried(world, store).outcome is Outcome.DONE
    assert world.log[:3] == ["api scale 2", "api weight 25", "api scale 8"]


def test_a_service_whose_turn_never_came_may_have_been_scaled_in(store: SqliteStore) -> None:
    """It scales as always until then: the way back wants no more of it than it is meant to have."""
    world = cloud()
    _failing(world, "api", weight=25)

    def scaled_in(act: str) -> None:
        if act == "api weight 25":
            world.sides["jobs"].old = world.sides["jobs"].meant = SIZE - 1

    world.sides["api"].acted = scaled_in
    assert _carried(world, store, TWO).outcome is Outcome.ROLLED_BACK
    assert world.sides["jobs"].share == 0


def test_an_old_side_stays_beside_a_new_one_that_is_not_whole(store: SqliteStore) -> None:
    """Users go back to it, where instances died after the new side was sized."""
    world = cloud(("api",))
    sides, moved = world.sides["api"], list[float]()

    def dies() -> None:
        moved.extend([world.clock.at] if sides.share == 100 else [])
        if moved and world.clock.at > moved[0] + 1500:
            sides.new = SIZE - 1

    world.clock.slept = dies
    ended = _carried(world, store)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "the new side is healthy in full" in ended.why
    assert "api retire old" not in world.log


def test_an_old_side_waits_for_a_new_one_where_others_have_gone(store: SqliteStore) -> None:
    """No weights lead back any more: a person looks, and it goes once the new side is whole."""
    world = cloud()

    def dies(act: str) -> None:
        if act == "api retire old":
            world.sides["jobs"].new = SIZE - 1

    world.sides["api"].acted = dies
    ended = _carried(world, store, TWO)
    assert ended.outcome is Outcome.STUCK
    assert "jobs: the old side stays: the new one is not healthy in full" in ended.message
    assert world.sides["jobs"].old == SIZE
    world.sides["jobs"].new = SIZE
    assert _carried(world, store, TWO).outcome is Outcome.DONE
    assert world.sides["jobs"].old == 0


KEPT = replace(ONE, settings=replace(ONE.settings, retain=3600))


def _since(store: SqliteStore) -> Since:
    there = _standing(store)
    minutes = next(
        entry.data["at"]
        for entry in there.entries
        if entry.kind == "step.done" and entry.data["step"] == MINUTES
    )
    assert isinstance(minutes, int | float)
    return Since(run=there.run, at=float(minutes))


def test_an_old_side_is_kept_as_long_as_the_environment_has_it(store: SqliteStore) -> None:
    """Each look goes on from there; once its time is over it goes, and not before."""
    world = cloud(("api",))
    assert _carried(world, store, KEPT).outcome is Outcome.DONE
    since = _since(store)

    def look() -> Ended:
        return look_later(KEPT, since, world, setting(world.clock, store))

    assert look().code is ExitCode.PENDING
    world.clock.at += 1800
    assert look().outcome is Outcome.PENDING
    assert world.sides["api"].old == SIZE
    assert _standing(store).state is State.DONE
    world.clock.at += 1800
    assert look().outcome is Outcome.PENDING  # the first week goes on
    assert world.log[-1] == "api retire old"
    assert _standing(store).state is State.DONE
    world.clock.at += 7 * 86400
    assert look().outcome is Outcome.DONE
    assert _standing(store).is_watched


def _few(world: Cloud) -> None:
    """One request is all that the services get."""
    world.watch.changed = lambda seen, _: replace(
        seen,
        new={name: _one(each) for name, each in seen.new.items()},
        old={name: _one(each) for name, each in seen.old.items()},
    )


def _one(series: Series) -> Series:
    if not isinstance(series, Counts):
        return series
    return Counts(series.at, (1.0, *(0.0,) * (len(series.at) - 1)), (0.0,) * len(series.at))


def _look(world: Cloud, store: SqliteStore, of: Cutover, since: Since) -> Ended:
    return look_later(of, since, world, setting(world.clock, store))


def _answer(store: SqliteStore, world: Cloud, said: Answer) -> None:
    there = _standing(store)
    (question,) = there.decisions[-1].questions.values()
    where = setting(world.clock, store)
    give_answer(
        store,
        ONE.target,
        where.owner,
        run=there.entries[-1].run,
        number=question.number,
        answer=said,
        clock=where.clock,
    )


@pytest.mark.parametrize("of", [ONE, KEPT])
def test_too_little_data_at_the_end_is_no_pass(store: SqliteStore, of: Cutover) -> None:
    """A person decides; the old side is not taken away on what nobody knows."""
    world = cloud(("api",))
    assert _carried(world, store, of).outcome is Outcome.DONE
    since = _since(store)
    assert _look(world, store, of, since).outcome is Outcome.PENDING
    _few(world)
    world.clock.at += of.settings.retain or 7 * 86400
    before = list(world.log)
    asked = _look(world, store, of, since)
    assert asked.outcome is Outcome.PENDING
    assert "a person decides until" in asked.message
    assert "slipway cutover answer staging go-on|roll-back" in asked.message
    assert world.log == before
    _answer(store, world, Answer.GO_ON)
    ended = _look(world, store, of, since)
    assert ended.outcome is (Outcome.PENDING if of is KEPT else Outcome.DONE)
    assert world.sides["api"].old == 0


def test_an_undecided_old_side_goes_back_to_where_nobody_answers(store: SqliteStore) -> None:
    """The default is that of every other question."""
    world = cloud(("api",))
    _carried(world, store, KEPT)
    since = _since(store)
    _few(world)
    world.clock.at += 3600
    assert _look(world, store, KEPT, since).outcome is Outcome.PENDING
    world.clock.at += KEPT.settings.ask
    assert _look(world, store, KEPT, since).outcome is Outcome.ROLLED_BACK
    assert world.sides["api"].share == 0


def test_a_breach_that_no_weight_leads_back_from_is_told_with_what_does(
    store: SqliteStore,
) -> None:
    """It is neither done nor back; the next look says so again until it is well."""
    world = cloud(("api",))
    _carried(world, store)
    since = _since(store)
    world.watch.errors["api"] = lambda _: 0.2
    world.clock.at += 900
    ended = _look(world, store, ONE, since)
    assert (ended.outcome, ended.code) == (Outcome.UNWELL, ExitCode.FAILED)
    assert "slipway cutover rollback staging --execute" in ended.message
    there = _standing(store)
    assert there.state is State.UNWELL
    assert "api/errors" in there.unwell
    assert not there.is_watched
    assert _look(world, store, ONE, since).outcome is Outcome.UNWELL
    del world.watch.errors["api"]
    assert _look(world, store, ONE, since).outcome is Outcome.PENDING
    assert _standing(store).state is State.DONE


def test_after_a_rollback_too_little_data_is_no_pass_either(store: SqliteStore) -> None:
    """Where nobody says that it is well, the watch does not end well."""
    world = cloud(("api",))
    _failing(world, "api")
    assert _carried(world, store).outcome is Outcome.ROLLED_BACK
    since = Since(run=_standing(store).run, at=world.clock.at, is_back=True)
    _few(world)
    world.clock.at += 1800
    assert _look(world, store, ONE, since).outcome is Outcome.PENDING
    world.clock.at += ONE.settings.ask
    assert _look(world, store, ONE, since).outcome is Outcome.UNWELL
    there = _standing(store)
    assert (there.state, there.is_watched) == (State.TAKEN_BACK, False)
    assert "nobody answered in time" in there.unwell
    world.watch.changed = lambda seen, _: seen
    _answer(store, world, Answer.GO_ON)
    assert _look(world, store, ONE, since).outcome is Outcome.DONE
    assert _standing(store).is_watched


@pytest.mark.parametrize(
    ("days", "steps"),
    [
        (0, ["watch the first week"]),
        (7, ["watch the first week", "confirm", "api retire"]),
        (
            9,
            ["watch the first week", "watch until the old side goes", "confirm", "api retire"],
        ),
    ],
)
def test_old_sides_go_when_their_time_is_over_and_the_week_is_watched_to_its_end(
    days: int, steps: Sequence[str]
) -> None:
    """After the week steady state has its own limits (ROLL-06)."""
    of = replace(ONE, settings=replace(ONE.settings, retain=days * 86400))
    plan = later(of, Since(run="", at=0), Hooks())
    assert [step.id for step in plan.steps] == steps
    periods = {each.period for each in of.plan.steps}
    assert (Period.STEADY in periods) is (days > 7)


def test_a_breach_in_the_first_week_goes_back_while_the_old_side_is_kept(
    store: SqliteStore,
) -> None:
    """By itself, as ROLL-08 has it."""
    world = cloud(("api",))
    assert _carried(world, store, KEPT).outcome is Outcome.DONE
    since = _since(store)
    world.watch.errors["api"] = lambda _: 0.2
    world.clock.at += 900
    ended = look_later(KEPT, since, world, setting(world.clock, store))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert world.sides["api"].share == 0


def test_nothing_is_sent_back_to_an_old_side_that_is_gone(store: SqliteStore) -> None:
    """However it is asked for."""
    world = cloud(("api",))
    _carried(world, store)
    because = Because(of=_standing(store).run, why="eve decided so", at=world.clock.at)
    assert take_back(ONE, because, world, setting(world.clock, store)).outcome is Outcome.STUCK
    assert world.sides["api"].share == 100
