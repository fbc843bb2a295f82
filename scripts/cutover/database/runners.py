"""Where the agent runs: as a process of this machine, or as a one-off task in the network."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from scripts.exits import CommandError

AGENT: Final = (sys.executable, "-m", "scripts.cutover.database.agent")
Line = Mapping[str, object]
_LAST_LINES: Final = 5


class AgentError(CommandError):
    """The agent did not do what it was told."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How an agent ended."""

    code: int
    lines: Sequence[Line]
    """What it wrote."""
    where: str

    def result(self) -> Line:
        """What it says there is now.

        Raises:
            AgentError: it failed; with what it said.
        """
        told = {str(line.get("event")): line for line in self.lines}
        if self.code == 0 and "database" in told:
            return {**told["database"], "began": told.get("began")}
        said = [str(line["message"]) for line in self.lines if "message" in line]
        blocked = [
            f"  blocked by {each}"
            for line in self.lines[-_LAST_LINES:]
            for each in _list(line, "blocked_by")
        ]
        text = "\n".join([*said[-_LAST_LINES:], *blocked]) or "it said nothing"
        raise AgentError(f"{self.where} ended with {self.code}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One action of the agent."""

    arguments: Sequence[str]
    host: str | None = None
    """The database to act on where it is not the usual one."""
    name: str
    """What it is found again by after a kill."""


class Runner(Protocol):
    """Runs the agent where it reaches the database."""

    def run(self, job: Job, tell: Callable[[str], None]) -> Ran:
        """Run it to its end; `tell` is told what it says."""
        ...

    def finish(self, job: str) -> None:
        """Wait for the job of that name, if it still runs."""
        ...


@dataclass(frozen=True)
class LocalProcess:
    """A process of this machine."""

    variables: Mapping[str, str] = field(repr=False)
    """The whole environment: where the database is, and what migrates it."""
    cwd: str | None = None

    def run(self, job: Job, tell: Callable[[str], None]) -> Ran:
        """Run the agent as a child."""
        own = {"MIGRATE_HOST": job.host} if job.host else {}
        lines: list[Line] = []
        with subprocess.Popen(  # noqa: S603 - this package's own module
            [*AGENT, *job.arguments],
            env={**self.variables, **own},
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as child:
            try:
                for text in child.stdout or ():
                    lines.append(read_line(text))
                    if "message" in lines[-1]:
                        tell(str(lines[-1]["message"]))
                code = child.wait()
            finally:
                if child.poll() is None:
                    child.terminate()
        return Ran(code, lines, "the local agent")

    def finish(self, job: str) -> None:
        """Nothing is waited for: the agent itself ends what was left by one that was killed."""


def read_line(text: str) -> Line:
    """A line that an agent wrote; what is no JSON is a message."""
    try:
        found = cast("object", json.loads(text))
    except ValueError:
        found = None
    return cast("Line", found) if isinstance(found, dict) else {"message": text.rstrip()}


def _list(line: Line, key: str) -> Sequence[object]:
    found = line.get(key)
    return cast("Sequence[object]", found) if isinstance(found, list) else ()
