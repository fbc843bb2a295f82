"""Whether the new version's logs and metrics arrive where they are looked for (SMOKE-09)."""

import asyncio
import json
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import uuid4

from environments import Environment
from environments.published import Published, PublishedService, PublishedSide
from scripts.cutover.aws.rule import Rule
from scripts.release.smoke.asking import SmokeFailureError
from scripts.release.smoke.tests import Ground, SmokeTest
from scripts.runs.aws import Api

_RECENT: Final = 600
"""Seconds: what is older says nothing of a release that was just made."""
_LONGEST: Final = 150
"""Seconds: a metric of ECS comes a minute or two late."""
_PAUSE: Final = 5.0
_MINUTE: Final = 60


def telemetry(environment: Environment) -> Iterator[SmokeTest]:
    """One test for each service."""
    if not environment.must("SMOKE-09"):
        return
    for name in environment.services:
        yield SmokeTest(
            name=f"logs and metrics of {name}",
            requirements=("SMOKE-09",),
            asks=f"CloudWatch for log entries and metrics of {name}'s tasks of the last "
            f"{_RECENT // _MINUTE} minutes: some of both, within {_LONGEST} s",
            run=partial(_arrive, name),
            seconds=_LONGEST + _PAUSE,
            critical=False,
        )


def error_tracking(environment: Environment) -> Iterator[SmokeTest]:
    """Whether what pages report is heard of (SMOKE-10)."""
    if environment.frontend is None or not environment.must("SMOKE-10"):
        return
    yield SmokeTest(
        name="error tracking of the pages",
        requirements=("SMOKE-10",),
        asks=f"CloudWatch RUM to take one event of a visit, and for that event, within {_LONGEST} "
        "s: it is there",
        run=_is_heard,
        seconds=_LONGEST + _PAUSE,
        critical=False,
    )


async def _is_heard(ground: Ground) -> str:
    end, since = time.monotonic() + _LONGEST, time.time() - _MINUTE
    event, is_there = await asyncio.to_thread(_report, ground, since)
    while not is_there:
        if time.monotonic() + _PAUSE > end:
            raise SmokeFailureError(
                "CloudWatch RUM for the event that it took",
                "it is not there",
                "the event",
                "Look at the app monitor: errors in browsers would not be heard of either.",
            )
        await asyncio.sleep(_PAUSE)
        is_there = await asyncio.to_thread(_has_reported, ground, event, since)
    return "an event was reported, and has arrived"


def _report(ground: Ground, since: float) -> tuple[str, bool]:
    with _told("CloudWatch RUM to take an event"):
        event = ground.telemetry().report()
    return event, _has_reported(ground, event, since)


def _has_reported(ground: Ground, event: str, since: float) -> bool:
    with _told("CloudWatch RUM for an event"):
        return ground.telemetry().has_reported(event, since=since)


@contextmanager
def _told(asked: str) -> Generator[None]:
    """Whatever a client of AWS raises, as a failure of the test."""
    try:
        yield
    except Exception as error:
        raise SmokeFailureError(
            asked,
            f"it cannot be asked: {error}",
            "its answer",
            "Sign in to AWS as somebody who may: docs/smoke.md has the list.",
        ) from error


async def _arrive(service: str, ground: Ground) -> str:
    end = time.monotonic() + _LONGEST
    while True:
        since = time.time() - _RECENT
        logged, measured = await asyncio.to_thread(_look, ground, service, since)
        if logged and measured:
            return f"{logged} of its tasks write logs, {measured} points of its metrics came"
        if time.monotonic() + _PAUSE > end:
            break
        await asyncio.sleep(_PAUSE)
    lacking = [
        what for what, there in (("log entries", logged), ("metrics", measured)) if not there
    ]
    raise SmokeFailureError(
        f"CloudWatch for {service}",
        f"no {' and no '.join(lacking)} of its tasks",
        "some of both",
        "Without them nobody sees what the release does: look at the execution role's rights to "
        "the log group, and whether the tasks run.",
    )


def _look(ground: Ground, service: str, since: float) -> tuple[int, int]:
    with _told(f"CloudWatch for {service}"):
        source = ground.telemetry()
        return source.logged(service, since=since), source.measured(service, since=since)


