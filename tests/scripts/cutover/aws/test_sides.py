"""The sides of a service behind a load balancer: which is which, and what each act does."""

import pytest

from scripts.cutover.aws.services import Services
from scripts.cutover.aws.sides import EcsSides
from tests.scripts.cutover.aws.account import NEW, OLD, SIZE, Account, apis

BLUE, GREEN = "production-api-blue", "production-api-green"


def sides_of(account: Account, release: str = NEW, before: str | None = None) -> EcsSides:
    """The sides of the api, read anew as whoever resumes does."""
    services = Services(account.published, apis(), now=account.now)
    return services.sides({"api": release}, {"api": before} if before else None)["api"]


def moved(account: Account, weight: int, instances: int = SIZE) -> EcsSides:
    """The sides after the new one was sized and given `weight`."""
    sides = sides_of(account)
    sides.scale(instances)
    account.move(0)
    account.move(120)
    sides.set_weight(weight)
    return sides


def test_the_new_side_is_the_one_without_traffic(account: Account) -> None:
    """At the start neither side runs the release."""
    sides = sides_of(account)
    assert (sides.old.service, sides.new.service) == (BLUE, GREEN)
    assert sides.releases == (OLD, NEW)
    assert (sides.size(), sides.weight()) == (SIZE, 0)
    assert (sides.healthy(is_new=False), sides.healthy(is_new=True)) == (SIZE, 0)


@pytest.mark.parametrize("weight", [0, 1, 50, 99, 100])
def test_whoever_resumes_finds_the_same_sides(account: Account, weight: int) -> None:
    """At any weight, also when all traffic is on the new side already."""
    moved(account, weight)
    again = sides_of(account, before=OLD)
    assert (again.new.service, again.weight()) == (GREEN, weight)
    assert sides_of(account).new.service == GREEN
    assert account.weights("api") == {BLUE: 100 - weight, GREEN: weight}
