"""`slipway cutover database lint` and `rehearse`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from environments import Environment, load
from environments.published import Published
from preview.project import find_project
from scripts.cutover.database.around import allows
from scripts.cutover.database.change import read_change
from scripts.cutover.database.hook import evidence_of, stage_of
from scripts.cutover.database.planned import plan_sql
from scripts.cutover.database.rehearsal import COMMAND, RehearsalError, rehearsal
from scripts.cutover.database.steps import Stage
from scripts.exits import ExitCode
from scripts.runs.evidence import About, Change, collect, seal
from scripts.runs.journal import Journal
from scripts.runs.lease import Owner
from scripts.runs.runner import Outcome, Setting, execute
from scripts.runs.steps import Plan, as_json, describe
from scripts.runs.stores import open_store
from scripts.telling import tell
from standards import Tier


@dataclass(frozen=True, kw_only=True)
class Rehearsing:
    """What is rehearsed, where and by whom."""

    environment: str
    file: Path
    state: Path | None
    operator: str
    execute: bool


def lint_command(file: Path, *, as_json: bool) -> int:
    """Say what a change allows, and what keeps it from being run."""
    change = read_change(file)
    planned = plan_sql(change, file.resolve().parent)
    findings, refused = planned.findings(), planned.refusals()
    if as_json:
        said = {
            "change": change.name,
            "class": change.kind.value,
            "hash": planned.hash,
            "allows": allows(change, None),
            "findings": [
                {name: getattr(each, name) for name in each.__slots__} for each in findings
            ],
            "refused": refused,
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        lines = [*allows(change, None), *refused]
        sys.stdout.write("\n".join(lines) + "\n")
        verdict = f"{len(refused)} reasons against it" if refused else "nothing against it"
        sys.stdout.write(f"{change.name}, {planned.hash}: {verdict}.\n")
    return ExitCode.FAILED if refused else ExitCode.DONE


def rehearse_command(what: Rehearsing, *, as_json: bool) -> int:
    """Try a change and its way back, or print the steps."""
    project = find_project(Path.cwd())
    environment = load(what.environment, project)
    if environment.tier is Tier.PRODUCTION:
        raise RehearsalError(
            f"{environment.name} has users: a change is rehearsed in staging, on its data"
        )
    stage = stage_of(environment, _published(environment), what.file)
    if refused := stage.planned.refusals():
        raise RehearsalError("\n".join(refused))
    plan = rehearsal(stage, environment.name)
    if not what.execute:
        shown = json.dumps(_as_json(plan), indent=2) if as_json else describe(plan, object())
        sys.stdout.write(shown.rstrip() + "\n")
        return ExitCode.DONE
    return _carried(what, environment, stage, plan, project, as_json=as_json)


def _as_json(plan: Plan[object]) -> object:
    return as_json(plan, object())


def _carried(  # noqa: PLR0913 - each is a part of the run
    what: Rehearsing,
    environment: Environment,
    stage: Stage,
    plan: Plan[object],
    project: Path,
    *,
    as_json: bool,
) -> int:
    store = open_store(what.state or project / ".slipway")
    setting = Setting(
        store=store,
        owner=Owner.here(what.operator),
        tell=tell,
        resume=f"slipway {COMMAND} {environment.name} {what.file} --execute",
    )
    outcome = execute(plan, object(), setting)
    file = evidence_of(what.file)
    if outcome.code is ExitCode.DONE:
        about = About(
            tier=environment.tier,
            change=Change.NORMAL,
            repeatable=True,
            hashes={"database": stage.planned.hash},
            costs={},
        )
        entries = Journal(outcome.journal, store).entries()
        seal(collect(entries, outcome.run, about), []).write(file)
    _say(outcome, file, what.operator, as_json=as_json)
    return outcome.code


def _say(outcome: Outcome, file: Path, operator: str, *, as_json: bool) -> None:
    is_done = outcome.code is ExitCode.DONE
    if as_json:
        said = {
            "run": outcome.run,
            "code": outcome.code,
            "message": outcome.message,
            "evidence": str(file) if is_done else None,
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
        return
    (sys.stdout if is_done else sys.stderr).write(f"{outcome.message}\n")
    if is_done:
        sys.stdout.write(f"  Evidence: {file}\n")
        tell(f"  To sign it: slipway evidence sign {file} --by {operator!r} --role lead --key FILE")


def _published(environment: Environment) -> Published | None:
    """What the environment's stack published; nothing for a developer's own database."""
    from scripts.cutover.session import read_published  # noqa: PLC0415 - it loads what AWS needs

    return None if environment.database.local_url else read_published(environment)
