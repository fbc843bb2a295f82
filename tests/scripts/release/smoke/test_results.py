"""What follows from the results of smoke tests (SMOKE-06, SMOKE-07)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.release.smoke.results import Result, flakiness, judged

GOOD = Result(
    name="one",
    requirements=("SMOKE-01",),
    critical=True,
    passed=True,
    seconds=0.1,
    asked="GET /health",
    came="status 200",
)


def results(critical: int, others: int, failed: int = 0, failed_critical: int = 0) -> list[Result]:
    """So many results, of which so many failed."""
    found: list[Result] = []
    for is_critical, count, bad in ((True, critical, failed_critical), (False, others, failed)):
        found += [
            replace(
                GOOD,
                name=f"{'critical' if is_critical else 'other'} {number}",
                critical=is_critical,
                passed=number >= bad,
            )
            for number in range(count)
        ]
    return found


@pytest.mark.parametrize(
    ("tests", "is_live", "kind"),
    [
        (results(3, 20), True, Kind.CONTINUE),
        (results(3, 20, failed=1), True, Kind.CONTINUE),
        (results(3, 20, failed=2), True, Kind.ASK),  # exactly 10 % takes the stricter branch
        (results(3, 30, failed=2), True, Kind.CONTINUE),
        (results(3, 30, failed=3), True, Kind.ASK),
        (results(3, 20, failed=1), False, Kind.ASK),  # all have to pass where users are not
        (results(3, 20), False, Kind.CONTINUE),
        (results(3, 20, failed_critical=1), True, Kind.ROLL_BACK),
        (results(3, 20, failed_critical=1), False, Kind.ROLL_BACK),
        (results(3, 0), True, Kind.CONTINUE),
        (results(0, 20), True, Kind.ASK),  # nothing shows that it works
        ([], True, Kind.ASK),
    ],
)
def test_what_follows(tests: list[Result], is_live: bool, kind: Kind) -> None:  # noqa: FBT001 - a parameter of the test
    """One critical failure rolls back, a tenth of the others asks, fewer are written down."""
    decision = judged(tests, is_live=is_live)
    assert decision.kind is kind
    assert len(decision.reasons) == len(tests) + 1
    assert bool(decision.asked) is (kind is Kind.ASK)


@given(
    critical=st.integers(0, 6),
    others=st.integers(0, 40),
    failed=st.integers(0, 40),
    failed_critical=st.integers(0, 6),
    is_live=st.booleans(),
)
def test_a_failure_more_is_never_judged_better(
    critical: int, others: int, failed: int, failed_critical: int, *, is_live: bool
) -> None:
    """The order of decisions follows the order of results, and nothing that failed is left out."""
    order = [Kind.CONTINUE, Kind.ASK, Kind.ROLL_BACK]
    now = judged(results(critical, others, failed, failed_critical), is_live=is_live)
    worse = judged(results(critical, others, failed + 1, failed_critical), is_live=is_live)
    worst = judged(results(critical, others, failed, failed_critical + 1), is_live=is_live)
    assert order.index(worse.kind) >= order.index(now.kind)
    assert order.index(worst.kind) >= order.index(now.kind)
    breached = [it for it in now.reasons if it.gate.startswith("smoke: ")]
    count = min(failed, others) + min(failed_critical, critical)
    assert sum(it.finding is Finding.BREACHED for it in breached) == count


@pytest.mark.parametrize(("changed", "finding"), [(0, Finding.PASSED), (2, Finding.BREACHED)])
def test_results_that_change_are_counted(changed: int, finding: Finding) -> None:
    """Fewer than 1 % may change when the same is asked again."""
    first = results(10, 90)
    assert flakiness([first, results(10, 90, failed=changed)]).finding is finding
    assert flakiness([first]).finding is Finding.PASSED


def test_a_failure_says_what_next() -> None:
    """What was asked, what came, what is allowed by which sentence, and what to do."""
    failed = replace(GOOD, passed=False, came="status 503", allowed="status 200", advice="Look.")
    assert str(failed) == (
        "one: asked GET /health; came status 503; allowed status 200 (SMOKE-01). Look."
    )
