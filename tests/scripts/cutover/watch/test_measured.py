"""The baseline of a service: measured where it serves, refused where too short, published."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from environments.watch import Watch as Watching
from environments.watch import WatchCommand
from scripts.cutover.judgement.gates import Watched
from scripts.cutover.judgement.limits import Period, gates, latencies
from scripts.cutover.judgement.observations import Counts
from scripts.cutover.planning.plan import plan
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.watch.baseline import BaselineRecord, NoBaselineError
from scripts.cutover.watch.connecting import Connections, watched
from scripts.cutover.watch.measured import Measured, measured, records
from scripts.cutover.watch.places import UnknownServiceError, place
from scripts.cutover.watch.prometheus import Prometheus
from scripts.exits import CommandError
from scripts.runs.aws import Api
from scripts.runs.canonical import canonical
from standards import Tier
from tests.scripts.cutover.watch.prometheus import Told, answering
from tests.scripts.cutover.watch.scene import (
    ENVIRONMENT,
    OLD,
    START,
    At,
    Scene,
    baseline,
    group,
    published,
    stage,
    watching,
)

DAY = 86_400
_TIER = (Tier.PRODUCTION, 1e-4)


@dataclass
class Balancer:
    """A listener rule and two ECS services, as boto3 gives them."""

    weights: dict[str, int] = field(default_factory=lambda: {"blue": 100, "green": 0})
    desired: dict[str, int] = field(default_factory=lambda: {"blue": 2, "green": 0})

    @property
    def meta(self) -> Any:  # noqa: ANN401 - as boto3 has it
        """What calls are named."""
        calls = {"describe_rules": "DescribeRules", "describe_services": "DescribeServices"}
        return SimpleNamespace(
            service_model=SimpleNamespace(signing_name="ecs"), method_to_api_mapping=calls
        )

    def describe_rules(self, **_: object) -> Mapping[str, Any]:
        """The weights of the target groups of `api`."""
        api = published().services["api"]
        groups = [
            {"TargetGroupArn": api.blue.target_group, "Weight": self.weights["blue"]},
            {"TargetGroupArn": api.green.target_group, "Weight": self.weights["green"]},
        ]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        return {"Rules": [{"Actions": [action]}]}

    def describe_services(self, services: list[str], **_: object) -> Mapping[str, Any]:
        """The sizes of the sides of `prover`, and what they run."""
        return {
            "services": [
                {
                    "serviceName": name,
                    "desiredCount": self.desired[name.rpartition("-")[2]],
                    "taskDefinition": f"arn:aws:ecs:x:y:task-definition/{name}:7",
                }
                for name in services
            ]
        }


def _connections(
    scene: Scene, balancer: Balancer | None = None, prometheus: Prometheus | None = None
) -> Connections:
    api = Api(balancer or Balancer())
    return Connections(
        cloudwatch=scene.metrics.api(),
        worldwide=scene.metrics.api(),
        ecs=api,
        elbv2=api,
        iam=api,
        sts=api,
        prometheus=prometheus,
        clock=scene.clock,
    )


def _served(days: int = 1, requests: int = 600) -> Scene:
    """The blue side has served for so many days: 0.5 % failed, 2 % slow."""
    scene = Scene(clock=At(START + 61))
    for at in range(int(START) - days * DAY, int(START), 300):
        metrics = scene.metrics
        metrics.add("AWS/ApplicationELB", "RequestCount", group(OLD), at, 1, requests)
        failed = "HTTPCode_Target_5XX_Count"
        metrics.add("AWS/ApplicationELB", failed, group(OLD), at, 1, requests // 200)
        for seconds, part in ((0.04, 70), (0.09, 28), (0.35, 2)):
            times = requests * part / 100
            metrics.add("AWS/ApplicationELB", "TargetResponseTime", group(OLD), at, seconds, times)
    return scene


@pytest.fixture(scope="module")
def served() -> Scene:
    """A day."""
    return _served()


@pytest.fixture
def found(served: Scene) -> Measured:
    """What was measured of it."""
    return measured(ENVIRONMENT, published(), ["api"], connections=_connections(served))["api"]


def test_a_baseline_counts_all_of_a_day(found: Measured) -> None:
    """Requests, errors, percentiles; and slower requests for the limits that come of them."""
    record = found.record
    assert record.side == "blue"
    assert record.seconds == DAY
    assert record.requests == 288 * 600
    assert record.errors == 288 * 3
    assert (record.p50_ms, record.p99_ms) == (40, 350)
    assert {*record.slower} == latencies(40, 350)
    assert record.slower[60] == pytest.approx(0.3 * 288 * 600)
    assert record.slower[2000] == 0


def test_what_is_measured_decides_what_is_expected(found: Measured) -> None:
    """Of both sides, in requests a second, as at the comparable time."""
    assert found.requests_per_second == pytest.approx(600 * 0.995 / 300)
    watched = found.watched
    assert watched.usual_per_second == found.requests_per_second
    assert watched.peak_per_second == pytest.approx(600 * 0.995 / 300)
    assert watched.is_public
    assert watched.has_database
    assert watched.has_canary


def test_a_plan_can_be_made_of_it(found: Measured) -> None:
    """It has all that a plan needs, where there are requests enough."""
    moved = Moved(watched=found.watched, requests_per_second=100, instances=3)
    assert plan([moved], Tier.PRODUCTION, Settings()).steps


def test_a_record_outlives_its_way_through_the_journal(found: Measured) -> None:
    """As canonical JSON, which is hashed and signed."""
    kept = canonical(records({"api": found}))  # pyright: ignore[reportArgumentType] - it is JSON
    again = BaselineRecord.model_validate(json.loads(kept)["api"])
    assert again == found.record
    assert again.baseline == found.watched.baseline


def test_a_day_that_is_too_short_is_made_a_week() -> None:
    """The fewest that decide are ten thousand requests for a limit of 1 %."""
    scene = _served(days=7, requests=20)
    (found,) = measured(ENVIRONMENT, published(), ["api"], connections=_connections(scene)).values()
    assert found.record.seconds == 7 * DAY


def test_a_baseline_that_is_too_short_is_refused() -> None:
    """With what there is, and what it takes (MON-14)."""
    scene = _served(days=1, requests=20)
    with pytest.raises(NoBaselineError, match=r"errors \(ROLL-07.* needs 10,000 .* were 5,760"):
        measured(ENVIRONMENT, published(), ["api"], connections=_connections(scene))


def test_a_service_without_requests_has_none() -> None:
    """And where they may not be read it says so."""
    scene = Scene(clock=At(START + 61))
    with pytest.raises(NoBaselineError, match="had no requests in 24 hours"):
        measured(ENVIRONMENT, published(), ["api"], connections=_connections(scene))
    scene.metrics.always["GetMetricData"] = "AccessDenied"
    with pytest.raises(NoBaselineError, match="not permitted"):
        measured(ENVIRONMENT, published(), ["api"], connections=_connections(scene))


@pytest.mark.parametrize("weights", [{"blue": 90, "green": 10}, {"blue": 0, "green": 0}])
def test_two_sides_that_serve_have_no_baseline(weights: dict[str, int]) -> None:
    """One of them is a release that nobody has judged yet."""
    connections = _connections(_served(requests=20), Balancer(weights=weights))
    with pytest.raises(CommandError, match="one side has to serve"):
        measured(ENVIRONMENT, published(), ["api"], connections=connections)


def test_the_side_that_serves_is_measured(served: Scene) -> None:
    """Green had no requests."""
    connections = _connections(served, Balancer(weights={"blue": 0, "green": 100}))
    with pytest.raises(NoBaselineError, match="green side, which serves, had no requests"):
        measured(ENVIRONMENT, published(), ["api"], connections=connections)


def test_a_service_that_is_not_there_is_refused() -> None:
    """With those that are."""
    with pytest.raises(UnknownServiceError, match="no service web; there are: api, prover"):
        place(ENVIRONMENT, published(), "web", "blue")


def test_a_worker_is_measured_by_what_it_counts_itself() -> None:
    """It has no load balancer; its queue is measured, too."""
    environment = watching(Watching(transactions=("prover",)))
    scene = Scene(clock=At(START + 61))
    queue = {"QueueName": "production-prover-jobs"}
    for at in range(int(START) - DAY, int(START), 300):
        scene.metrics.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, at, 4)
    told = Told()
    with answering(told) as address, httpx2.Client() as client:
        prometheus = _Counted(Prometheus(address, None, client), told)
        (found,) = measured(
            environment,
            published(),
            ["prover"],
            connections=_connections(scene, prometheus=prometheus),
        ).values()
    record = found.record
    assert (record.requests, record.errors) == (100_000, 100)
    assert (record.p50_ms, record.p99_ms) == (20, 20)
    assert record.queue == 4
    assert (record.transactions, record.failed_transactions) == (50_000, 50)
    assert not found.watched.is_public


class _Counted(Prometheus):
    """Answers by what a query asks for."""

    def __init__(self, of: Prometheus, told: Told) -> None:
        self.of, self.told = of, told

    def range(self, query: str, since: float, until: float) -> Any:  # noqa: ANN401 - as it does
        """What a histogram and two counters would give."""
        at = until

        def lines(label: str, values: Mapping[str, str]) -> None:
            self.told.matrix(*(({label: each}, [(at, v)]) for each, v in values.items()))

        if "quantile" in query:
            lines("x", {"": "0.02"})
        elif "_bucket" in query:
            lines("le", {"0.01": "90000", "0.025": "99900", "+Inf": "100000"})
        elif "_count" in query:
            lines("http_response_status_code", {"200": "99900", "500": "100"})
        else:
            lines("outcome", {"succeeded": "49950", "failed": "50"})
        return self.of.range(query, since, until)


def test_the_pages_are_measured_by_their_cdn() -> None:
    """Errors in percent of requests; nobody measures how long they take."""
    scene = Scene(clock=At(START + 61))
    of = {"DistributionId": "E2PAGES", "Region": "Global"}
    for at in range(int(START) - DAY, int(START), 300):
        scene.metrics.add("AWS/CloudFront", "Requests", of, at, 1, 400)
        scene.metrics.add("AWS/CloudFront", "5xxErrorRate", of, at, 0.5)
    (found,) = measured(
        ENVIRONMENT, published(), ["frontend"], connections=_connections(scene)
    ).values()
    assert (found.record.requests, found.record.errors) == (288 * 400, 288 * 2)
    kinds = {gate.series for period in Period for gate in gates(period, found.watched, *_TIER)}
    assert kinds == {
        f"frontend/{each}" for each in ("errors", "health", "throughput", "peak", "availability")
    }


def test_the_pages_have_sides_in_time_alone() -> None:
    """Errors of the new release are none of the old one's, though one CDN counts both."""
    scene = Scene(clock=At(START + 361))
    of = {"DistributionId": "E2PAGES", "Region": "Global"}
    for minute in range(-15, 5):
        at, percent = START + 60 * minute, 0.0 if minute < 0 else 50.0
        scene.metrics.add("AWS/CloudFront", "Requests", of, at, 1, 400)
        scene.metrics.add("AWS/CloudFront", "5xxErrorRate", of, at, percent)
    watch = watched(ENVIRONMENT, published(), {}, {}, connections=_connections(scene))
    pages = Watched(service="frontend", baseline=baseline(), is_pages=True)
    seen = watch.observe(stage(START, watched=pages))
    new, old = seen.new["frontend/errors"], seen.old["frontend/errors"]
    assert isinstance(new, Counts)
    assert isinstance(old, Counts)
    assert old.at[-1] == START
    assert sum(old.bad) == 0
    assert new.between(START, START + 300).bad == (200,) * 5
    first = stage(START - 300, period=Period.FIRST_MINUTES, watched=pages)
    check = replace(first, gates=[*first.gates, *stage(watched=pages).gates])
    assert watch.observe(check).old["frontend/errors"].at[-1] == START + 300


