"""The sequential test keeps its promises: computed ones, and what a small simulation shows."""

from itertools import pairwise
from math import exp, inf, log, log1p
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.cutover.judgement.sequential import (
    DETECTING,
    Evidence,
    ShareTest,
    rounded,
    upper,
    weight,
)


def crossings(test: ShareTest, share: float, requests: int, runs: int) -> float:
    """In what part of `runs` a side with `share` alarms within `requests`, one look each."""
    random = Random(7)  # noqa: S311 a simulation
    alarms = 0
    for _ in range(runs):
        before, looks = 0, list[tuple[float, float]]()
        while True:
            before += 1 + int(random.expovariate(share))
            if before > requests:
                break
            looks.append((float(before), 1.0))
            gone = [0.0, *(at for at, _ in looks)]
            since = [(b - a, 1.0) for a, b in pairwise(gone)]
            if test.evidence(since).since_start >= test.bound:
                alarms += 1
                break
    return alarms / runs


def test_the_computed_chances_are_those_of_a_simulation() -> None:
    """False alarms at any time, and detection in time, agree with what is drawn."""
    test = ShareTest(0.01, 0.04, 0.02)
    assert crossings(test, 0.01, 3000, 2000) == pytest.approx(0.02 * 0.95, abs=0.009)
    expected = test.detection(400)
    assert crossings(test, 0.04, 400, 1000) == pytest.approx(expected, abs=0.045)


def test_the_bound_is_below_walds_for_rare_events_alone() -> None:
    """Wald's counts no jump over the bound; with rare errors each jump is a big one."""
    assert ShareTest(0.001, 0.01, 1e-4).bound < -log(0.95e-4)
    assert ShareTest(0.2, 0.5, 1e-4).bound == -log(0.95e-4)


def test_from_a_tenth_to_one_percent_is_told_in_five_minutes() -> None:
    """At 5 requests a second, with what one service's first step may spend on it."""
    test = ShareTest(0.001, 0.01, 4.4e-4)
    assert test.detection(1500) >= DETECTING
    assert 1300 < test.needed() <= 1500


def test_what_is_hard_to_tell_takes_many_requests() -> None:
    """The nearer the baseline is to the limit, the more; more than few events are a diffusion."""
    needs = [ShareTest(healthy, 0.01, 1e-4).needed() for healthy in (0.001, 0.002, 0.005, 0.009)]
    assert needs == sorted(needs)
    assert needs[-1] > 100_000
    test = ShareTest(0.002, 0.01, 1e-4)
    assert test.detection(6000) == pytest.approx(test.detection(6001), abs=0.02)
    assert ShareTest(0.01, 0.0100001, 1e-4).needed() == float("inf")


def test_a_step_that_cannot_pass_does_not_decide() -> None:
    """So few requests that not even none bad of them would show the baseline."""
    test = ShareTest(0.0005, 0.01, 0.4)
    assert not test.decides_within(100)
    assert test.needed() > 300


def test_what_begins_late_is_noticed_by_the_mixture() -> None:
    """After 20,000 good requests the ratio since the start would need hundreds of errors."""
    test = ShareTest(0.001, 0.01, 1e-4)
    looks = [(1000.0, 1.0)] * 20 + [(100.0, 8.0)] * 4
    evidence = test.evidence(looks)
    assert evidence.since_start < test.bound
    assert test.alarms(evidence)
    assert not test.passes(evidence)


def test_more_of_the_same_neither_alarms_nor_overflows() -> None:
    """A week of good looks, and a flood of bad ones."""
    test = ShareTest(0.001, 0.01, 1e-6)
    good = test.evidence([(1000.0, 1.0)] * 40_000)
    assert test.passes(good)
    assert not test.alarms(good)
    assert test.alarms(test.evidence([(1e6, 1e6)] * 10))


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=40),
    st.sampled_from([(0.001, 0.01), (0.2, 0.5)]),
)
@settings(max_examples=60)
def test_the_mixture_is_the_mean_over_all_later_starts(
    looks: list[tuple[int, int]], shares: tuple[float, float]
) -> None:
    """All at once gives what one start after the other does."""
    test = ShareTest(*shares, 1e-3)
    pairs = [(float(max(both)), float(min(both))) for both in looks]
    weighed = [
        test.evidence(pairs[start:]).since_start + log(weight(start))
        for start in range(1, len(pairs))
    ]
    most = max(weighed, default=0.0)
    expected = most + log(sum(exp(each - most) for each in weighed)) if weighed else -inf
    assert test.evidence(pairs).mixture == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 20)), max_size=60),
    st.sampled_from([1e-2, 1e-4, 1e-6]),
)
@settings(max_examples=200)
def test_all_looks_together_show_what_one_after_the_other_does(
    looks: list[tuple[int, int]], alpha: float
) -> None:
    """Requests judged anew at each poll are judged as if only the newest were added."""
    test = ShareTest(0.001, 0.01, alpha)
    bad, good = log(0.01 / 0.001), log1p(-0.01) - log1p(-0.001)
    start = recent = mixed = 0.0
    for number, (requests, failed) in enumerate(looks, 1):
        moved = failed * bad + (requests - failed) * good
        start += moved
        recent = max(recent + moved, 0.0)
        mixed = (mixed + (weight(number - 1) if number > 1 else 0.0)) * exp(moved)
        evidence = test.evidence([(float(each), float(of)) for each, of in looks[:number]])
        assert evidence.since_start == pytest.approx(start, abs=1e-9)
        assert evidence.recent == pytest.approx(recent, abs=1e-9)
        assert test.alarms(evidence) is (start >= test.bound or mixed >= 20 / alpha)


