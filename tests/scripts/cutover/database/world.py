"""A change of the product's in its database, carried out by the runner of plans."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from scripts.cutover.database import agent
from scripts.cutover.database.around import DatabaseSteps, database_steps
from scripts.cutover.database.change import Change
from scripts.cutover.database.planned import agent_variables, plan_sql
from scripts.cutover.database.runners import Job, Ran, read_line
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from scripts.runs.journal import Store
from scripts.runs.lease import Owner
from scripts.runs.runner import Outcome, Setting, execute
from scripts.runs.steps import Plan, Step
from tests.scripts.cutover.database.conftest import Database

OWNER = Owner.here("Ana")


@dataclass
class InProcess:
    """The agent in this very process, which starts sooner than one of its own."""

    variables: Mapping[str, str]
    ran: list[Job] = field(default_factory=list[Job])

    def run(self, job: Job, tell: Callable[[str], None]) -> Ran:
        """Run it."""
        self.ran.append(job)
        own = {"MIGRATE_HOST": job.host} if job.host else {}
        said = io.StringIO()
        with patch.dict(os.environ, {**self.variables, **own}), redirect_stdout(said):
            code = agent.main(job.arguments)
        lines = [read_line(text) for text in said.getvalue().splitlines()]
        for line in lines:
            if "message" in line:
                tell(str(line["message"]))
        return Ran(code, lines, "the agent")

    def finish(self, job: str) -> None:
        """Nothing runs on."""


def stage(
    change: Change,
    folder: Path,
    database: Database,
    tell: Callable[[str], None] = lambda _: None,
) -> Stage:
    """What the steps of `change` act on."""
    runner = InProcess({**database.variables, **agent_variables(change, folder)})
    return Stage(
        change=change,
        print_sql=lambda: plan_sql(change, folder),
        schema=Schema(runner, tell),
        copies=None,
        backs_up=False,
        sleep=lambda _: None,
    )


def around(it: Stage) -> DatabaseSteps[object]:
    """The steps of the change, for a world that they do not look at."""
    return database_steps(it)


def at_base(it: Stage) -> None:
    """Bring the schema to the first revision."""
    runner = it.schema._runner  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as a test's own set-up
    ran = runner.run(Job(arguments=["to", "base1"], name="base"), lambda _: None)
    assert ran.code == 0, ran.lines
    it.schema.status(anew=True)


def carry_out(
    steps: Sequence[Step[object]], store: Store, tell: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Run a plan of those steps."""
    plan = Plan[object](
        target="test/database", command="test", inputs={"n": len(steps)}, steps=steps
    )
    setting = Setting(store=store, owner=OWNER, tell=tell, resume="test", background=False)
    return execute(plan, object(), setting)
