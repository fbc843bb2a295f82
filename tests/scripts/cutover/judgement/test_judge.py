"""The judgement continues, holds, asks and rolls back as the standards say."""

from dataclasses import replace
from math import nan

import pytest

from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.judgement.gates import Share
from scripts.cutover.judgement.judge import Stage, judge
from scripts.cutover.judgement.limits import MINUTES, Period
from scripts.cutover.judgement.observations import (
    Alarm,
    Answer,
    Counts,
    Levels,
    Observations,
    Question,
)
from scripts.cutover.judgement.verdicts import compared
from standards import Tier
from tests.scripts.cutover.worlds import (
    BAKE,
    GUARD,
    POLL,
    RATE,
    START,
    but,
    counts,
    healthy,
    levels,
    stage,
    times,
)

END = START + BAKE
SERIES = sorted({gate.series for gate in stage().gates})


def first(decision: Decision) -> Reason:
    """The reason that decided."""
    return decision.reasons[0]


def finding(decision: Decision, gate: str) -> Finding:
    """How the one gate whose id starts with `gate` was found."""
    (found,) = {each.finding for each in decision.reasons if each.gate.startswith(gate)}
    return found


@pytest.mark.parametrize("period", Period)
def test_a_healthy_release_continues_when_its_time_is_over(period: Period) -> None:
    """It continues when the stage has lasted, and holds, saying for how long, until then."""
    of = stage(period)
    before = judge(of, healthy(of, END - POLL), END - POLL)
    assert before.kind is Kind.HOLD
    assert first(before).text == "it lasts 15 s more"
    assert judge(of, healthy(of, END), END - 1).kind is Kind.HOLD
    assert judge(of, healthy(of, END), END).kind is Kind.CONTINUE


def test_every_decision_says_values_baseline_limit_and_sentence() -> None:
    """Whoever reads a decision sees what it rests on."""
    of = stage()
    bad = counts(times(START - 900, END), 0.03)
    decision = judge(of, but(healthy(of, END), {"api/errors": bad}), END)
    assert decision.kind is Kind.ROLL_BACK
    reason = first(decision)
    assert reason.cited == "ROLL-07 error_rate_above_percent"
    assert reason.value == pytest.approx(0.03, rel=0.01)
    assert reason.baseline == pytest.approx(0.001, rel=0.01)
    assert reason.limit == 0.01
    assert reason.samples == RATE * BAKE
    assert "3.000% of 15,000 requests that fail, baseline 0.100%, limit 1.000%" in reason.text
    assert str(reason).startswith("api/errors (ROLL-07 error_rate_above_percent) breached: 3.000%")


@pytest.mark.parametrize(
    ("series", "share", "kind", "cited"),
    [
        ("errors", 0.012, Kind.ROLL_BACK, "ROLL-07 error_rate_above_percent"),
        ("slower than 600", 0.012, Kind.ROLL_BACK, "ROLL-07 latency_p99_above_percent_of_baseline"),
        ("slower than 400", 0.012, Kind.ASK, "MON-09 latency_p99_above_baseline_percent"),
        ("slower than 60", 0.52, Kind.ASK, "MON-09 latency_p50_above_baseline_percent"),
        ("transactions", 0.012, Kind.ASK, "PM-06 transaction_failure_rate_above_percent"),
    ],
)
def test_a_share_beyond_its_limit_in_the_window(
    series: str, share: float, kind: Kind, cited: str
) -> None:
    """What the standards do by themselves is done; for the rest a person is asked."""
    of = stage()
    bad = counts(times(START - 900, END), share)
    decision = judge(of, but(healthy(of, END), {f"api/{series}": bad}), END)
    assert (decision.kind, first(decision).cited) == (kind, cited)


