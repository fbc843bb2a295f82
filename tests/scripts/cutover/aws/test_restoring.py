"""A release whose old side is gone is taken back with boto3's own calls (ROLL-11)."""

from scripts.cutover.aws.services import Services
from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import Outcome, stand_of, take_back
from scripts.cutover.running.restoring import restore, reversed_releases
from scripts.exits import ExitCode
from scripts.runs.runner import execute
from tests.scripts.cutover.aws.account import SIZE, Account, apis
from tests.scripts.cutover.aws.cutovers import Operator, Seen, World, cutover
from tests.scripts.cutover.aws.faults import Faults


def test_what_served_before_comes_up_beside_what_serves_and_gets_all_traffic(
    account: Account,
) -> None:
    """On the side that it had, from the digest that the journal has."""
    with Faults().at_work():
        _there_and_back(account)


def _there_and_back(account: Account) -> None:
    plan = cutover("api")
    operator = Operator(account, plan, Seen(account))
    assert operator.until_it_ends().outcome is Outcome.DONE
    old, new = "production-api-blue", "production-api-green"
    assert (account.service(old).desired_count, account.service(new).desired_count) == (0, SIZE)

    def world(*, is_turned: bool) -> World:
        pairs = reversed_releases(plan) if is_turned else plan.releases
        services = Services(account.published, apis())
        sides = services.sides(
            {service: each.new for service, each in pairs.items()},
            {service: each.old for service, each in pairs.items()},
        )
        return World(sides=sides, watch=operator.watch, clock=account)

    setting, of = operator.setting(), "run"
    up = execute(restore(plan, of), stand_of(plan, world(is_turned=True), setting), setting)
    assert up.code is ExitCode.DONE, up.message
    assert account.service(old).desired_count == SIZE
    because = Because(of=of, why="customers call", at=account.now())
    ended = take_back(plan, because, world(is_turned=False), setting, before=up)
    assert ended.outcome is Outcome.ROLLED_BACK, ended.message
    assert (account.service(old).desired_count, account.service(new).desired_count) == (SIZE, 0)
    assert account.weights("api") == {old: 100, new: 0}
