"""Running a plan: under its target's lease, written down before and after each step."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from time import sleep
from typing import Final, Generic

from pydantic import SecretStr

from scripts.exits import ExitCode
from scripts.runs.canonical import Json, NotCanonicalError, SecretRefusedError, canonical
from scripts.runs.journal import Entry, Journal, Store, after_break, current
from scripts.runs.lease import Keeper, LeaseLostError, Owner, held
from scripts.runs.steps import (
    Acting,
    Limit,
    Plan,
    Step,
    StepFailedError,
    StepPendingError,
    World,
    alarm,
)
from scripts.runs.times import Clock, utc_now

_UNSHOWN: Final = "(its message looked like it held a secret, and was not kept)"
_MESSAGE_LENGTH: Final = 4000
_PROBLEMS: Final = 20
"""How many of a broken journal's problems are kept."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where and as whom plans are run."""

    store: Store
    owner: Owner
    tell: Callable[[str], None]
    """Shows progress to people."""
    resume: str
    """The command line that goes on with the run."""
    clock: Clock = utc_now
    wait: Callable[[float], None] = sleep
    """How seconds pass; a simulation brings its own."""
    limit: Limit = alarm
    secrets: Sequence[SecretStr] = ()
    """What must never be written down, whatever it looks like: node addresses with keys, say."""
    background: bool = True
    """Whether a thread renews the lease; a simulation does without."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run: str
    code: ExitCode
    message: str
    journal: str
    """Where it is written down."""


def execute(
    plan: Plan[World], world: World, setting: Setting, *, let_in: Mapping[str, Json] | None = None
) -> Outcome:
    """Run `plan` in `world`, or go on with it where its last run stopped.

    What `let_in` says of how it was let in stands in the journal's first entry, also of a resumed
    run.

    Raises:
        LeaseHeldError: somebody else acts on the target; nothing was changed.
        JournalError: the target's journal does not verify; nothing was changed. (One that is run
            always begins a new journal instead, which says why.)
        LeaseLostError: somebody else took over; this run did nothing more.
    """
    hold = partial(
        held,
        owner=setting.owner,
        clock=setting.clock,
        wait=setting.wait,
        background=setting.background,
    )
    with hold(setting.store, plan.target) as lease, ExitStack() as more:
        journal, broken = _journal(plan, setting)
        keeper = lease
        if journal.name != plan.target:
            # One after a break has a lease of its own, which its entries are written under.
            keeper = more.enter_context(hold(setting.store, journal.name))
            setting.tell(f"the journal of {plan.target} was broken; this run is in {journal.name}")
        return _Run(plan, world, setting, journal, keeper, broken, let_in or {}).go()


def _journal(plan: Plan[World], setting: Setting) -> tuple[Journal, Mapping[str, Json] | None]:
    """Where the run is written down; where that is a new journal, what broke the one before."""
    journal = current(plan.target, setting.store, clock=setting.clock)
    if not plan.always:
        journal.require_verified()
        return journal, None
    problems = journal.verify()
    if not problems:
        return journal, None
    after = after_break(plan.target, setting.store, clock=setting.clock)
    return after, {"journal": journal.name, "problems": problems[:_PROBLEMS]}


def open_run(journal: Journal, plan: Plan[World]) -> str | None:
    """The run of `plan` that can be resumed: the target's last one, unless it is done."""
    started = journal.latest("run.started")
    ended = journal.latest("run.done")
    if started is None or (ended and ended.run == started.run):
        return None
    return started.run if started.data["plan"] == plan.hash else None