@pytest.mark.parametrize(
    ("series", "value", "cited"),
    [
        ("cpu", 80.1, "MON-09 cpu_above_percent"),
        ("memory", 85.1, "MON-09 memory_above_percent"),
        ("queue", 30.1, "MON-09 queue_depth_above_times_normal"),
        ("compute units", 90.1, "PM-06 compute_units_above_percent_of_limit"),
        ("oracle", 30.1, "PM-06 oracle_staleness_above_seconds"),
    ],
)
def test_a_level_above_its_limit_asks_and_one_spike_only_holds(
    series: str, value: float, cited: str
) -> None:
    """Two points above ask a person; one may be a spike, but is no pass; at the limit is well."""
    of = stage()

    def decided(*values: float) -> Decision:
        changed = {f"api/{series}": levels(END, *values)}
        return judge(of, but(healthy(of, END), changed), END)

    asked = decided(value, value)
    assert (asked.kind, first(asked).cited) == (Kind.ASK, cited)
    assert (asked.until, asked.default) == (END + 300, Answer.ROLL_BACK)
    held = decided(value)
    assert (held.kind, first(held).cited) == (Kind.HOLD, cited)
    assert decided(value - 0.1, value - 0.1).kind is Kind.CONTINUE


@pytest.mark.parametrize(
    ("series", "cited"),
    [
        ("health", "ROLL-07"),
        ("database connections", "ROLL-08"),
        ("invalid proofs", "ROLL-09"),
    ],
)
def test_one_event_rolls_back_at_once(series: str, cited: str) -> None:
    """A failing health check, connection or proof needs no second one, and no one's decision."""
    of = stage()
    now = START + POLL
    decision = judge(of, but(healthy(of, now), {f"api/{series}": levels(now, 1)}), now)
    assert (decision.kind, first(decision).cited) == (Kind.ROLL_BACK, cited)


def test_no_number_of_events_takes_another_one_back() -> None:
    """A source that counts backwards has counted something."""
    of = stage()
    now = START + POLL
    decision = judge(of, but(healthy(of, now), {"api/health": levels(now, 1, -1)}), now)
    assert decision.kind is Kind.ROLL_BACK


def test_a_tripped_breaker_asks() -> None:
    """The standards alarm for it and leave the rest to a person (PM-06, ROLL-10)."""
    of = stage()
    decision = judge(of, but(healthy(of, END), {"api/breakers": levels(END, 1)}), END)
    assert (decision.kind, first(decision).cited) == (Kind.ASK, "PM-06")


def test_a_named_emergency_rolls_back_whatever_else_is_so() -> None:
    """A breach that somebody raised needs no metric, in any period."""
    for period in Period:
        of = stage(period)
        decision = judge(of, replace(healthy(of, END), events=("data corruption",)), END)
        assert decision.kind is Kind.ROLL_BACK
        assert (first(decision).gate, first(decision).cited) == ("data corruption", "ROLL-09")


@pytest.mark.parametrize(
    ("period", "share", "kind", "cited"),
    [
        (Period.FIRST_MINUTES, 0.06, Kind.ROLL_BACK, "ROLL-08 error_rate_above_percent"),
        (Period.FIRST_WEEK, 0.03, Kind.ASK, "MON-11 error_rate_below_percent"),
        (Period.FIRST_WEEK, 0.06, Kind.ROLL_BACK, "ROLL-08 error_rate_above_percent"),
        (Period.STEADY, 0.06, Kind.ROLL_BACK, "ROLL-08 error_rate_above_percent"),
    ],
)
def test_each_period_has_its_own_limit_on_errors(
    period: Period, share: float, kind: Kind, cited: str
) -> None:
    """The window's 1 % is not the first week's 2 %, and 5 % for two minutes rolls back later."""
    of = stage(period)
    bad = counts(times(START - 900, END), share)
    decision = judge(of, but(healthy(of, END), {"api/errors": bad}), END)
    assert (decision.kind, first(decision).cited) == (kind, cited)