@dataclass(frozen=True, kw_only=True)
class CloudWatch:
    """The logs and metrics of an environment's services, of the side that serves, in CloudWatch."""

    published: Published
    ecs: Api
    logs: Api
    cloudwatch: Api
    elbv2: Api
    rum: Api

    def logged(self, service: str, *, since: float) -> int:
        """How many tasks of the side that serves have written since then."""
        group = self.published.services[service].log_group
        tasks = [task for side in self._serving(service) for task in self._tasks(side)]
        return sum(self._has_written(group, service, task, since) for task in tasks)

    def _has_written(self, group: str, service: str, task: str, since: float) -> bool:
        answer = self.logs(
            "filter_log_events",
            on=group,
            logGroupName=group,
            logStreamNames=[f"{service}/{service}/{task.rpartition('/')[2]}"],
            startTime=int(since * 1000),
            limit=1,
        )
        return bool(answer["events"])

    def measured(self, service: str, *, since: float) -> int:
        """How many points of the use of CPU of the side that serves came since then."""
        dimensions = [{"Name": "ClusterName", "Value": self.published.cluster}]
        queries = [
            {
                "Id": f"side{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/ECS",
                        "MetricName": "CPUUtilization",
                        "Dimensions": [
                            *dimensions,
                            {"Name": "ServiceName", "Value": side.service},
                        ],
                    },
                    "Period": _MINUTE,
                    "Stat": "SampleCount",
                },
            }
            for number, side in enumerate(self._serving(service))
        ]
        answer = self.cloudwatch(
            "get_metric_data",
            on=service,
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.now(UTC),
        )
        return sum(len(each["Values"]) for each in answer["MetricDataResults"])

    def report(self) -> str:
        """Report the start of a visit, which no alarm counts."""
        name = self._monitor
        monitor = self.rum("get_app_monitor", on=name, Name=name)["AppMonitor"]["Id"]
        event = str(uuid4())
        self.rum(
            "put_rum_events",
            on=name,
            Id=monitor,
            BatchId=str(uuid4()),
            AppMonitorDetails={"id": monitor, "name": name, "version": "1.0.0"},
            UserDetails={"userId": str(uuid4()), "sessionId": str(uuid4())},
            RumEvents=[
                {
                    "id": event,
                    "timestamp": datetime.now(UTC),
                    "type": "com.amazon.rum.session_start_event",
                    "metadata": json.dumps({"version": "1.0.0", "title": "smoke test"}),
                    "details": json.dumps({"version": "1.0.0"}),
                }
            ],
        )
        return event

    def has_reported(self, event: str, *, since: float) -> bool:
        """Whether that event is among those since then."""
        name = self._monitor
        pages = self.rum.pages(
            "get_app_monitor_data", on=name, Name=name, TimeRange={"After": int(since * 1000)}
        )
        return any(event in each for page in pages for each in page["Events"])

    @property
    def _monitor(self) -> str:
        """What the stack calls the app monitor."""
        return f"{self.published.environment}-frontend"

    def _serving(self, service: str) -> Sequence[PublishedSide]:
        """The side that gets traffic; both of a service that gets none from the load balancer."""
        found = self.published.services[service]
        serving = {
            "blue": [found.blue],
            "green": [found.green],
        }
        return serving.get(side_of(found, self.elbv2) or "", [found.blue, found.green])

    def _tasks(self, side: PublishedSide) -> Sequence[str]:
        return self.ecs(
            "list_tasks",
            on=side.service,
            cluster=self.published.cluster,
            serviceName=side.service,
            desiredStatus="RUNNING",
        )["taskArns"]


def side_of(service: PublishedService, elbv2: Api, *, serves: bool = True) -> str | None:
    """The side with the most traffic, or with `serves` false the other one; None without a rule."""
    if service.rule is None:
        return None
    weights = Rule(elbv2=elbv2, arn=service.rule, service=service.blue.service).weights()
    green, blue = (
        weights.get(side.target_group or "", 0) for side in (service.green, service.blue)
    )
    is_green = green > blue
    return "green" if is_green is serves else "blue"
