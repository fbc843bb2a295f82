"""Steps: what a command does, as data; a pure function plans them, and they are printed or run.

A step asks the world whether it is done, before it runs and after; the journal is written, never
believed. So a run that was killed anywhere goes on when the same command is run again.
"""

import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import Final, Generic, NoReturn, TypeVar

from scripts.exits import CommandError, ExitCode
from scripts.runs.canonical import Json, digest
from standards import Whole, requirement

World = TypeVar("World")
"""What steps read and act on: clients, paths, a simulation."""


_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


class StepPendingError(CommandError):
    """A step waits for people or for time; the message says for what. Run again, it looks again."""

    code = ExitCode.PENDING


class StepFailedError(CommandError):
    """A step did not reach what it is for."""


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long a step may take: `seconds`, by a `name` that people find in the documents."""

    name: str
    seconds: float

    def __str__(self) -> str:
        cited = f", {self.seconds.figure}" if isinstance(self.seconds, Whole) else ""
        return f"{duration(self.seconds)} ({self.name}{cited})"


@dataclass(frozen=True, slots=True)
class Acting:
    """What a step is given while it runs."""

    check: Callable[[], None]
    """Raises `LeaseLostError` where this run may not act any more: called before each act."""
    note: Callable[[Mapping[str, Json]], None]
    """Writes something down in the journal at once, such as where a buffer is."""
    noted: Callable[[str], Mapping[str, Json] | None] = lambda _: None
    """What the step with that id noted last in this run, also before a kill."""
    step: str = ""
    """The step's own id."""
    notes: Callable[[], Sequence[Mapping[str, Json]]] = list
    """Everything that the run's steps noted so far, also before a kill, each with its `step`."""


@dataclass(frozen=True, kw_only=True)
class Step(Generic[World]):
    """One step. `run` and `is_done` may be called any number of times, after a kill anywhere."""

    id: str
    title: str
    does: str
    """What it will do, in words."""
    is_done: Callable[[World], bool]
    """Whether the world is already as the step leaves it; reads, changes nothing."""
    run: Callable[[World, Acting], Mapping[str, Json]]
    """Does it; the facts that it returns (hashes, signatures, costs) go into the journal."""
    timeout: Timeout
    on_failure: str
    """What a person does when it fails."""
    requirements: tuple[str, ...] = ()
    """The standards' sentences that it serves."""

    def __post_init__(self) -> None:
        for cited in self.requirements:
            requirement(cited)  # raises where there is none


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[World]):
    """What one command does to one target."""

    target: str
    """What is acted on, `environment/what`; names its journal and its lease."""
    command: str
    inputs: Mapping[str, Json]
    """What was decided before: hashes, versions, names. The same inputs are the same run."""
    steps: Sequence[Step[World]]
    always: bool = False
    """Whether it is run although the target's journal is broken: a way back is never blocked."""
    waits: str = ""
    """What it waits for beside its steps' time, which no timeout bounds: people, a time lock."""

    @property
    def hash(self) -> str:
        """What tells this plan from another; approvals are given to it."""
        return digest(
            {
                "target": self.target,
                "command": self.command,
                "inputs": self.inputs,
                "steps": [step.id for step in self.steps],
            }
        )

    @property
    def bound(self) -> float:
        """The longest that it can take, in seconds: the sum of its timeouts."""
        return sum(step.timeout.seconds for step in self.steps)


class State(StrEnum):
    """Where a step stands before it is run."""

    DONE = "done"
    TO_DO = "to do"


def states(plan: Plan[World], world: World) -> dict[str, State]:
    """Where each step stands in `world`, by its id; reads only."""
    return {step.id: State.DONE if step.is_done(world) else State.TO_DO for step in plan.steps}


def describe(plan: Plan[World], world: World) -> str:
    """What `plan` would do in `world`, for people."""
    there = states(plan, world)
    lines = [f"{plan.command} on {plan.target}, plan {plan.hash[:12]}"]
    lines += [f"  {name}: {_said(value)}" for name, value in plan.inputs.items()]
    for number, step in enumerate(plan.steps, 1):
        done = "  [done already]" if there[step.id] is State.DONE else ""
        lines += [
            "",
            f"{number}. {step.title}{done}",
            f"   {step.does}",
            f"   At most {step.timeout}.{_cited(step)}",
            f"   If it fails: {step.on_failure}",
        ]
    beside = f", and beside that {plan.waits}" if plan.waits else ""
    lines += [
        "",
        f"At most {duration(plan.bound)} in all{beside}. Nothing was changed; --execute runs it.",
    ]
    return "\n".join(lines) + "\n"


def as_json(plan: Plan[World], world: World) -> dict[str, Json]:
    """What `plan` would do in `world`, for programs."""
    there = states(plan, world)
    return {
        "target": plan.target,
        "command": plan.command,
        "inputs": plan.inputs,
        "plan": plan.hash,
        "bound_seconds": float(plan.bound),
        "waits": plan.waits,
        "steps": [
            {
                "id": step.id,
                "title": step.title,
                "does": step.does,
                "state": there[step.id].value,
                "timeout": {"name": step.timeout.name, "seconds": float(step.timeout.seconds)},
                "on_failure": step.on_failure,
                "requirements": step.requirements,
            }
            for step in plan.steps
        ],
    }


def _said(value: Json) -> str:
    """An input as people say it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_said, value)) or "none"
    return "none" if value is None else str(value)


def _cited(step: Step[World]) -> str:
    return f" {', '.join(step.requirements)}." if step.requirements else ""


def duration(seconds: float) -> str:
    """`seconds` as people say it."""
    if seconds >= _DAY:
        days, rest = divmod(round(seconds / _HOUR), _DAY // _HOUR)
        hours = f" {rest} h" if rest else ""
        return f"{days} day{'s' if days > 1 else ''}{hours}"
    minutes, rest = divmod(round(seconds), 60)
    parts = [f"{minutes} min" if minutes else "", f"{rest} s" if rest or not minutes else ""]
    return " ".join(filter(None, parts))


class _TimeUp(BaseException):
    """The alarm rang. No `Exception`, so that a step that retries after errors does not eat it."""


@contextmanager
def alarm(seconds: float) -> Generator[None]:
    """Stop what runs inside after `seconds`, whatever it waits for; in the main thread only.

    Raises:
        TimeoutError: the time was up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TimeUp:
        raise TimeoutError(f"not done within {duration(seconds)}") from None
    finally:
        signal.signal(signal.SIGALRM, before)


Limit = Callable[[float], AbstractContextManager[None]]
"""What holds a step to its time: `alarm`, or a simulation's own."""