def test_a_warning_is_told_and_stops_nothing() -> None:
    """In steady state 3 % of errors warn (MON-12)."""
    of = stage(Period.STEADY)
    of = replace(of, gates=[each for each in of.gates if "warning_error" in each.cited])
    bad = counts(times(START - 900, END), 0.03)
    decision = judge(of, but(healthy(of, END), {"api/errors": bad}), END)
    assert decision.kind is Kind.CONTINUE
    assert first(decision).finding is Finding.BREACHED


def test_a_window_has_to_be_full_of_errors() -> None:
    """ROLL-08 wants 5 % for over 2 minutes: the same errors count for nothing before that."""
    of = stage(Period.FIRST_MINUTES, Tier.STAGING)
    for seconds, kind in ((105, Kind.HOLD), (120, Kind.ROLL_BACK)):
        now = START + seconds
        bad = counts(times(START - 900, now), 0.2)
        assert judge(of, but(healthy(of, now), {"api/errors": bad}), now).kind is kind


def test_failing_health_has_five_minutes_after_the_window() -> None:
    """ROLL-08 gives health checks 5 minutes, which begin anew with each that passes."""
    of = stage(Period.FIRST_MINUTES, Tier.STAGING)
    now = START + 600
    for points, kind in ((21, Kind.HOLD), (22, Kind.ROLL_BACK)):
        failing = levels(now, *(1.0,) * points)
        decision = judge(of, but(healthy(of, now), {"api/health": failing}), now)
        assert decision.kind is kind, points
    flapping = levels(now, *(1.0,) * 20, 0, 1)
    assert finding(
        judge(of, but(healthy(of, now), {"api/health": flapping}), now), "api/health"
    ) is (Finding.UNDECIDED)


def test_means_and_bands_of_the_first_week() -> None:
    """CPU is judged by its mean, hits in the cache by a band (MON-11)."""
    of = stage(Period.FIRST_WEEK)
    at = times(START - 900, END)

    def decided(series: str, *values: float) -> Kind:
        points = (values * len(at))[: len(at)]
        changed = {f"api/{series}": Levels(at, points)}
        return judge(of, but(healthy(of, END), changed), END).kind

    assert decided("cpu", 90, 20) is Kind.CONTINUE
    assert decided("cpu", 60) is Kind.ASK
    assert decided("cache hits", 10, 15) is Kind.CONTINUE
    assert decided("cache hits", 9) is Kind.ASK
    assert decided("cache hits", 16) is Kind.ASK


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("fault", ["unwritten", "missing", "stale", "nan", "disorder", "ahead"])
def test_what_says_nothing_never_passes(series: str, fault: str) -> None:
    """Each gate holds without its data, and after a while a person is asked."""
    of = stage()
    good = healthy(of, END).new[series]
    at = {
        "stale": tuple(each - MINUTES - 1 for each in good.at),
        "disorder": (*good.at[:-2], good.at[-1], good.at[-2]),
        "ahead": tuple(each + 200 for each in good.at),
        "missing": (),
    }.get(fault, good.at)
    changed = None if fault == "unwritten" else _with(good, at, broken=fault == "nan")
    for now, kinds in ((END, {Kind.HOLD, Kind.ASK}), (END + 121, {Kind.ASK})):
        seen = but(healthy(of, now), {series: changed})
        decision = judge(replace(of, oldest_seconds=60 + now - END), seen, now)
        assert decision.kind in kinds
        assert first(decision).finding is Finding.UNKNOWN
        assert first(decision).gate.startswith(series)


def _with(series: Counts | Levels, at: tuple[float, ...], *, broken: bool) -> Counts | Levels:
    """`series` at other times, its last value no number if `broken`."""
    count = len(at)
    if isinstance(series, Counts):
        bad = (*series.bad[: count - 1], nan) if broken else series.bad[:count]
        return Counts(at, series.total[:count], bad)
    value = (*series.value[: count - 1], nan) if broken else series.value[:count]
    return Levels(at, value)


