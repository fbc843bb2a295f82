"""What a change does to each stack: `changes.py BASE --comment FILE`.

Compares the plans of the working tree with those of the commit BASE, without engine or credentials.
Prints, as JSON, the names of the stacks that change and that an engine can reach; FILE gets the
difference and the findings, as Markdown. The plans of the working tree are kept beside it.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from environments import Environment, stacks
from plan import Plan
from plan.difference import difference
from plan.errors import PlanFileError
from plan.file import dumps, read_plan
from policies.judgement import Finding
from preview import files
from preview.cost.estimate import estimate
from preview.cost.prices import prices
from preview.environment import evaluate_environment, read_stack, read_waivers
from preview.reports.cost import signed
from preview.reports.difference import markdown
from preview.reports.wording import dollars
from preview.verdict import reach_verdict
from tools.ci.steps import PROJECT, StepError, run, say

_LARGEST: Final = 60_000
"""A comment takes 65,536 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a change does to one stack: how it is told, and whether an engine would see it."""

    text: str
    changes: bool
    reachable: bool


def main(arguments: list[str]) -> int:
    """Tell what changes; the exit code."""
    parser = argparse.ArgumentParser(prog="changes.py", description=__doc__)
    parser.add_argument("base")
    parser.add_argument("--comment", metavar="FILE", type=Path, required=True)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as temporary:
        base = Path(temporary)
        _extract(asked.base, base)
        kept = asked.comment.parent
        effects = {name: effect(name, base, kept) for name in stacks(PROJECT)}
        gone = [name for name in stacks(base) if name not in effects]
    parts = [each.text for each in effects.values() if each.changes]
    parts += [
        f"### {name}\n\nIts file is gone: the stack has to be destroyed by hand.\n" for name in gone
    ]
    same = [name for name, each in effects.items() if not each.changes]
    if same:
        parts.append(f"No difference in {', '.join(same)}.\n")
    files.write(asked.comment, _cut("\n".join(parts)))
    reached = [name for name, each in effects.items() if each.changes and each.reachable]
    sys.stdout.write(json.dumps(reached) + "\n")
    return 0


def effect(name: str, base: Path, kept: Path) -> Effect:
    """What the working tree makes of the stack `name`, as against the project in `base`.

    Its plan is put into the folder `kept`.
    """
    record = read_stack(name, PROJECT)
    after = evaluate_environment(record, PROJECT)
    files.write(kept / f"{name}.plan.json", dumps(after))
    today = datetime.now(UTC).date()
    waivers = read_waivers(PROJECT, today)

    def judged(plan: Plan) -> Sequence[Finding]:
        verdict = reach_verdict(plan, title=name, tier=record.tier).with_waivers(waivers, today)
        return verdict.judgement.findings

    before = _plan_in(base, name)
    # A foundation is applied by hand: the roles that workflows take on are its own.
    reachable = isinstance(record, Environment) and record.aws.endpoint is None
    if before is None:
        nothing = _empty(after)
        text = markdown(name, difference(nothing, after), judged(after), ())
        note = "" if name not in stacks(base) else "The base could not be compared.\n\n"
        return Effect(text=note + text + _cost(nothing, after), changes=True, reachable=reachable)
    found = difference(before, after)
    now, then = judged(after), judged(before)
    return Effect(
        text=markdown(name, found, now, then) + _cost(before, after),
        changes=bool(found) or _keys(now) != _keys(then),
        reachable=reachable,
    )


def _extract(commit: str, folder: Path) -> None:
    """Put the files of `commit` into `folder`."""
    archived = subprocess.run(  # noqa: S603 - git, with a commit
        ["git", "archive", "--format=tar", commit, "--"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if archived.returncode:
        raise StepError(f"git has no commit {commit}: {archived.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tar:
        tar.extractall(folder, filter="data")


def _plan_in(folder: Path, name: str) -> Plan | None:
    """The plan of `name` in the project in `folder`, by its own code; None where there is none."""
    if name not in stacks(folder):
        return None
    file = folder / "out" / f"{name}.plan.json"
    command = "from scripts.cli import main; main()"
    # The folder's own modules come first, since Python puts the working directory there.
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", command, "plan", name, "--output", str(file)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        say(f"{name}: the base cannot be planned: {done.stderr.strip()}")
        return None
    try:
        return read_plan(file)
    except PlanFileError as error:
        say(f"{name}: the base's plan cannot be read: {error}")
        return None


def _cost(before: Plan, after: Plan) -> str:
    """What a month costs from now on, where that changes."""
    then, now = (estimate(plan, prices()) for plan in (before, after))
    more = now.total - then.total
    if more.is_nothing:
        return ""
    listed = f"list prices of {now.prices.region} on {now.prices.date}"
    return f"\nCost a month: {dollars(now.total)} US dollars, {signed(more)} ({listed}).\n"


def _empty(plan: Plan) -> Plan:
    return Plan(project=plan.project, stack=plan.stack, resources=())


def _keys(findings: Sequence[Finding]) -> set[tuple[str, str, str]]:
    return {(each.rule.id, each.resource.urn, each.violation.message) for each in findings}


def _cut(text: str) -> str:
    """`text` within what a comment takes, cut at the end of a line."""
    if len(text) <= _LARGEST:
        return text
    kept = text[:_LARGEST].rpartition("\n")[0]
    return f"{kept}\n\n… and more: the reports of this run have all of it.\n"


if __name__ == "__main__":
    run(main)