def test_the_weights_of_all_changes_sum_to_1() -> None:
    """So that the mean is one; most changes come within a step's looks, some at any time after."""
    assert sum(map(weight, range(1, 200_000))) == pytest.approx(1, abs=1e-6)
    assert weight(1) == pytest.approx(0.9 / 50 + 0.1 / 2)
    assert weight(50) == pytest.approx(0.9 * 0.98**49 / 50 + 0.1 / (50 * 51))
    assert weight(40_000) == pytest.approx(0.1 / (40_000 * 40_001))


def test_it_alarms_at_its_bounds_and_passes_at_its_own() -> None:
    """At the bound since the start; where the mean is beyond what is left; never for a spike."""
    test = ShareTest(0.001, 0.01, 1e-4)
    assert test.alarms(Evidence(since_start=test.bound))
    assert not test.alarms(Evidence(since_start=test.bound - 1e-6))
    later = -log(1e-4 * 0.05) - log(weight(1))
    for beyond in (True, False):
        low = -later - (1e-6 if beyond else -1e-6)
        evidence = Evidence(since_start=0.0, recent=-low, after=(0.0, low, 0.0))
        assert evidence.mixture == pytest.approx(-log(1e-4 * 0.05), abs=1e-5)
        assert test.alarms(evidence) is beyond
    assert test.passes(Evidence(since_start=log(0.05)))
    assert not test.passes(Evidence(since_start=log(0.05) + 1e-6))
    assert not test.passes(Evidence(since_start=-9, recent=-log(0.05)))
    assert test.passes(Evidence(since_start=-9, recent=-log(0.05) - 1e-6))


def test_a_baseline_passes_once_its_ratio_is_expected_to() -> None:
    """The expected ratio of a side at the very baseline is log 0.05, and a bad one is noticed."""
    test = ShareTest(0.0005, 0.01, 0.4)
    drift = 0.0005 * log(0.01 / 0.0005) + 0.9995 * (log1p(-0.01) - log1p(-0.0005))
    enough = log(0.05) / drift
    assert test.detection(enough) > DETECTING
    assert not test.decides_within(enough * 0.9999)
    assert test.decides_within(enough * 1.0001)


@pytest.mark.parametrize(
    ("healthy", "limit", "alpha"),
    [(0, 0.01, 0.1), (0.01, 0.01, 0.1), (0.001, 1, 0.1), (0.001, 0.01, 0), (0.001, 0.01, 1)],
)
def test_what_is_no_test_is_refused(healthy: float, limit: float, alpha: float) -> None:
    """A baseline at its limit, or a chance of nothing, decides nothing."""
    with pytest.raises(ValueError, match="no test of"):
        ShareTest(healthy, limit, alpha)


def test_a_baseline_is_taken_for_higher_than_it_was_seen() -> None:
    """The fewer requests, the more so; never for less, and never for more than all."""
    assert 0.001 < upper(1000, 1_000_000) < 0.0011 < upper(10, 10_000) < 0.002
    assert 0 < upper(0, 1000) < 0.01
    assert upper(10, 10) == 1
    for share in (0.001, 0.00123, 0.3):
        assert share <= rounded(share) * (1 + 1e-9) <= share * 1.011
    assert rounded(rounded(0.0012)) == rounded(0.0012)


def test_nothing_seen_is_no_evidence() -> None:
    """Neither a pass nor an alarm."""
    test = ShareTest(0.001, 0.01, 1e-4)
    assert test.evidence([]) == Evidence()
    assert not test.passes(Evidence())
    assert not test.alarms(Evidence())