def test_more_bad_requests_than_requests_are_no_data() -> None:
    """Counts that cannot be are not judged."""
    of = stage()
    at = times(START - 900, END)
    wrong = Counts(at, (1.0,) * len(at), (2.0,) * len(at))
    decision = judge(of, but(healthy(of, END), {"api/errors": wrong}), START + POLL)
    assert finding(decision, "api/errors") is Finding.UNKNOWN


def test_too_little_traffic_holds_and_then_asks() -> None:
    """A few good requests do not show that a release is well."""
    of = stage()
    few = healthy(of, END, rate=0.2)
    assert judge(of, few, END).kind is Kind.HOLD
    later = END + BAKE + POLL
    assert judge(of, healthy(of, later, rate=0.2), later).kind is Kind.ASK


def test_an_alarm_that_fires_asks_and_one_without_data_holds() -> None:
    """No state of an alarm but OK lets a release go on."""
    of = stage()
    for state, kind in ((Alarm.ALARM, Kind.ASK), (Alarm.UNKNOWN, Kind.HOLD)):
        seen = replace(healthy(of, START + 30), alarms={GUARD: state})
        assert judge(of, seen, START + 30).kind is kind
    assert judge(of, replace(healthy(of, END), alarms={}), END).kind is Kind.ASK


def question(answer: Answer | None = None, at: float = END) -> Question:
    """A question for the CPU, asked at `at`."""
    gates = frozenset({"api/cpu (MON-09 cpu_above_percent)"})
    return Question(at=at, gates=gates, breached=gates, answer=answer, by="ana")


def busy(of: Stage, now: float, asked: Question) -> Observations:
    """CPU above its limit, and a question about it."""
    hot = but(healthy(of, now), {"api/cpu": levels(now, 90, 90)})
    return replace(hot, question=asked)


@pytest.mark.parametrize(
    ("answer", "seconds", "kind"),
    [
        (None, 299, Kind.ASK),
        (None, 300, Kind.ROLL_BACK),
        (Answer.GO_ON, 15, Kind.CONTINUE),
        (Answer.ROLL_BACK, 15, Kind.ROLL_BACK),
    ],
)
def test_a_question_is_answered_in_time_or_by_default(
    answer: Answer | None, seconds: float, kind: Kind
) -> None:
    """Nobody's answer is a rollback; a person's answer is done."""
    of = stage()
    now = END + seconds
    seen = busy(of, now, question(answer))
    decision = judge(of, seen, now)
    assert decision.kind is kind
    if kind is Kind.ASK:
        assert decision.until == END + 300
    if kind is Kind.ROLL_BACK:
        who = "ana" if answer else "nobody answered in time, so by default"
        assert first(decision).text == f"{who}: roll back"
    if kind is Kind.CONTINUE:
        assert finding(decision, "api/cpu") is Finding.ACCEPTED


def test_an_answer_answers_nothing_else() -> None:
    """Who accepted the CPU was not asked for memory, and cannot stop an automatic rollback."""
    of = stage()
    seen = busy(of, END, question(Answer.GO_ON))
    full = but(seen, {"api/memory": levels(END, 90, 90)})
    decision = judge(of, full, END)
    assert decision.kind is Kind.ASK
    assert decision.asked == {"api/memory (MON-09 memory_above_percent)"}
    ill = but(seen, {"api/health": levels(END, 1)})
    assert judge(of, ill, END).kind is Kind.ROLL_BACK


def test_to_go_on_without_data_accepts_no_breach() -> None:
    """Who went on while nothing was known of the CPU is asked again once it is too high."""
    of = stage()
    unknown = replace(question(Answer.GO_ON), breached=frozenset[str]())
    blind = replace(but(healthy(of, END), {"api/cpu": Levels()}), question=unknown)
    assert judge(of, blind, END).kind is Kind.CONTINUE
    decision = judge(of, busy(of, END, unknown), END)
    assert decision.kind is Kind.ASK
    assert finding(decision, "api/cpu") is Finding.BREACHED