def _commanded(*lines: str) -> WatchCommand:
    text = "; ".join(("import os", "t = int(os.environ['SLIPWAY_SINCE'])", *lines))
    return WatchCommand(command=(sys.executable, "-c", text))


def test_a_service_that_aws_does_not_measure_is_measured_by_a_command() -> None:
    """Or it is refused, with what to do: a service on Kubernetes, say."""
    scene = Scene(clock=At(START))
    with pytest.raises(UnknownServiceError, match="let a command measure mcp/errors"):
        measured(ENVIRONMENT, published(), ["mcp"], connections=_connections(scene))
    counting = _commanded(
        """print('{"at": %d, "total": 40000, "bad": 40}' % (t + 60))""",
        """print('{"at": %d, "total": 40000, "bad": 40}' % (t + 36000))""",
    )
    healthy = _commanded("""print('{"at": %d, "value": 0}' % t)""")
    environment = watching(Watching(commands={"mcp/errors": counting, "mcp/health": healthy}))
    (found,) = measured(environment, published(), ["mcp"], connections=_connections(scene)).values()
    assert (found.record.requests, found.record.errors) == (80_000, 80)
    held = {gate.series for period in Period for gate in gates(period, found.watched, *_TIER)}
    assert held == {"mcp/errors", "mcp/health"}


def test_a_command_that_counts_too_little_gives_no_baseline() -> None:
    """Nor does one that counts nothing, or fails."""
    scene = Scene(clock=At(START))
    for lines, why in (
        (("""print('{"at": %d, "total": 40, "bad": 0}' % (t + 60))""",), "too short to compare"),
        (("pass",), "counted no requests"),
        (("os._exit(2)",), "exit code 2"),
    ):
        environment = watching(Watching(commands={"mcp/errors": _commanded(*lines)}))
        with pytest.raises(NoBaselineError, match=why):
            measured(environment, published(), ["mcp"], connections=_connections(scene))


def test_the_watch_of_a_cutover_is_made_of_what_was_published(
    found: Measured, served: Scene
) -> None:
    """New and old side by their colours; which tasks are whose by their revision."""
    baselines = {"api": found.watched.baseline}
    watch = watched(
        ENVIRONMENT, published(), {"api": "green"}, baselines, connections=_connections(served)
    )
    assert watch.sources["api", True].place.task_service == "production-api-green"
    assert watch.sources["api", False].place.task_service == "production-api-blue"
    assert watch.sources["api", True].labels() == {"job": "api", "aws_ecs_task_revision": "7"}
