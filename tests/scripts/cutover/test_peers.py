"""What hurt the users of other cutover controllers, each as a test of this one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.judge import Stage, judge
from scripts.cutover.judgement.observations import Alarm, Counts, Levels, Observations
from scripts.cutover.judgement.refusals import refusals
from scripts.cutover.planning.plan import plan
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.running.conductor import Ended, Outcome, carry_out
from scripts.runs.sqlite import SqliteStore
from standards import Tier
from tests.scripts.cutover.cloud import SIZE, Cloud, CloudSides, cloud, cutover, setting
from tests.scripts.cutover.worlds import (
    BAKE,
    GUARD,
    POLL,
    START,
    but,
    healthy,
    levels,
    stage,
    times,
    watched,
)

END = START + BAKE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A journal in a file."""
    found = SqliteStore(tmp_path / "runs.sqlite")
    yield found
    found.close()


def carried(world: Cloud, store: SqliteStore) -> Ended:
    """A whole cutover of one service in `world`."""
    of = cutover(("api",), (5, 25, 100))
    return carry_out(of, world, setting(world.clock, store))


def test_an_old_side_that_still_has_all_traffic_stays(store: SqliteStore) -> None:
    """Argo scaled the old side down while the load balancer still sent it 100 % (argo#3333)."""
    world = cloud(("api",))
    world.sides["api"].stuck = True  # it takes each weight, and changes nothing
    assert carried(world, store).outcome is Outcome.ROLLED_BACK
    assert "api retire old" not in world.log
    assert world.sides["api"].old == SIZE


def test_an_old_side_to_which_traffic_returned_stays(store: SqliteStore) -> None:
    """Nor is it taken away where somebody put the weights back after the last step (argo#3333)."""
    world = cloud(("api",))
    sides, moved = world.sides["api"], list[float]()

    def returns() -> None:
        moved.extend([world.clock.at] if sides.share == 100 else [])
        if moved and world.clock.at > moved[0] + 1500:
            sides.share = 0

    world.clock.slept = returns
    assert carried(world, store).outcome is Outcome.ROLLED_BACK
    assert "api retire old" not in world.log


class Empty(CloudSides):
    """A new side whose tasks never are healthy."""

    def healthy(self, *, is_new: bool) -> int:
        """None of the new ones."""
        return 0 if is_new else super().healthy(is_new=is_new)


def test_no_weight_goes_to_an_empty_group(store: SqliteStore) -> None:
    """Argo switched to a target group without a healthy target (argo#2864)."""
    world = cloud(("api",))
    world.sides["api"] = Empty(("one", "two"), world.log, "api")
    ended = carried(world, store)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "0 of 2 new instances are healthy" in ended.why
    assert [each for each in world.log if "weight" in each] == ["api weight 0"]


def test_a_rollback_from_any_weight_is_one_change_onto_a_full_side(store: SqliteStore) -> None:
    """Argo's fast rollback sent 70 % to a side that was sized for 5 % (argo#4612)."""
    world = cloud(("api",))
    world.watch.errors["api"] = lambda sides: 0.3 if sides.share == 100 else 0.001
    old: list[int] = []
    world.clock.slept = lambda: old.append(world.sides["api"].old)
    assert carried(world, store).outcome is Outcome.ROLLED_BACK
    assert set(old) == {SIZE}
    back = world.log[world.log.index("api weight 100") + 1 :]
    assert back == ["api weight 0", "api retire new"]


def test_no_data_while_it_is_carried_out_asks_and_goes_back(store: SqliteStore) -> None:
    """Flagger went on without data (flagger#1581); here nobody's answer is a rollback."""
    world = cloud(("api",))

    def silent(seen: Observations, of: Stage) -> Observations:
        del of
        return replace(seen, new={}) if world.sides["api"].share else seen

    world.watch.changed = silent
    ended = carried(world, store)
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "nobody answered in time" in ended.why
    assert "api weight 25" not in world.log


def test_an_alarm_that_fires_already_changes_nothing(store: SqliteStore) -> None:
    """Copilot deployed with an alarm that was on already (copilot#4512)."""
    world = cloud(("api",))

    def firing(seen: Observations, of: Stage) -> Observations:
        del of
        return replace(seen, alarms={GUARD: Alarm.ALARM})

    world.watch.changed = firing
    assert carried(world, store).outcome is Outcome.REFUSED
    assert world.log == []


