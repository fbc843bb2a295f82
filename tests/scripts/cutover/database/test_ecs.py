"""Tests of the agent as a one-off ECS task, with the real calls of AWS and a real PostgreSQL."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from environments.published import PublishedTasks
from scripts.cutover.database.ecs import EcsTasks
from scripts.cutover.database.planned import agent_variables, plan_sql
from scripts.cutover.database.runners import AgentError, Job
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from scripts.exits import ExitCode
from scripts.runs.aws import Api
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.database.conftest import Database
from tests.scripts.cutover.database.product import Revision, declared, with_command
from tests.scripts.cutover.database.world import InProcess, around, at_base, carry_out, stage

LOG = "/slipway/staging/tasks"
COLUMN = Revision("base1", "ALTER TABLE orders ADD COLUMN status text;\n")


class Tasks:
    """What ECS does beside what moto has of it: it runs the container, and keeps its log."""

    def __init__(self, ecs: Any, logs: Any, container: InProcess) -> None:  # noqa: ANN401 - boto3 has no types
        self._ecs, self._logs, self._container = ecs, logs, container
        self.codes: dict[str, int | None] = {}
        self.starts = True
        """Whether containers start at all."""
        self.requests: list[Mapping[str, Any]] = []
        self.faults: list[Exception | dict[str, Any]] = []
        """What happens to the next requests instead of, or after, what was asked for."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - as boto3's client
        """As boto3's client has it."""
        return self._ecs.meta

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as boto3's client
        return getattr(self._ecs, name)

    def run_task(self, **request: Any) -> Any:  # noqa: ANN401 - as boto3's client
        """Start it, and let the container run."""
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, dict):
            return fault
        answer = self._ecs.run_task(**request)
        task = answer["tasks"][0]["taskArn"]
        (override,) = request["overrides"]["containerOverrides"]
        own = {each["name"]: each["value"] for each in override["environment"]}
        name, *arguments = override["command"]
        assert name == "migrate"
        ran = self._container.run(
            Job(arguments=arguments, host=own.get("MIGRATE_HOST"), name="container"),
            lambda _: None,
        )
        self.codes[task] = ran.code if self.starts else None
        stream = f"migrate/migrate/{task.rpartition('/')[2]}"
        self._logs.create_log_stream(logGroupName=LOG, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": json.dumps(line)} for line in ran.lines]
        self._logs.put_log_events(logGroupName=LOG, logStreamName=stream, logEvents=events)
        if fault:
            raise fault
        return answer

    def describe_tasks(self, **request: Any) -> Any:  # noqa: ANN401 - as boto3's client
        """What moto says, with the container's own exit code."""
        answer = self._ecs.describe_tasks(**request)
        for task in answer["tasks"]:
            for container in task["containers"]:
                container["exitCode"] = self.codes[task["taskArn"]]
                if container["exitCode"] is None:
                    del container["exitCode"]
                    task["stoppedReason"] = "Task failed to start: no image"
        return answer


@pytest.fixture
def cloud(mocked: Callable[[str], Any]) -> "Cloud":
    """An account with the task, whose container runs here."""
    ecs, ec2, logs = (mocked(name) for name in ("ecs", "ec2", "logs"))
    ecs.create_cluster(clusterName="slipway")
    ecs.register_task_definition(
        family="slipway-staging-migrate",
        containerDefinitions=[{"name": "migrate", "image": "x", "cpu": 1, "memory": 2}],
        networkMode="awsvpc",
    )
    logs.create_log_group(logGroupName=LOG)
    published = PublishedTasks(
        subnets=(ec2.describe_subnets()["Subnets"][0]["SubnetId"],),
        security_groups=(ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],),
        log_group=LOG,
        families={"migrate": "slipway-staging-migrate"},
    )

    def of(container: InProcess) -> tuple[Tasks, EcsTasks]:
        tasks = Tasks(ecs, logs, container)
        return tasks, EcsTasks(
            ecs=Api(tasks),
            logs=Api(logs),
            cluster="slipway",
            tasks=published,
            sleep=lambda _: None,
        )

    return of


Cloud = Callable[[InProcess], tuple[Tasks, EcsTasks]]


