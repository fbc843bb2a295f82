"""The workflows of continuous integration, as far as a proof looks at them.

A job that calls another workflow of the repository stands for the jobs that it calls, with the
inputs that it gives them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from environments.settings import read_settings, value_of

WORKFLOWS: Final = Path(".github", "workflows")
_INPUT: Final = re.compile(r"\$\{\{ *inputs\.(\w+) *\}\}")
_ALWAYS: Final = {"", "True", "${{ !cancelled() }}"}
"""The conditions of a step that holds whenever its job runs, an input's among them."""
_OWN: Final = "./.github/workflows/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: when it runs, after which others, as whom, and what it does."""

    name: str
    """`deploy.yaml staging`; of a workflow that is called, `deploy.yaml staging.apply`."""
    triggers: Mapping[str, Any]
    """What starts it, by the event's name, with the branches or the schedule."""
    needs: frozenset[str]
    """The jobs of the same workflow that have to succeed before, also those before them."""
    environment: str
    """The environment of GitHub whose protection holds it up; empty where there is none."""
    group: str
    """Of the jobs with one group, one runs at a time; empty where many may."""
    cancels: bool
    """Whether a newer job of the group ends it."""
    permissions: Mapping[str, str]
    condition: str
    matrix: Mapping[str, Any]
    goes_on: bool
    """Whether it, or a step of it, passes although it failed."""
    commands: tuple[str, ...]
    """What its steps run and use, in order; not what runs only now and then."""

    def runs(self, text: str) -> bool:
        """Whether one of its steps runs or uses something with `text` in it."""
        return any(text in command for command in self.commands)

    def branches(self, event: str) -> tuple[str, ...]:
        """The branches on which `event` starts it."""
        return tuple(_object(self.triggers.get(event)).get("branches", ()))


Jobs = Mapping[str, Job]
"""The jobs of a project by their names."""


def read_jobs(folder: Path) -> dict[str, Job]:
    """Every job of the workflows of the project in `folder`; none where it has no workflows.

    Raises:
        ConfigurationError: a workflow cannot be read.
    """
    paths = sorted((folder / WORKFLOWS).glob("*.yaml"))
    contents = {path.name: _object(value_of(read_settings(path), path.name)) for path in paths}
    return {job.name: job for name in contents for job in _jobs(name, contents)}


def _jobs(name: str, contents: Mapping[str, Mapping[str, Any]]) -> Iterator[Job]:
    content = contents[name]
    triggers = _triggers(content)
    if set(triggers) == {"workflow_call"}:
        return  # it runs as part of those that call it
    own = _object(content["jobs"])
    called = {key: _called(_object(job), contents) for key, job in own.items()}
    for key, parts in called.items():
        before = {
            f"{name} {one}{part and f'.{part}'}"
            for one in _before(key, own)
            for part in called[one]
        }
        for part, job in parts.items():
            beside = {f"{name} {key}.{one}" for one in job.needs}
            yield replace(
                job,
                name=f"{name} {key}{part and f'.{part}'}",
                triggers=triggers,
                needs=frozenset(before | beside),
                condition=" ".join(
                    filter(None, (str(_object(own[key]).get("if", "")), job.condition))
                )
                if part
                else job.condition,
            )


def _called(job: Mapping[str, Any], contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Job]:
    """The jobs that `job` stands for by their names in the workflow that it calls; else itself."""
    path = str(job.get("uses", ""))
    if not path.startswith(_OWN):
        return {"": _job(job)}
    inputs = {"matrix": "", **_object(job.get("with"))}
    theirs = _object(contents[path.removeprefix(_OWN)]["jobs"])
    return {
        key: replace(_job(_object(_filled(each, inputs))), needs=frozenset(_before(key, theirs)))
        for key, each in theirs.items()
    }


def _job(job: Mapping[str, Any]) -> Job:
    environment, concurrency = job.get("environment"), job.get("concurrency")
    group = _object(concurrency) or {"group": concurrency or ""}
    steps: list[dict[str, Any]] = list(job.get("steps", ()))
    always = [each for each in steps if str(each.get("if", "")) in _ALWAYS]
    return Job(
        name="",
        triggers={},
        needs=frozenset(),
        environment=str(_object(environment).get("name") or environment or ""),
        group=str(group.get("group", "")),
        cancels=bool(group.get("cancel-in-progress", False)),
        permissions=_object(job.get("permissions")),
        condition=str(job.get("if", "")),
        matrix=_object(_object(job.get("strategy")).get("matrix")),
        goes_on=any(each.get("continue-on-error", False) for each in (job, *steps)),
        commands=tuple(
            str(step.get("run") or f"{step['uses']} {step.get('with', '')}") for step in always
        ),
    )


def _before(key: str, jobs: Mapping[str, Any]) -> set[str]:
    """The jobs of the same workflow that come before the job `key`, near and far."""
    needs = jobs[key].get("needs", ())
    near = {needs} if isinstance(needs, str) else set(needs)
    return near.union(*(_before(one, jobs) for one in near))


def _triggers(content: Mapping[Any, Any]) -> Mapping[str, Any]:
    """What starts a workflow; YAML 1.1 takes the key `on` for a truth value."""
    found = content.get("on", content.get(True))
    return _object(found) or {str(found): None}


def _filled(value: object, inputs: Mapping[str, Any]) -> object:
    """`value` with the caller's `inputs` in the place of expressions that name them."""
    match value:
        case dict():
            pairs = cast("dict[str, object]", value).items()
            return {key: _filled(item, inputs) for key, item in pairs}
        case list():
            return [_filled(item, inputs) for item in cast("list[object]", value)]
        case str():
            return _INPUT.sub(lambda found: str(inputs.get(found[1], "")), value)
        case _:
            return value


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
