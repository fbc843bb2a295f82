"""The agent as a one-off ECS task in the private network."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from environments.published import PublishedTasks
from scripts.cutover.database.runners import AgentError, Job, Line, Ran, read_line
from scripts.runs.aws import Api, AwsError

TASK: Final = "migrate"
"""The task, its container and the prefix of its log."""
_POLL_SECONDS: Final = 3.0
_LOG_SECONDS: Final = 15.0
"""How long the last lines of a task may be on their way to its log."""
_TRIES: Final = 5
_FULL: Final = ("RESOURCE", "Capacity", "AGENT")
"""What ECS answers where there is no room at this moment."""


@dataclass(frozen=True, kw_only=True)
class EcsTasks:
    """Starts the task `migrate` of an environment, waits for it, and reads what it wrote."""

    ecs: Api
    logs: Api
    cluster: str
    tasks: PublishedTasks
    sleep: Callable[[float], None] = time.sleep
    variables: Mapping[str, str] | None = None
    """More of its environment; nothing secret: whoever may describe tasks reads it."""

    def run(self, job: Job, tell: Callable[[str], None]) -> Ran:
        """Start one task and see it to its end."""
        task = self._found(job.name) or self._start(job)
        tell(f"task {_id(task)} runs")
        return self._end(task, tell)

    def finish(self, job: str) -> None:
        """Wait for the task that was started for that job."""
        if task := self._found(job):
            self._end(task, lambda _: None)

    def _found(self, job: str) -> str | None:
        """The task of that job, if it still runs."""
        for page in self.ecs.pages(
            "list_tasks", on=self.cluster, cluster=self.cluster, startedBy=job
        ):
            for task in page["taskArns"]:
                return str(task)
        return None

    def _start(self, job: Job) -> str:
        family = self.tasks.families.get(TASK)
        if family is None:
            raise AgentError(f"the environment publishes no task {TASK!r}: apply its stack first")
        variables = {**(self.variables or {}), **({"MIGRATE_HOST": job.host} if job.host else {})}
        request: dict[str, object] = {
            "cluster": self.cluster,
            "taskDefinition": family,
            "launchType": "FARGATE",
            "count": 1,
            "startedBy": job.name,
            # The same name is the same task: a request that timed out may be sent again.
            "clientToken": job.name,
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": list(self.tasks.subnets),
                    "securityGroups": list(self.tasks.security_groups),
                    "assignPublicIp": "DISABLED",
                }
            },
            "overrides": {
                "containerOverrides": [
                    {
                        "name": TASK,
                        "command": [TASK, *job.arguments],
                        "environment": [
                            {"name": name, "value": value}
                            for name, value in sorted(variables.items())
                        ],
                    }
                ]
            },
        }
        why = ""
        for _ in range(_TRIES):
            try:
                answer = self.ecs("run_task", on=family, **request)
            except TimeoutError as error:
                why = str(error)
            else:
                if answer["tasks"]:
                    return str(answer["tasks"][0]["taskArn"])
                why = "; ".join(str(each.get("reason", "")) for each in answer["failures"])
                if not any(word in why for word in _FULL):
                    break
            self.sleep(_POLL_SECONDS)
            if task := self._found(job.name):
                return task
        raise AgentError(f"ECS started no task of {family}: {why}")

    def _end(self, task: str, tell: Callable[[str], None]) -> Ran:
        told: list[Line] = []
        position: str | None = None
        while True:
            state = self._state(task)
            position = self._tail(task, position, told, tell)
            if state is not None and state["lastStatus"] == "STOPPED":
                break
            self.sleep(_POLL_SECONDS)
        if str(state.get("stopCode", "")) == "TaskFailedToStart":
            raise AgentError(f"task {_id(task)} did not start: {state.get('stoppedReason', '')}")
        containers: list[dict[str, Any]] = state["containers"]
        container = next(each for each in containers if each["name"] == TASK)
        code = container.get("exitCode")
        if code is None:
            why = container.get("reason") or state.get("stoppedReason", "")
            raise AgentError(f"task {_id(task)} was stopped: {why}")
        waited = 0.0
        while not _is_ended(told) and waited < _LOG_SECONDS:
            self.sleep(1.0)
            waited += 1.0
            position = self._tail(task, position, told, tell)
        return Ran(int(code), told, f"task {_id(task)}")

    def _state(self, task: str) -> dict[str, Any] | None:
        try:
            answer = self.ecs("describe_tasks", on=_id(task), cluster=self.cluster, tasks=[task])
        except TimeoutError:
            return None
        if not answer["tasks"]:
            raise AgentError(f"ECS does not know the task {_id(task)} any more")
        found: dict[str, Any] = answer["tasks"][0]
        return found

    def _tail(
        self, task: str, position: str | None, told: list[Line], tell: Callable[[str], None]
    ) -> str | None:
        """What the task wrote since `position`."""
        stream = f"{TASK}/{TASK}/{_id(task)}"
        try:
            answer = self.logs(
                "get_log_events",
                on=stream,
                logGroupName=self.tasks.log_group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": position} if position else {}),
            )
        except TimeoutError:
            return position
        except AwsError as error:
            if error.error == "ResourceNotFoundException":
                return position  # nothing was written yet
            raise
        for event in answer["events"]:
            line = read_line(str(event["message"]))
            told.append(line)
            if "message" in line:
                tell(str(line["message"]))
        return str(answer["nextForwardToken"])


def _is_ended(told: Sequence[Line]) -> bool:
    """Whether the line is there that an agent writes last."""
    return bool(told) and (told[-1].get("event") == "database" or told[-1].get("level") == "error")


def _id(task: str) -> str:
    return task.rpartition("/")[2]
