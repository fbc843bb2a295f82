"""Services without public traffic: the share of a side is its instances'."""

from collections.abc import Iterator

import pytest

from scripts.cutover.aws.services import Services
from scripts.cutover.aws.sides import NotYetError
from scripts.cutover.aws.workers import WorkerSides
from tests.scripts.cutover.aws.account import NEW, OLD, SIZE, Account, apis, clients, opened
from tests.scripts.cutover.aws.faults import Faults

BLUE, GREEN = "production-jobs-blue", "production-jobs-green"


@pytest.fixture
def account() -> Iterator[Account]:
    """One with a service that takes its work from a queue."""
    with opened() as made:
        made.add("jobs", is_public=False)
        yield made


def sides_of(account: Account, before: str | None = None) -> WorkerSides:
    """The sides, as whoever resumes reads them."""
    services = Services(account.published, apis())
    sides = services.sides({"jobs": NEW}, {"jobs": before} if before else None)["jobs"]
    assert isinstance(sides, WorkerSides)
    return sides


def test_the_new_side_is_the_one_without_instances(account: Account) -> None:
    """There is no rule that would say it."""
    sides = sides_of(account)
    assert (sides.old.service, sides.new.service) == (BLUE, GREEN)
    assert sides.releases == (OLD, NEW)
    assert (sides.weight(), sides.size()) == (0, SIZE)
    assert sides.healthy(is_new=False) == SIZE
    with Faults().at_work():
        assert not sides.refusals()


def test_a_weight_is_instances_in_percent_of_the_old_side(account: Account) -> None:
    """The old side stays full at every weight, so that the way back is always open."""
    sides = sides_of(account)
    for weight, instances in ((10, 1), (50, 2), (100, 4)):
        sides.scale(instances)
        account.move(0)
        account.move(120)
        sides.set_weight(weight)
        assert sides.weight() == weight
        assert account.service(BLUE).desired_count == SIZE
        assert sides_of(account, before=OLD).weight() == 100 * instances // SIZE


def test_a_share_needs_its_instances(account: Account) -> None:
    """They pass the health check of their own container."""
    sides = sides_of(account)
    sides.scale(2)
    account.move(0)
    with pytest.raises(NotYetError, match="has 0 healthy instances, and needs 2 for 50 %"):
        sides.set_weight(50)
    account.move(120)
    sides.set_weight(50)
    account.sicken(GREEN, 1)
    with pytest.raises(NotYetError, match="has 1 healthy instances, and needs 2 for 50 %"):
        sides.set_weight(50)


def test_the_way_back_takes_the_new_instances_away(account: Account) -> None:
    """Nothing else keeps work from them; the old side is still full."""
    sides = sides_of(account)
    sides.scale(SIZE)
    account.move(0)
    account.move(120)
    sides.set_weight(100)
    with pytest.raises(NotYetError, match="still takes work"):
        sides.retire(is_new=True)
    sides.set_weight(0)
    assert sides.weight() == 0
    sides.retire(is_new=True)
    account.move(0)
    assert sides.is_retired(is_new=True)
    assert account.healthy(BLUE) == SIZE


def test_the_old_side_goes_once_the_new_one_carries_everything(account: Account) -> None:
    """From there the weight is whole, whoever asks."""
    sides = sides_of(account)
    sides.scale(2)
    account.move(0)
    account.move(120)
    with pytest.raises(NotYetError, match="needs 4 for 100 %"):
        sides.retire(is_new=False)
    sides.scale(SIZE)
    account.move(0)
    account.move(120)
    sides.set_weight(100)
    sides.retire(is_new=False)
    account.move(0)
    assert sides.is_retired(is_new=False)
    assert sides_of(account, before=OLD).weight() == 100


def test_a_worker_without_a_health_check_is_refused(account: Account) -> None:
    """Neither a load balancer nor the container would say whether it is well."""
    definition = account.register("jobs", OLD)
    clients()["ecs"].update_service(
        cluster="production", service=BLUE, taskDefinition=definition, desiredCount=SIZE
    )
    account.move(0)
    account.move(120)
    with Faults().at_work():
        found = sides_of(account).refusals()
    assert any("give it healthCheck.command" in each for each in found)
