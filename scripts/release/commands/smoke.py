"""`slipway release smoke`: what would be asked, or what came."""

import json
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from environments import Environment
from preview.environment import read_environment
from preview.project import find_project
from scripts.cutover.aws.published import read_published
from scripts.exits import CommandError, ExitCode
from scripts.release.smoke.aim import Aim, AimError, new_side, public
from scripts.release.smoke.hook import Amazon, made
from scripts.release.smoke.steps import Scene, facts, plan
from scripts.release.smoke.suite import Suite, suite
from scripts.runs.lease import Owner
from scripts.runs.runner import Outcome, Setting, execute
from scripts.runs.steps import duration
from scripts.runs.stores import open_store
from scripts.telling import tell

_SIDES = ("blue", "green")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command is told."""

    environment: str
    address: str | None
    pages: str | None
    side: str | None
    after_rollback: bool
    runs: int
    trust: Path | None
    because: str
    state: Path | None
    operator: str
    resume: str


def smoke_command(options: Options, *, execute: bool, as_json: bool) -> int:
    """Print what would be asked, or ask; the exit code."""
    project = find_project(Path.cwd())
    environment = read_environment(options.environment, project)
    asked = suite(environment, _aim(environment, options))
    if not execute:
        sys.stdout.write(_as_json(asked) if as_json else listed(asked))
        return ExitCode.DONE
    scene, outcome = _ask(asked, options, project)
    if as_json:
        told = {**facts(scene), "outcome": outcome.code.name.lower(), "run": outcome.run}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        sys.stdout.write(f"{outcome.message}\n")
    return outcome.code


def listed(asked: Suite) -> str:
    """What `asked` would ask, for people."""
    critical = sum(test.critical for test in asked.tests)
    counted = f"{len(asked.tests)} smoke tests of {asked.environment.name}"
    lines = [f"{counted}, {asked.aim.name}; {critical} critical:", ""]
    for test in asked.tests:
        kind = "critical" if test.critical else "        "
        lines += [
            f"  {kind}  {test.name} ({', '.join(test.requirements)})",
            f"            {test.asks}",
        ]
    allowed = "fewer than a tenth may fail" if asked.is_live else "none may fail"
    lines += ["", *(f"  left out  {why}" for why in asked.left_out)]
    lines += [
        "",
        f"All at once, at most {duration(asked.bound)}.",
        f"A critical failure rolls back; of the others {allowed} (SMOKE-07).",
        "Nothing was asked; --execute asks.",
    ]
    return "\n".join(lines) + "\n"


def _as_json(asked: Suite) -> str:
    tests = [
        {
            "name": test.name,
            "requirements": test.requirements,
            "critical": test.critical,
            "asks": test.asks,
            "seconds": float(test.seconds),
        }
        for test in asked.tests
    ]
    told = {
        "environment": asked.environment.name,
        "aim": asked.aim.name,
        "bound_seconds": float(asked.bound),
        "tests": tests,
        "left_out": asked.left_out,
    }
    return json.dumps(told, indent=2) + "\n"


def _aim(environment: Environment, options: Options) -> Aim:
    if options.side is None:
        return public(
            environment,
            address=options.address,
            pages=options.pages,
            is_rollback=options.after_rollback,
        )
    service, _, side = options.side.rpartition("-")
    if service not in environment.services or side not in _SIDES:
        there = ", ".join(f"{name}-{one}" for name in environment.services for one in _SIDES)
        raise AimError(f"{options.side} is no side of {environment.name}; there are: {there}")
    return new_side(environment, service, side, address=options.address)


def _ask(asked: Suite, options: Options, project: Path) -> tuple[Scene, Outcome]:
    amazon = Amazon(asked.environment, None)
    if asked.environment.must("SMOKE-09"):
        with suppress(CommandError, TimeoutError):  # its test says so, and the others are made
            published = read_published(amazon.api("ssm"), asked.environment.name)
            amazon = Amazon(asked.environment, published)
    roots = ssl.create_default_context(cafile=str(options.trust)) if options.trust else None
    scene = Scene(
        ask=lambda: made(asked, amazon, project, tell, roots),
        again=lambda: made(asked.again, amazon, project, tell, roots),
        because=options.because,
    )
    setting = Setting(
        store=open_store(options.state or project / ".slipway"),
        owner=Owner.here(options.operator),
        tell=tell,
        resume=options.resume,
    )
    target = f"{asked.environment.name}/smoke"
    return scene, execute(plan(asked, target, options.runs), scene, setting)