def prepared(folder: Path, database: Database, cloud: Cloud) -> tuple[Tasks, EcsTasks, Stage]:
    """A change that is carried out in the cloud."""
    change = declared("additive", with_command(folder, {"next1": COLUMN}))
    at_base(stage(change, folder, database))
    tasks, runner = cloud(InProcess({**database.variables, **agent_variables(change, folder)}))
    it = Stage(
        change=change,
        print_sql=lambda: plan_sql(change, folder),
        schema=Schema(runner),
        copies=None,
        backs_up=False,
    )
    return tasks, runner, it


def test_task(tmp_path: Path, database: Database, sqlite: SqliteStore, cloud: Cloud) -> None:
    """The same steps run as a task in the private network, and nothing secret is in its request."""
    tasks, _, it = prepared(tmp_path, database, cloud)
    assert carry_out(around(it).before, sqlite).code is ExitCode.DONE
    assert database.rows("SELECT revision FROM schema_version") == [("next1",)]
    assert [_action(each) for each in tasks.requests] == ["status", "to"]
    request = tasks.requests[-1]
    assert request["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert request["clientToken"] == request["startedBy"]
    assert "PASSWORD" not in str(tasks.requests).upper()


def test_no_answer(tmp_path: Path, database: Database, sqlite: SqliteStore, cloud: Cloud) -> None:
    """A request whose answer was lost started a task, which is found and waited for."""
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    tasks, _, it = prepared(tmp_path, database, cloud)
    it.schema.status()
    tasks.faults.append(ReadTimeoutError(endpoint_url="ecs"))
    assert carry_out(around(it).before, sqlite).code is ExitCode.DONE
    assert len(tasks.requests) == 2


def test_no_room(tmp_path: Path, database: Database, cloud: Cloud) -> None:
    """Where ECS has no room it is asked again; where it refuses, people are told why."""
    tasks, runner, _ = prepared(tmp_path, database, cloud)
    tasks.faults.append({"tasks": [], "failures": [{"reason": "Capacity is unavailable"}]})
    assert runner.run(Job(arguments=["status"], name="a"), lambda _: None).code == 0
    tasks.faults.append({"tasks": [], "failures": [{"reason": "BLOCKED"}]})
    with pytest.raises(AgentError, match="ECS started no task of slipway-staging-migrate: BLOCKED"):
        runner.run(Job(arguments=["status"], name="b"), lambda _: None)


def test_failed(tmp_path: Path, database: Database, cloud: Cloud) -> None:
    """A task that failed says what it wrote; one that never ran says why."""
    tasks, runner, _ = prepared(tmp_path, database, cloud)
    ran = runner.run(Job(arguments=["status", "--count", "nothing"], name="a"), lambda _: None)
    with pytest.raises(AgentError, match=r'task \w+.* ended with 1: relation "nothing" does not'):
        ran.result()
    tasks.starts = False
    with pytest.raises(AgentError, match=r"was stopped: Task failed to start: no image"):
        runner.run(Job(arguments=["status"], name="c"), lambda _: None)


def test_goes_on(tmp_path: Path, database: Database, sqlite: SqliteStore, cloud: Cloud) -> None:
    """After a kill the task that was started for the step is waited for, not started again."""
    tasks, runner, it = prepared(tmp_path, database, cloud)
    it.schema.status()

    def killed(*_: object) -> None:
        raise KilledError

    def carry_out_and_die() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EcsTasks, "_end", killed)
            carry_out(around(it).before, sqlite)

    with pytest.raises(KilledError):
        carry_out_and_die()
    asked = len(tasks.requests)
    again = Stage(
        change=it.change,
        print_sql=lambda: it.planned,
        schema=Schema(runner),
        copies=None,
        backs_up=False,
    )
    assert carry_out(around(again).before, sqlite).code is ExitCode.DONE
    assert [_action(each) for each in tasks.requests[asked:]] == ["status"]


class KilledError(BaseException):
    """The process that started the task is gone."""


def _action(request: Mapping[str, Any]) -> str:
    return str(request["overrides"]["containerOverrides"][0]["command"][1])