class _Run(Generic[World]):
    """One run of a plan under its lease."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of the run
        self,
        plan: Plan[World],
        world: World,
        setting: Setting,
        journal: Journal,
        keeper: Keeper,
        broken: Mapping[str, Json] | None,
        let_in: Mapping[str, Json],
    ) -> None:
        self._plan: Final = plan
        self._world: Final = world
        self._setting: Final = setting
        self._journal: Final = journal
        self._keeper: Final = keeper
        self._broken: Final = broken
        self._let_in: Final = {"let_in": let_in} if let_in else {}
        self._resumed: Final = open_run(journal, plan)
        self._id: Final = self._resumed or _new_id(setting.clock)
        self._notes: Final = _notes(journal, self._id) if self._resumed else []

    def go(self) -> Outcome:
        try:
            self._open()
            for number, step in enumerate(self._plan.steps, 1):
                self._take(step, f"{number}/{len(self._plan.steps)} {step.title}")
        except StepPendingError as waiting:
            return self._end("run.pending", ExitCode.PENDING, f"waiting: {waiting}")
        except StepFailedError as failure:
            return self._end("run.failed", ExitCode.FAILED, str(failure))
        except KeyboardInterrupt:
            return self._end("run.interrupted", ExitCode.INTERRUPTED, "interrupted")
        self._write("run.done", {})
        message = f"{self._plan.command} on {self._plan.target}: done"
        return Outcome(self._id, ExitCode.DONE, message, self._journal.name)

    def _open(self) -> None:
        if self._resumed:
            self._write("run.resumed", {"host": self._setting.owner.host, **self._let_in})
            self._setting.tell(f"resuming the run {self._id}")
            return
        self._write(
            "run.started",
            {
                "plan": self._plan.hash,
                "command": self._plan.command,
                "inputs": self._plan.inputs,
                "steps": [step.id for step in self._plan.steps],
                "host": self._setting.owner.host,
                "version": version("slipway"),
                **self._let_in,
                **({"after_break": self._broken} if self._broken else {}),
            },
        )

    def _take(self, step: Step[World], title: str) -> None:
        """Do `step` unless it is done, and see that it is."""
        tell = self._setting.tell
        write = partial(self._step, step)
        try:
            if step.is_done(self._world):
                write("found-done", {})
                tell(f"{title}: done already")
                return
            write("started", {})
            tell(title)
            acting = Acting(
                check=self._keeper.check,
                note=partial(self._note, step),
                noted=self._noted,
                step=step.id,
                notes=self._notes.copy,
            )
            with self._setting.limit(step.timeout.seconds):
                self._keeper.check()
                facts = step.run(self._world, acting)
                done = step.is_done(self._world)
        except (LeaseLostError, StepPendingError):
            raise
        except Exception as error:
            said = self._without_secrets(str(error) or type(error).__name__)
            write("failed", {"error": said})
            raise StepFailedError(f"{step.title}: {said}\n  {step.on_failure}") from error
        if not done:
            said = "it ran, and what it is for is still not so"
            write("failed", {"error": said})
            raise StepFailedError(f"{step.title}: {said}\n  {step.on_failure}")
        write("done", facts)

    def _note(self, step: Step[World], data: Mapping[str, Json]) -> None:
        self._step(step, "note", data)
        self._notes.append({"step": step.id, **data})

    def _noted(self, step: str) -> Mapping[str, Json] | None:
        return next((note for note in reversed(self._notes) if note["step"] == step), None)

    def _step(self, step: Step[World], what: str, data: Mapping[str, Json]) -> None:
        self._write(f"step.{what}", {"step": step.id, **data})

    def _without_secrets(self, message: str) -> str:
        """What may be kept of an error's message, which others wrote."""
        for secret in self._setting.secrets:
            message = message.replace(secret.get_secret_value(), "[secret]")
        try:
            canonical(message)
        except NotCanonicalError:
            return _UNSHOWN
        return message[:_MESSAGE_LENGTH]

    def _write(self, kind: str, data: Mapping[str, Json]) -> Entry:
        text = canonical(data).decode() if self._setting.secrets else ""
        if any(secret.get_secret_value() in text for secret in self._setting.secrets):
            raise SecretRefusedError(f"{kind} would have held one of the run's secrets")
        return self._journal.append(kind, data, run=self._id, lease=self._keeper.lease)

    def _end(self, kind: str, code: ExitCode, message: str) -> Outcome:
        self._write(kind, {})
        message = f"{message}\n  To go on: {self._setting.resume}"
        return Outcome(self._id, code, message, self._journal.name)


def _notes(journal: Journal, run: str) -> list[Mapping[str, Json]]:
    """What the steps of `run` noted, in order."""
    return [
        entry.data for entry in journal.entries() if entry.run == run and entry.kind == "step.note"
    ]


def _new_id(clock: Clock) -> str:
    return f"{clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
