"""Baselines for the alarms of a rollout: published, and read back as CloudWatch keeps them."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.judgement.limits import Period
from scripts.cutover.watch.cloudwatch import CloudWatch
from scripts.cutover.watch.publishing import (
    ERRORS,
    P50,
    P99,
    QUEUE,
    Publisher,
    namespace,
    published,
)
from scripts.runs.aws import Api, client
from stacks.rollout import BASELINES
from tests.scripts.cutover.watch.metrics import REGION, Metrics
from tests.scripts.cutover.watch.scene import START, Scene, stage

OF = {
    "api": Baseline(requests=20_000, errors=50, p50_ms=40, p99_ms=350),
    "prover": Baseline(requests=20_000, errors=0, p50_ms=2000, p99_ms=9000, queue=0.2),
}


@pytest.fixture
def api() -> Iterator[Api]:
    """CloudWatch as moto has it."""
    with mock_aws():
        yield Api(client("cloudwatch", region=REGION))


def test_names_and_place_are_those_of_the_alarms() -> None:
    """`stacks/rollout.py` looks for them there."""
    assert {*BASELINES.values()} == {ERRORS, P50, P99, QUEUE}
    assert namespace("production") == "Slipway/production"


def test_what_is_published_arrives(api: Api) -> None:
    """Percent, milliseconds, and a queue of at least one: an alarm divides by it."""
    publisher = Publisher(api, "production", OF)
    publisher.tick(START)
    assert publisher.trouble is None
    assert published(CloudWatch(api), "production", OF, START + 121) == {
        "api": {ERRORS: 0.25, P50: 40, P99: 350},
        "prover": {ERRORS: 0, P50: 2000, P99: 9000, QUEUE: 1},
    }


def test_what_was_not_published_is_missing(api: Api) -> None:
    """A service is left out of which nothing arrived."""
    assert published(CloudWatch(api), "production", OF, START + 121) == {}


def test_it_is_published_once_a_minute_while_the_window_lasts() -> None:
    """Afterwards the alarms of a rollout would hold a release to limits of another period."""
    scene = Scene()
    watch = scene.watch(Publisher(scene.metrics.api(), "production", OF))
    for _ in range(8):
        watch.observe(stage())
        scene.clock.sleep(15)
    assert scene.metrics.count("PutMetricData") == 2
    for period in (Period.FIRST_MINUTES, Period.FIRST_WEEK):
        scene.clock.sleep(60)
        watch.observe(stage(period=period))
    assert scene.metrics.count("PutMetricData") == 2


def test_what_cannot_be_published_is_told_and_tried_again() -> None:
    """The gates go on: they compare with the same baseline themselves."""
    scene = Scene()
    watch = scene.watch(Publisher(scene.metrics.api(), "production", OF))
    scene.metrics.always["PutMetricData"] = "ThrottlingException"
    watch.observe(stage())
    assert "PutMetricData" in watch.troubles["cloudwatch:PutMetricData"]
    scene.metrics.always.clear()
    watch.observe(stage())
    assert not watch.troubles
    assert scene.metrics.count("PutMetricData") == 2


def test_what_is_published_and_does_not_arrive_is_told() -> None:
    """It is read back: alarms without a baseline are silent."""
    scene = Scene()
    watch = scene.watch(Publisher(scene.metrics.api(), "production", OF))
    for _ in range(10):
        watch.observe(stage())
        scene.clock.sleep(60)
    assert not watch.troubles
    for key in [key for key in scene.metrics.samples if ("Service", "api") in key[2]]:
        del scene.metrics.samples[key]
    late = scene.watch(Publisher(Metrics().api(), "production", OF))
    late.observe(stage())
    scene.clock.sleep(400)
    late.observe(stage())
    assert "baseline of api" in late.troubles


def test_a_permission_to_publish_that_is_missing_is_named_before_the_start() -> None:
    """Nothing is written to find out."""
    scene = Scene()
    publisher = Publisher(scene.metrics.api(), "production", OF, lambda: ["PutMetricData: no"])
    assert "PutMetricData: no" in scene.watch(publisher).refusals()
    assert scene.metrics.count("PutMetricData") == 0
