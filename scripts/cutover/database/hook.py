"""What a cutover calls: the database change of a release, in an environment."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from environments import Environment
from environments.published import Published
from scripts.cutover.database.around import Approval, DatabaseSteps, database_steps, refusals
from scripts.cutover.database.change import read_change
from scripts.cutover.database.ecs import EcsTasks
from scripts.cutover.database.planned import agent_variables, plan_sql
from scripts.cutover.database.rds import RdsCopies
from scripts.cutover.database.rehearsal import Rehearsal, read_rehearsal
from scripts.cutover.database.runners import LocalProcess
from scripts.cutover.database.schema import Schema
from scripts.cutover.database.steps import Stage
from scripts.cutover.hooks import Database
from scripts.cutover.stand import Stand
from scripts.exits import CommandError
from scripts.runs.approvals import read_signatures
from scripts.runs.approvers import read_approvers
from scripts.runs.aws import Api, client
from scripts.runs.times import utc_now
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

    Raises:
        ChangeError: the file declares no change, or its SQL cannot be had.
    """
    now = utc_now()
    stage = stage_of(environment, published, path)
    rehearsed, why = _rehearsed(environment, stage, path, approvers, now)
    steps: DatabaseSteps[Stand] = database_steps(stage, rehearsed)
    return Database(
        before=steps.before,
        after=steps.after,
        back=steps.back,
        says=steps.allows.splitlines(),
        refusals=lambda: [*why, *refusals(stage, _approval(path, approvers, operator), at=now)],
    )


def stage_of(environment: Environment, published: Published | None, path: Path) -> Stage:
    """What the steps of the change in the file `path` act on."""
    change = read_change(path)
    planned = plan_sql(change, path.resolve().parent)
    backs_up = environment.tier in requirement("BAK-04").environments
    if published is None:
        variables = {**os.environ, **agent_variables(change, path.resolve().parent)}
        return Stage(
            planned=planned,
            schema=Schema(LocalProcess(variables)),
            copies=None,
            backs_up=backs_up,
        )
    region = published.region
    apis: Mapping[str, Api] = {
        name: Api(client(name, region=region, is_impatient=True)) for name in ("ecs", "logs", "rds")
    }
    tasks = EcsTasks(
        ecs=apis["ecs"], logs=apis["logs"], cluster=published.cluster, tasks=published.tasks
    )
    copies = RdsCopies(apis["rds"], published.database)
    return Stage(planned=planned, schema=Schema(tasks), copies=copies, backs_up=backs_up)


def _rehearsed(
    environment: Environment, stage: Stage, path: Path, approvers: Path, at: datetime
) -> tuple[Rehearsal | None, list[str]]:
    """What was shown in staging, and why that does not do."""
    change = stage.planned.change
    is_needed = change.is_restored or environment.tier is Tier.PRODUCTION
    if not is_needed or environment.tier not in requirement("QA-16").environments:
        return None, []
    file = path.with_suffix(".rehearsal.json")
    try:
        return read_rehearsal(file, stage, read_approvers(approvers), at=at), []
    except CommandError as error:
        return None, [str(error)]


def _approval(path: Path, approvers: Path, operator: str) -> Approval | None:
    files = sorted(path.parent.glob(f"{path.stem}.approval-*.json"))
    if not files:
        return None
    return Approval(
        signatures=read_signatures(files), approvers=read_approvers(approvers), operator=operator
    )
