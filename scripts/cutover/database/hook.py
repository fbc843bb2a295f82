"""What a cutover calls: the database change of a release, in an environment."""

import getpass
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from environments import Environment
from environments.published import Published
from scripts.cutover.database.around import Approval, DatabaseSteps, database_steps, refusals
from scripts.cutover.database.change import read_change
from scripts.cutover.database.ecs import EcsTasks
from scripts.cutover.database.planned import agent_variables, plan_sql
from scripts.cutover.database.rds import RdsCopies
from scripts.cutover.database.rehearsal import Rehearsal, read_rehearsal
from scripts.cutover.database.runners import LocalProcess, Runner
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from scripts.cutover.running.hooks import Database
from scripts.cutover.running.stand import Stand
from scripts.exits import CommandError
from scripts.runs.approvals import read_signatures
from scripts.runs.approvers import read_approvers
from scripts.runs.aws import Api, client
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout
from scripts.runs.times import utc_now
from scripts.telling import tell
from standards import Tier, requirement

APPROVERS: Final = Path("approvers.yaml")


def database(
    environment: Environment,
    published: Published | None,
    path: Path,
    *,
    operator: str = "",
    approvers: Path = APPROVERS,
) -> Database:
    """The change that the file `path` declares, as a cutover of `environment` takes it.

    Beside the file lie what people gave to it: `<name>.rehearsal.json`, the signed evidence of its
    rehearsal in staging, and `<name>.approval-*.json`, who accepted what a rollback would lose.

    It never raises: a file that cannot be read refuses a start, and keeps no traffic from going
    back.
    """
    now = utc_now()
    try:
        stage = stage_of(environment, published, path)
    except CommandError as error:
        return _unknown(str(error))
    rehearsed, why = _rehearsed(environment, stage, path, approvers, now)

    def refused() -> list[str]:
        try:
            approval = _approval(path, approvers, operator)
            return [*why, *refusals(stage, approval, rehearsed, at=now)]
        except CommandError as error:
            return [*why, str(error)]

    steps: DatabaseSteps[Stand] = database_steps(stage, rehearsed)
    return Database(
        before=steps.before,
        after=steps.after,
        back=steps.back,
        says=steps.allows.splitlines(),
        refusals=refused,
    )


def stage_of(environment: Environment, published: Published | None, path: Path) -> Stage:
    """What the steps of the change in the file `path` act on.

    Raises:
        ChangeError: the file declares none.
    """
    change, folder = read_change(path), path.resolve().parent
    runner: Runner
    copies: RdsCopies | None = None
    if published is None:
        known = {**_local(environment), **os.environ}
        runner = LocalProcess({**known, **agent_variables(change, folder)})
    else:
        ecs, logs, rds = (
            Api(client(name, region=published.region, is_impatient=True))
            for name in ("ecs", "logs", "rds")
        )
        runner = EcsTasks(ecs=ecs, logs=logs, cluster=published.cluster, tasks=published.tasks)
        copies = RdsCopies(rds, published.database)
    return Stage(
        change=change,
        print_sql=lambda: plan_sql(change, folder),
        schema=Schema(runner, tell),
        copies=copies,
        backs_up=environment.tier in requirement("BAK-04").environments,
    )


def evidence_of(path: Path) -> Path:
    """Where the evidence lies of the rehearsal of the change in the file `path`."""
    return path.with_suffix(".rehearsal.json")


def _unknown(why: str) -> Database:
    """A change that cannot be read: nothing starts with it, and a rollback of traffic goes on."""

    def run(_stand: Stand, _acting: Acting) -> Mapping[str, Json]:
        raise StepFailedError(why)

    step = Step[Stand](
        id="database-unknown",
        title="Read the database change",
        does="Reads the file of the change; what that was is not known.",
        is_done=lambda _: False,
        run=run,
        timeout=Timeout("reading the change", 1),
        on_failure="All traffic is back. Put the file back, and run the command again.",
        requirements=("ROLL-13",),
    )
    return Database(back=[step], says=[f"Database: {why}"], refusals=lambda: [why])


def _local(environment: Environment) -> dict[str, str]:
    """Where the developer's own database is."""
    url = environment.database.local_url
    if url is None or not url.startswith("postgresql:"):
        return {}
    parts = urlsplit(url)
    return {
        "DATABASE_HOST": str(parts.hostname),
        "DATABASE_PORT": str(parts.port),
        "DATABASE_NAME": parts.path.removeprefix("/"),
        "DATABASE_USER": getpass.getuser(),
    }


def _rehearsed(
    environment: Environment, stage: Stage, path: Path, approvers: Path, at: datetime
) -> tuple[Rehearsal | None, list[str]]:
    """What was shown in staging, and why that does not do."""
    change = stage.change
    is_needed = change.is_restored or environment.tier is Tier.PRODUCTION
    if not is_needed or environment.tier not in requirement("QA-16").environments:
        return None, []
    try:
        return read_rehearsal(evidence_of(path), stage, read_approvers(approvers), at=at), []
    except CommandError as error:
        return None, [str(error)]


def _approval(path: Path, approvers: Path, operator: str) -> Approval | None:
    files = sorted(path.parent.glob(f"{path.stem}.approval-*.json"))
    if not files:
        return None
    return Approval(
        signatures=read_signatures(files), approvers=read_approvers(approvers), operator=operator
    )
