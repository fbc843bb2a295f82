"""Pulumi's engine, as the steps call it: never interactive, its state in the stack's account."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from types import FrameType
from typing import Any, Final

from environments import Stack
from tools.ci.steps import FAILED, PENDING, PROJECT, StepError
from tools.ci.target import backend

POLICIES: Final = ("--policy-pack", "policies")
CHANGES: Final = 7
"""The exit code of `--expect-no-changes` where changes were proposed."""
RUNBOOK: Final = "docs/runbooks/interrupted-update.md"
_LOCKED: Final = "the stack is currently locked by"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command of the engine ended, and what it printed."""

    code: int
    said: str

    def require(self) -> None:
        """Refuse to go on after anything but success.

        Raises:
            StepError: it failed; where somebody else holds the stack's lock it is pending.
        """
        if _LOCKED in self.said:
            raise StepError(
                "somebody else is updating the stack, or an update was killed: wait, or see"
                f" {RUNBOOK}",
                PENDING,
            )
        if self.code:
            raise StepError(f"pulumi ended with exit code {self.code}", FAILED)


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine, for one stack."""

    stack: Stack

    def run(self, *arguments: str, seconds: float | None = None) -> Ran:
        """Run `pulumi` and show what it prints.

        After `seconds`, or where this process is told to end, the engine is interrupted once: it
        then finishes what it is doing, and saves the state.
        """
        command, environment = self._command(arguments), self._environment()
        try:
            process = subprocess.Popen(  # noqa: S603 - pulumi, with arguments of our own
                command,
                cwd=PROJECT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # a signal to this job must not kill its plugins
            )
        except FileNotFoundError:
            raise StepError("pulumi is not on the PATH: install it") from None
        said: list[str] = []
        with process, _interrupted(process, seconds):
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                said.append(line)
                sys.stdout.write(line)
                sys.stdout.flush()
            code = process.wait()
        return Ran(code, "".join(said))

    def pending(self) -> list[str]:
        """What an update that was killed had begun and nobody knows the end of, by URN.

        Raises:
            StepError: the state cannot be read.
        """
        # Neither shown nor kept: the state of a stack is large, and its secrets stay encrypted.
        asked = subprocess.run(  # noqa: S603 - pulumi, with arguments of our own
            self._command(("stack", "export")),
            cwd=PROJECT,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode:
            raise StepError(f"the state cannot be read: {asked.stderr.strip()}")
        deployment: Mapping[str, Any] = json.loads(asked.stdout).get("deployment") or {}
        operations = deployment.get("pending_operations") or ()
        return [f"{each['type']} {each['resource']['urn']}" for each in operations]

    def _command(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        return ("pulumi", *arguments, "--stack", self.stack.name, "--non-interactive")

    def _environment(self) -> dict[str, str]:
        own = {"PULUMI_BACKEND_URL": backend(self.stack), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        return own | os.environ


@contextmanager
def _interrupted(process: subprocess.Popen[str], seconds: float | None) -> Generator[None]:
    """Pass an interruption on to `process`, and interrupt it after `seconds`."""

    def interrupt() -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)

    def told(_signal: int, _frame: FrameType | None) -> None:
        interrupt()

    before = {each: signal.signal(each, told) for each in _SIGNALS}
    timer = Timer(seconds, interrupt) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.cancel()
        for each, handler in before.items():
            signal.signal(each, handler)
