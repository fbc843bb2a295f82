"""The world of a cutover on AWS: every service that an environment has, by its name."""

import json
from typing import Any

import pytest

from environments import load
from environments.published import PublishedWorkload
from scripts.cutover.aws.kubernetes import DeploymentSides
from scripts.cutover.aws.pointer import PointerSides
from scripts.cutover.aws.services import UnknownServiceError
from scripts.cutover.aws.sides import EcsSides
from scripts.cutover.aws.world import opened
from scripts.runs.aws import client
from tests.conftest import PROJECT
from tests.scripts.cutover.aws.account import NEW, OLD, REGION, Account
from tests.scripts.cutover.aws.test_pointer import NEW as NEW_PAGES
from tests.scripts.cutover.aws.test_pointer import Store, store

__all__ = ["store"]


@pytest.fixture
def environment(account: Account) -> Any:  # noqa: ANN401 - a copy of a frozen record
    """Production, in the account; where Prometheus is stands in a parameter."""
    there = load("production", PROJECT)
    aws = there.aws.model_copy(update={"region": REGION, "account": account.published.account})
    client("ssm", region=REGION).put_parameter(
        Name="/slipway/production/prometheus/remote-write",
        Value="https://aps.example.com/workspaces/one/api/v1/remote_write",
        Type="String",
    )
    client("eks", region=REGION).create_cluster(
        name="production-kubernetes",
        roleArn="arn:aws:iam::123456789012:role/control",
        resourcesVpcConfig={},
    )
    return there.model_copy(update={"aws": aws})


def test_each_kind_of_service_is_moved_by_its_own_kind_of_sides(
    account: Account,
    store: Store,
    environment: Any,  # noqa: ANN401 - as above
) -> None:
    """And the settings for the cluster are gone afterwards."""
    assert store.keys
    mcp = PublishedWorkload(
        cluster="production-kubernetes",
        namespace="mcp",
        deployment="mcp",
        load_balancer="app/mcp/1",
        target_group="targetgroup/mcp/1",
    )
    published = account.published.model_copy(update={"mcp": mcp})
    releases = {"api": (OLD, NEW), "frontend": (None, NEW_PAGES), "mcp": (OLD, NEW)}
    with opened(environment, published, releases) as world:
        kinds = {name: type(sides) for name, sides in world.sides.items()}
        assert kinds == {"api": EcsSides, "frontend": PointerSides, "mcp": DeploymentSides}
        assert world.sides["api"].releases == (OLD, NEW)
        assert world.clock.now() > 0
        assert not world.unproven


def test_what_the_environment_does_not_have_is_refused(
    account: Account,
    environment: Any,  # noqa: ANN401 - as above
) -> None:
    """It has neither a frontend nor a cluster here."""
    for name in ("frontend", "mcp", "web"):
        with (
            pytest.raises(UnknownServiceError, match=f"has no service {name}; there are: api"),
            opened(environment, account.published, {name: (None, NEW)}),
        ):
            pass


def test_a_record_without_an_mcp_server_is_read(account: Account) -> None:
    """As an earlier version published it."""
    text = account.published.model_dump_json(by_alias=True, exclude_none=True)
    assert "mcp" not in json.loads(text)
