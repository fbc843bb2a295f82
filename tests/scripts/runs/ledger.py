"""A world to run steps in: a file to which each step adds a line, which nobody can take back."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Plan, Step, Timeout

TARGET = "staging/program"
IDS = ("save", "write", "upgrade", "check")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The file, and what happens around each act: a kill, an error."""

    path: Path
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def lines(self) -> list[str]:
        """What was done, in order."""
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []

    def act(self, line: str) -> None:
        """Do it, for good."""
        self.before(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())
        self.after(line)


def step(name: str, *, seconds: float = 60) -> Step[Ledger]:
    """A step that adds the line `name`."""

    def run(world: Ledger, acting: Acting) -> Mapping[str, Json]:
        acting.check()
        acting.note({"about": name})
        world.act(name)
        return {"length": len(name)}

    return Step(
        id=name,
        title=f"{name.title()} the program",
        does=f"Adds {name} to the ledger.",
        is_done=lambda world: name in world.lines(),
        run=run,
        timeout=Timeout(f"{name} deadline", seconds),
        on_failure="Look at the ledger.",
    )


def plan(version: str = "1.0.0") -> Plan[Ledger]:
    """Four steps."""
    return Plan(
        target=TARGET,
        command="program upgrade",
        inputs={"version": version},
        steps=[step(name) for name in IDS],
    )
