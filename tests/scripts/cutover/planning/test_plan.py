"""Cutovers are planned in steps that can be decided, and taken back in time, or refused."""

import re
from dataclasses import replace

import pytest

from scripts.cutover.judgement.gates import Share
from scripts.cutover.judgement.limits import Period
from scripts.cutover.planning.plan import FALSE_ROLLBACKS, CutoverPlan, PlanError, plan
from scripts.cutover.planning.steps import Moved, Settings
from standards import Tier, figure
from tests.scripts.cutover.worlds import REQUESTS, watched


def moved(service: str = "api", rate: float = 500, requests: float = REQUESTS) -> Moved:
    """A service with so many requests a second."""
    return Moved(
        watched=watched(service, requests),
        requests_per_second=rate,
        instances=4,
        transactions_per_second=rate,
    )


def weights(cutover: CutoverPlan) -> list[int]:
    """The weights of the deployment window."""
    return [step.weight for step in cutover.steps if step.period is Period.WINDOW]


def test_with_enough_traffic_every_weight_is_a_step() -> None:
    """Then come the watches of the first minutes and the first week (ROLL-06)."""
    cutover = plan([moved()], Tier.PRODUCTION, Settings())
    assert weights(cutover) == [1, 5, 10, 25, 50, 100]
    assert cutover.merged == ()
    after = [step for step in cutover.steps if step.period is not Period.WINDOW]
    assert [(step.period, step.bake) for step in after] == [
        (Period.FIRST_MINUTES, figure("ROLL-06", "first_period_minutes").seconds),
        (Period.FIRST_WEEK, figure("ROLL-06", "first_week_days").seconds),
    ]


def test_a_step_lasts_as_long_as_its_traffic_needs_to_decide() -> None:
    """The first, with the fewest requests, takes longer; each gets the requests that it needs."""
    cutover = plan([moved()], Tier.PRODUCTION, Settings())
    first, *others = (step for step in cutover.steps if step.period is Period.WINDOW)
    assert first.bake > 300
    assert {step.bake for step in others} == {300}
    assert first.requests == first.bake * 5


def test_what_cannot_be_decided_is_merged_with_the_next() -> None:
    """And the plan says why, with the numbers."""
    cutover = plan([moved(rate=50)], Tier.PRODUCTION, Settings())
    assert weights(cutover) == [5, 10, 25, 50, 100]
    (why,) = cutover.merged
    assert re.fullmatch(
        r"api at 1 %, merged with the next step: requests that fail \(ROLL-07 .*\) "
        r"need [\d,]+ requests, 900 are expected",
        why,
    )


def test_what_no_step_decides_is_refused() -> None:
    """Two requests a second cannot show a release well in any step before all traffic."""
    with pytest.raises(PlanError, match=r"api: 50 % cannot be decided: .* need 4,\d+ requests"):
        plan([moved(rate=2)], Tier.PRODUCTION, Settings())


def test_a_baseline_too_short_is_refused() -> None:
    """It takes 10,000 requests to compare with a limit of 1 %."""
    with pytest.raises(PlanError, match="have a baseline of 9,000, and it takes 10,000"):
        plan([moved(requests=9000)], Tier.PRODUCTION, Settings())


def test_a_baseline_near_its_limit_is_refused() -> None:
    """Nothing tells a side at 0.9 % from a limit of 1 % in time."""
    near = watched()
    near = replace(near, baseline=replace(near.baseline, errors=REQUESTS * 0.009))
    with pytest.raises(PlanError, match="cannot be decided"):
        plan([replace(moved(), watched=near, requests_per_second=5)], Tier.PRODUCTION, Settings())


@pytest.mark.parametrize("count", [1, 3])
def test_false_rollbacks_are_spent_once_over_all_gates_steps_and_services(count: int) -> None:
    """The sum of what every gate of every step of every service may spend is the budget."""
    services = [moved(f"service-{number}") for number in range(count)]
    cutover = plan(services, Tier.PRODUCTION, Settings())
    spent = sum(gate.alpha for s in cutover.steps for gate in s.gates if isinstance(gate, Share))
    assert spent == pytest.approx(FALSE_ROLLBACKS)


def test_a_frontend_comes_after_the_backends() -> None:
    """Whatever the order in which they are named (PIPE-13), and it is taken back first."""
    web = replace(moved("web"), is_frontend=True)
    cutover = plan([web, moved("api")], Tier.PRODUCTION, Settings())
    order = list(dict.fromkeys(step.service for step in cutover.steps))
    assert order == ["api", "web"]
    assert cutover.rollback[1].name == "web: set weights"


def test_the_new_side_is_sized_before_its_share() -> None:
    """In production two instances at least (SVC-01); elsewhere one may do."""
    many = replace(moved(), instances=30)
    for tier, least in ((Tier.PRODUCTION, 2), (Tier.STAGING, 1)):
        cutover = plan([many], tier, Settings())
        sizes = [step.instances for step in cutover.steps if step.period is Period.WINDOW]
        assert sizes == [least, 2, 3, 8, 15, 30]


def test_the_bound_of_a_rollback_is_the_sum_of_its_timeouts() -> None:
    """A dead controller's lease and further tries count, and it is below ROLL-01's, or refused."""
    cutover = plan([moved("a"), moved("b")], Tier.PRODUCTION, Settings())
    lease, tries, smoke = 60 + 3 * 10, 60, 300
    assert cutover.rollback_bound == lease + 2 * (30 + 30) + 60 + smoke + tries
    refused = r"could take 15 min 30 s, .* less than 15 min \(ROLL-01\): 1 min 30 s \(taking over"
    with pytest.raises(PlanError, match=refused):
        plan([moved(name) for name in "abcdefg"], Tier.PRODUCTION, Settings())


@pytest.mark.parametrize(
    ("services", "settings", "why"),
    [
        ([], Settings(), "at least one service"),
        ([moved(), moved()], Settings(), "moved once each; given: api, api"),
        ([moved()], Settings(weights=(1, 50)), "rise from at least 1 to 100"),
        ([moved()], Settings(weights=(50, 1, 100)), "rise from at least 1 to 100"),
        ([moved()], Settings(weights=(0, 100)), "rise from at least 1 to 100"),
        ([moved()], Settings(weights=()), "rise from at least 1 to 100"),
        ([moved()], Settings(weights=(100,)), "all traffic at once is refused"),
        ([moved()], Settings(poll=0), "have to rise in this order"),
        ([moved()], Settings(bake=3600), "have to rise in this order"),
        ([moved(rate=0)], Settings(), "needs traffic to judge"),
        ([replace(moved(), instances=0)], Settings(), "a side that serves it"),
    ],
)
def test_bad_input_is_refused(services: list[Moved], settings: Settings, why: str) -> None:
    """Before anything else, and with what is allowed."""
    with pytest.raises(PlanError, match=why):
        plan(services, Tier.PRODUCTION, settings)


def test_all_at_once_is_for_environments_without_users() -> None:
    """PIPE-03 speaks of staging and production."""
    cutover = plan([moved()], Tier.INTEGRATION, Settings(weights=(100,)))
    assert weights(cutover) == [100]