@pytest.mark.parametrize("share", [0.9, 0.99, 1.0])
def test_an_old_side_that_is_dead_is_nothing_to_compare_with(share: float) -> None:
    """Whoever is held above a baseline that fails everything is unknown; the others are judged."""
    of = stage()
    seen = healthy(of, END)
    at = times(START, END)
    dead = Counts(at, (7500.0,) * len(at), (7500.0 * share,) * len(at))
    decision = judge(of, replace(seen, old={**seen.old, "api/errors": dead}), END)
    assert decision.kind in {Kind.HOLD, Kind.ASK, Kind.CONTINUE}
    assert finding(decision, "api/errors") is not Finding.BREACHED


@pytest.mark.parametrize(
    ("answer", "default"), [(Answer.GO_ON, Answer.ROLL_BACK), (None, Answer.GO_ON)]
)
def test_who_goes_on_without_data_is_done(answer: Answer | None, default: Answer) -> None:
    """A gate that says nothing holds no longer once somebody, or the default, accepted that."""
    of = replace(stage(), default=default)
    now = END + 300
    silent = but(healthy(of, now), {"api/cpu": None})
    assert judge(of, silent, now).kind is Kind.ASK
    seen = replace(silent, question=question(answer))
    assert judge(of, seen, now).kind is Kind.CONTINUE
    assert finding(judge(of, seen, now), "api/cpu") is Finding.ACCEPTED
    early = replace(seen, question=question(answer, at=now - 299))
    assert judge(of, early, now).kind is (Kind.CONTINUE if answer else Kind.ASK)


def test_an_open_question_stays_open_when_its_cause_goes() -> None:
    """What was asked is decided by somebody, and recorded either way (ROLL-10)."""
    of = stage()
    seen = replace(healthy(of, END + POLL), question=question())
    decision = judge(of, seen, END + POLL)
    assert decision.kind is Kind.ASK
    assert "not answered yet" in first(decision).text


def test_what_was_before_the_stage_does_not_count() -> None:
    """Errors of the step before say nothing of this one."""
    of = stage()
    at = times(START - 900, END)
    good = counts(at, 0.001)
    bad = tuple(each if when > START else 500.0 for when, each in zip(at, good.bad, strict=True))
    seen = but(healthy(of, END), {"api/errors": Counts(at, good.total, bad)})
    assert judge(of, seen, END).kind is Kind.CONTINUE


def test_the_old_side_is_the_baseline_while_it_takes_traffic() -> None:
    """A rate that is the old side's too is nothing of the new one's doing."""
    of = stage()
    at = times(START - 900, END)
    errors = counts(at, 0.004)
    alone = but(healthy(of, END), {"api/errors": errors})
    assert judge(of, alone, END).kind is not Kind.CONTINUE
    both = replace(alone, old={**alone.old, "api/errors": counts(at, 0.004, rate=200)})
    decision = judge(of, both, END)
    (reason,) = (each for each in decision.reasons if "ROLL-07 error" in each.gate)
    assert reason.baseline == pytest.approx(0.004, rel=0.01)


def test_staging_has_no_emergencies_of_production() -> None:
    """ROLL-09 is for production alone."""
    cited = {each.requirement for each in stage(tier=Tier.STAGING).gates}
    assert "ROLL-09" not in cited
    assert "ROLL-09" in {each.requirement for each in stage().gates}


def test_a_baseline_near_its_limit_is_not_taken_for_a_better_one() -> None:
    """28 % of requests beyond 150 % of the usual P50, limit 50 %: the test starts from 28 %."""
    (gate,) = (each for each in stage().gates if each.series == "api/slower than 60")
    assert isinstance(gate, Share)
    against = compared(replace(gate, recorded=(280_000, 1_000_000)), None)
    assert against
    assert 0.28 <= against.test.healthy <= 0.29
    crowded = compared(replace(gate, recorded=(490_000, 1_000_000)), None)
    assert crowded
    assert crowded.test.healthy < 0.5
