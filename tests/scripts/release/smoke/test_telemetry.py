"""Logs and metrics are looked for where AWS has them, by boto3's own calls."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final, cast

import pytest
from moto import mock_aws

from environments.published import Published, PublishedService, PublishedSide, PublishedTasks
from scripts.release.smoke.telemetry import CloudWatch, side_of
from scripts.runs.aws import Api, client

_SESSION: Any = import_module("botocore.session")  # botocore has no types
_VALIDATE: Any = import_module("botocore.validate")
REGION: Final = "us-east-1"
GROUP: Final = "/slipway/staging/api"


@pytest.fixture(scope="module")
def watch() -> Generator[CloudWatch]:
    """An account with a service on two sides, of which green serves."""
    with mock_aws():
        apis = {
            name: Api(client(name, region=REGION))
            for name in ("ec2", "logs", "cloudwatch", "elbv2")
        }
        blue, green, rule = _balancer(apis)
        apis["logs"]("create_log_group", on="it", logGroupName=GROUP)
        published = Published(
            environment="staging",
            region=REGION,
            account="123456789012",
            domain="staging.example.com",
            journal="j",
            evidence="e",
            load_balancer="app/edge/1",
            cluster="staging",
            services={
                "api": PublishedService(
                    blue=PublishedSide(service="staging-api-blue", target_group=blue),
                    green=PublishedSide(service="staging-api-green", target_group=green),
                    rule=rule,
                    log_group=GROUP,
                )
            },
            database="d",
            tasks=PublishedTasks(subnets=(), security_groups=(), log_group="t", families={}),
        )
        yield CloudWatch(
            published=published,
            ecs=cast("Api", None),
            rum=cast("Api", None),
            logs=apis["logs"],
            cloudwatch=apis["cloudwatch"],
            elbv2=apis["elbv2"],
        )


def _balancer(apis: dict[str, Api]) -> tuple[str, str, str]:
    """The ARNs of two target groups, and of the rule that sends all to the second."""
    ec2, elbv2 = apis["ec2"], apis["elbv2"]
    vpc = ec2("create_vpc", on="it", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2(
            "create_subnet",
            on="it",
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"{REGION}{zone}",
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    balancer = elbv2("create_load_balancer", on="it", Name="edge", Subnets=subnets)
    groups = [
        elbv2("create_target_group", on="it", Name=side, Protocol="HTTP", Port=80, VpcId=vpc)[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for side in ("blue", "green")
    ]
    forward: list[dict[str, Any]] = [
        {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"TargetGroupArn": arn, "Weight": weight}
                    for arn, weight in zip(groups, (0, 100), strict=True)
                ]
            },
        }
    ]
    listener = elbv2(
        "create_listener",
        on="it",
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=forward,
    )["Listeners"][0]["ListenerArn"]
    rule = elbv2(
        "create_rule",
        on="it",
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=forward,
    )["Rules"][0]["RuleArn"]
    return groups[0], groups[1], rule


def test_the_side_that_serves_is_told_by_its_weight(watch: CloudWatch) -> None:
    """As the load balancer itself says it; a service without a rule has none."""
    service = watch.published.services["api"]
    assert side_of(service, watch.elbv2) == "green"
    assert side_of(service, watch.elbv2, serves=False) == "blue"
    assert side_of(service.model_copy(update={"rule": None}), watch.elbv2) is None


@dataclass
class Told:
    """The calls of a service, answered as a test says; each is held to botocore's own model."""

    service: str
    answers: Callable[[str, Mapping[str, Any]], dict[str, Any]]

    def __call__(self, call: str, *, on: str, **arguments: object) -> dict[str, Any]:
        """The answer."""
        assert on
        name = "".join(map(str.capitalize, call.split("_")))
        model = _SESSION.get_session().get_service_model(self.service).operation_model(name)
        _VALIDATE.validate_parameters(arguments, model.input_shape)
        return self.answers(call, arguments)

    def pages(self, call: str, *, on: str, **arguments: object) -> list[dict[str, Any]]:
        """One page."""
        return [self(call, on=on, **arguments)]


def test_log_entries_count_of_the_tasks_that_serve(watch: CloudWatch) -> None:
    """One of the side that serves, written since then; no other side's, and none of before."""

    def tasks(call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert call == "list_tasks"
        task = f"arn:aws:ecs:{REGION}:123456789012:task/staging/{arguments['serviceName']}-task"
        return {"taskArns": [task]}

    own = replace(watch, ecs=cast("Api", Told("ecs", tasks)))
    now = datetime.now(UTC).timestamp()
    for stream in ("staging-api-green-task", "staging-api-blue-task"):
        name = f"api/api/{stream}"
        watch.logs("create_log_stream", on="it", logGroupName=GROUP, logStreamName=name)
    written: dict[str, object] = {"timestamp": int(now * 1000), "message": "started"}
    for side, count in (("blue", 0), ("green", 1)):
        watch.logs(
            "put_log_events",
            on="it",
            logGroupName=GROUP,
            logStreamName=f"api/api/staging-api-{side}-task",
            logEvents=[written],
        )
        assert own.logged("api", since=now - 60) == count
    assert own.logged("api", since=now + 60) == 0


def test_points_count_of_the_side_that_serves(watch: CloudWatch) -> None:
    """Its use of CPU, as ECS writes it."""
    at = datetime.now(UTC) - timedelta(seconds=90)
    for side, count in (("blue", 0), ("green", 1)):
        dimensions = [
            {"Name": "ClusterName", "Value": "staging"},
            {"Name": "ServiceName", "Value": f"staging-api-{side}"},
        ]
        point = {"MetricName": "CPUUtilization", "Value": 12, "Timestamp": at}
        watch.cloudwatch(
            "put_metric_data",
            on="it",
            Namespace="AWS/ECS",
            MetricData=[{**point, "Dimensions": dimensions}],
        )
        assert watch.measured("api", since=at.timestamp() - 300) == count


def test_an_event_of_a_visit_is_as_rum_takes_it(watch: CloudWatch) -> None:
    """By botocore's own model; it counts once it is among the events of the app monitor."""
    there: list[str] = []

    def answers(call: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        match call:
            case "get_app_monitor":
                assert arguments["Name"] == "staging-frontend"
                return {"AppMonitor": {"Id": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"}}
            case "put_rum_events":
                there.append(f'{{"event_id": "{arguments["RumEvents"][0]["id"]}"}}')
                return {}
            case _:
                return {"Events": there}

    own = replace(watch, rum=cast("Api", Told("rum", answers)))
    event = own.report()
    assert own.has_reported(event, since=0)
    assert not own.has_reported("another", since=0)
