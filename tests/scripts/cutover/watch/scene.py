"""A service on two sides, with its metrics: healthy, until a test changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from environments import Environment, load
from environments.published import Published
from environments.watch import Watch as Watching
from scripts.cutover.judgement.gates import Baseline, Watched
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.limits import Period, gates, latencies
from scripts.cutover.watch.aws import AwsWatch, SideSources
from scripts.cutover.watch.cloudwatch import CloudWatch
from scripts.cutover.watch.command import Command
from scripts.cutover.watch.places import place
from scripts.cutover.watch.prometheus import Prometheus
from scripts.cutover.watch.publishing import Publisher
from standards import Tier
from tests.scripts.cutover.watch.metrics import Metrics

PROJECT: Final = Path(__file__).parents[4]
START: Final = 1_700_000_040.0
"""A full minute."""


def watching(watch: Watching) -> Environment:
    """Production, which is no market, with what is watched of it."""
    made = load("production", PROJECT)
    cutover = made.cutover.model_copy(update={"watch": watch})
    metrics = made.metrics and made.metrics.model_copy(update={"is_market": False})
    return made.model_copy(update={"cutover": cutover, "metrics": metrics})


ENVIRONMENT: Final = watching(Watching())
BALANCER: Final = "app/production/0123456789abcdef"
CLUSTER: Final = "production-services"
NEW, OLD = "green", "blue"
_ARN: Final = "arn:aws:elasticloadbalancing:us-east-1:333333333333:targetgroup"
GUARDS: Final = frozenset({"production-api-rollout", "production-api-critical"})


def published() -> Published:
    """What the stack of the environment published."""

    def service(name: str, *, is_public: bool, queue: str | None) -> Mapping[str, object]:
        sides: dict[str, object] = {
            color: {
                "service": f"production-{name}-{color}",
                "targetGroup": f"{_ARN}/production-{name}-{color}/{color}" if is_public else None,
            }
            for color in ("blue", "green")
        }
        return sides | {
            "rule": "arn:rule" if is_public else None,
            "logGroup": "/slipway/production/api",
            "queue": queue,
        }

    return Published.model_validate(
        {
            "environment": "production",
            "region": "us-east-1",
            "account": "333333333333",
            "domain": "slipway.example.com",
            "journal": "production-runs",
            "evidence": "evidence",
            "loadBalancer": BALANCER,
            "cluster": CLUSTER,
            "services": {
                "api": service("api", is_public=True, queue=None),
                "prover": service("prover", is_public=False, queue="production-prover-jobs"),
            },
            "frontend": {
                "domain": "app.example.com",
                "bucket": "pages",
                "releaseStore": "arn:aws:cloudfront::333333333333:key-value-store/pages",
                "distribution": "E2PAGES",
            },
            "database": "production-database",
            "tasks": {"subnets": [], "securityGroups": [], "logGroup": "x", "families": {}},
        }
    )


def group(color: str, service: str = "api") -> Mapping[str, str]:
    """The dimensions of a side's target group."""
    name = f"targetgroup/production-{service}-{color}/{color}"
    return {"LoadBalancer": BALANCER, "TargetGroup": name}


def tasks(color: str, service: str = "api") -> Mapping[str, str]:
    """The dimensions of a side's tasks."""
    return {"ClusterName": CLUSTER, "ServiceName": f"production-{service}-{color}"}


@dataclass
class At:
    """A clock that stands until it is moved."""

    time: float = START

    def now(self) -> float:
        """The time it shows."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """It moves on."""
        self.time += seconds


@dataclass
class Scene:
    """A watch over samples that a test writes."""

    metrics: Metrics = field(default_factory=Metrics)
    clock: At = field(default_factory=At)
    prometheus: Prometheus | None = None
    commands: Mapping[str, Command] = field(default_factory=dict[str, Command])

    def watch(self, publisher: Publisher | None = None) -> AwsWatch:
        """The watch of a cutover from blue to green."""
        return AwsWatch(
            environment=ENVIRONMENT,
            sources={
                ("api", is_new): SideSources(
                    place=place(ENVIRONMENT, published(), "api", NEW if is_new else OLD),
                    labels=lambda: {"job": "api"},
                )
                for is_new in (True, False)
            },
            cloudwatch=CloudWatch(self.metrics.api()),
            prometheus=self.prometheus,
            commands=self.commands,
            clock=self.clock,
            publisher=publisher,
        )

    def serve(  # noqa: PLR0913 - what a minute of a side can be like
        self,
        since: float,
        until: float,
        color: str = NEW,
        *,
        requests: int = 600,
        failed: int = 0,
        seconds: float = 0.04,
        slow: int = 0,
        healthy: int = 3,
        cpu: float = 30.0,
    ) -> None:
        """A side serves: every minute from `since` to `until`; nothing is written that is zero."""
        metrics = self.metrics
        for minute in range(int(since), int(until), 60):
            at = float(minute)
            if requests:
                metrics.add("AWS/ApplicationELB", "RequestCount", group(color), at, 1, requests)
                good = requests - failed
                self._count("HTTPCode_Target_2XX_Count", color, at, good)
                self._count("HTTPCode_Target_5XX_Count", color, at, failed)
                for value, times in ((seconds, requests - slow), (seconds * 100, slow)):
                    if times:
                        name = "TargetResponseTime"
                        metrics.add("AWS/ApplicationELB", name, group(color), at, value, times)
            metrics.add("AWS/ApplicationELB", "HealthyHostCount", group(color), at, healthy)
            metrics.add("AWS/ApplicationELB", "UnHealthyHostCount", group(color), at, 0)
            for name, value in (
                ("DesiredTaskCount", 3),
                ("RunningTaskCount", 3),
                ("EphemeralStorageUtilized", 4),
                ("EphemeralStorageReserved", 20),
            ):
                metrics.add("ECS/ContainerInsights", name, tasks(color), at, value)
            metrics.add("AWS/ECS", "CPUUtilization", tasks(color), at, cpu)
            metrics.add("AWS/ECS", "MemoryUtilization", tasks(color), at, 40)

    def _count(self, name: str, color: str, at: float, times: int) -> None:
        if times:
            self.metrics.add("AWS/ApplicationELB", name, group(color), at, 1, times)


def baseline(requests: float = 1_000_000) -> Baseline:
    """What a healthy service was like."""
    return Baseline(
        requests=requests,
        errors=requests * 0.001,
        p50_ms=40,
        p99_ms=200,
        slower={ms: requests * (0.2 if ms < 100 else 0.001) for ms in latencies(40, 200)},
    )


def stage(
    since: float = START,
    period: Period = Period.WINDOW,
    watched: Watched | None = None,
    alarms: Sequence[str] = (),
) -> Stage:
    """A stage of the service `api`."""
    of = watched or Watched(service="api", baseline=baseline())
    return Stage(
        name="api 10 %",
        gates=gates(period, of, Tier.PRODUCTION, 1e-4),
        since=since,
        bake_seconds=300,
        hold_seconds=300,
        oldest_seconds=120,
        blind_seconds=300,
        ask_seconds=300,
        alarms=frozenset(alarms),
    )