def test_no_data_is_no_pass() -> None:
    """Flagger went on when the traffic ended: the last requests said all was well."""
    of = stage()
    at = times(START - 900, END)
    quiet = Counts(at, (*(750.0,) * (len(at) - 20), *(0.0,) * 20), (0.0,) * len(at))
    decision = judge(of, but(healthy(of, END), {"api/errors": quiet}), END)
    assert decision.kind is not Kind.CONTINUE
    assert decision.reasons[0].finding is Finding.UNKNOWN


def test_a_metric_that_no_gate_reads_does_not_stand_for_one() -> None:
    """Flagger passed with metrics that were configured and never asked for."""
    of = stage()
    seen = healthy(of, END)
    elsewhere = but(seen, {"api/errors": None, "api/istio_requests_total": seen.new["api/errors"]})
    assert judge(of, elsewhere, END).kind is not Kind.CONTINUE


def test_an_alarm_that_fires_already_refuses_the_start() -> None:
    """Copilot and CodeDeploy ignored an alarm that was on when the deployment began."""
    of = stage()
    firing = replace(healthy(of, START), alarms={GUARD: Alarm.ALARM})
    decision = refusals(of.gates, firing, of.alarms, now=START, oldest_seconds=60)
    assert decision.kind is Kind.REFUSE


def test_seven_of_ten_points_a_hundred_times_as_high_are_noticed() -> None:
    """Kayenta's rank test passed them, and would have passed any height (spinnaker#6278)."""
    of = stage()
    at = times(START - 900, END)
    values = (*(1.0,) * (len(at) - 10), *(100.0,) * 7, *(1.0,) * 3)
    decision = judge(of, but(healthy(of, END), {"api/queue": Levels(at, values)}), END)
    assert decision.kind is Kind.ASK
    assert "100 jobs" in decision.reasons[0].text
    slow = Counts(at, (750.0,) * len(at), tuple(7.5 * each for each in values))
    decision = judge(of, but(healthy(of, END), {"api/slower than 600": slow}), END)
    assert decision.kind is Kind.ROLL_BACK


def test_sparse_errors_are_weighed_by_the_requests_around_them() -> None:
    """Others fail on one error in three requests, or never see one in a hundred."""
    of = stage()
    at = times(START - 900, END)
    one = Counts(at, (0.0,) * (len(at) - 1) + (3.0,), (0.0,) * (len(at) - 1) + (1.0,))
    assert judge(of, but(healthy(of, END), {"api/errors": one}), END).kind is Kind.HOLD
    later = START + 4 * BAKE
    at = times(START - 900, later)
    sparse = tuple(float(number % 2 == 0) for number in range(len(at)))
    steady = Counts(at, (50.0,) * len(at), sparse)
    decision = judge(of, but(healthy(of, later), {"api/errors": steady}), later)
    assert decision.kind is Kind.ROLL_BACK


def test_errors_that_begin_late_in_a_good_step_are_noticed() -> None:
    """What went well for long must not outweigh what goes wrong now."""
    of = stage()
    now = START + BAKE + 60
    at = times(START - 900, now)
    bad = tuple(0.05 * 750 if each > now - 60 else 0.0 for each in at)
    late = Counts(at, (750.0,) * len(at), bad)
    assert judge(of, but(healthy(of, now), {"api/errors": late}), now).kind is Kind.ROLL_BACK


def test_values_stand_in_every_reason() -> None:
    """Flagger's log says that a metric failed, not how high it was (flagger#1810)."""
    of = stage()
    seen = but(healthy(of, END), {"api/cpu": levels(END, 91, 92)})
    decision = judge(of, seen, END)
    judged = [each for each in decision.reasons if each.gate.startswith("api/")]
    assert len(judged) == len(of.gates)
    assert all(each.value is not None and each.samples for each in judged)


def test_a_rollback_returns_to_a_side_of_full_size() -> None:
    """Argo's fast rollback sent 70 % to a side sized for 5 %; here only the new side grows."""
    moved = Moved(
        watched=watched(), requests_per_second=500, instances=8, transactions_per_second=500
    )
    cutover = plan([moved], Tier.PRODUCTION, Settings())
    for step in cutover.steps:
        assert step.instances >= step.weight / 100 * moved.instances
    assert not any("scale" in timeout.name for timeout in cutover.rollback)


def test_a_flapping_alarm_is_asked_about_while_it_fires() -> None:
    """It neither passes between two of its states nor rolls back by itself."""
    of = stage()
    kinds = [
        judge(
            of, replace(healthy(of, START + POLL * 4), alarms={GUARD: state}), START + POLL * 4
        ).kind
        for state in (Alarm.ALARM, Alarm.OK, Alarm.ALARM, Alarm.UNKNOWN)
    ]
    assert kinds == [Kind.ASK, Kind.HOLD, Kind.ASK, Kind.HOLD]
