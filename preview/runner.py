"""Runs a Pulumi program in this process, as the language host does, and returns its plan."""

import asyncio
import gc
import importlib
import os
import runpy
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Final

import pulumi
from pulumi.runtime.settings import reset_options

from plan import Plan
from preview.errors import ProgramError, chain
from preview.fixtures import Fixtures
from preview.names import stack_urn
from preview.origins import Origins, project_file, raised_at
from preview.project import read_project
from preview.recorder import Deployment, Engine, Monitor

_ENTRY: Final = "__main__.py"


def evaluate(  # noqa: PLR0913 what identifies a deployment
    program: Path,
    *,
    project: str,
    stack: str,
    config: Mapping[str, str] | None = None,
    secret_keys: frozenset[str] = frozenset(),
    fixtures: Fixtures | None = None,
) -> Plan:
    """The plan of the Pulumi program in the folder `program`.

    `config` has the engine's keys (`project:key`) and values (structured ones as JSON). Nothing
    of the run stays behind in the process, so that any number of programs can be evaluated.

    Raises:
        ProgramError: the program raised, or asked for what the engine refuses.
    """
    deployment = Deployment(
        project=project,
        stack=stack,
        config=config or {},
        secret_keys=secret_keys,
        fixtures=fixtures or Fixtures(),
    )
    folder = program.resolve()
    if not (folder / _ENTRY).is_file():
        message = f"no Pulumi program in {program}: it has no {_ENTRY}"
        raise ProgramError(message)
    # The SDK keeps its settings in context variables: in a copied context they end with the run.
    return copy_context().run(_evaluate, folder, deployment)


def evaluate_project(folder: Path, stack: str, *, fixtures: Fixtures | None = None) -> Plan:
    """The plan of `stack` of the Pulumi project in `folder`, with the settings of its files.

    Raises:
        ProjectError: a settings file is missing or malformed.
        ProgramError: as `evaluate`.
    """
    project = read_project(folder, stack)
    plan = evaluate(
        folder,
        project=project.name,
        stack=stack,
        config=project.config,
        secret_keys=project.secret_keys,
        fixtures=fixtures,
    )
    return replace(plan, warnings=(*project.warnings, *plan.warnings))


def _evaluate(folder: Path, deployment: Deployment) -> Plan:
    origins = Origins(folder, stack_urn(deployment.project, deployment.stack))
    monitor, engine = Monitor(deployment, origins), Engine()
    reset_options(
        project=deployment.project,
        stack=deployment.stack,
        root_directory=str(folder),
        organization="organization",
        monitor_address=monitor,  # pyright: ignore[reportArgumentType] takes an object too
        engine_address=engine,  # pyright: ignore[reportArgumentType] takes an object too
        preview=True,
    )
    pulumi.runtime.set_all_config(dict(deployment.config), list(deployment.secret_keys))
    try:
        with (
            _as_program(folder),
            _without_overhead(),
            _off_stdout(),
            asyncio.Runner() as runner,
        ):
            runner.get_loop().set_exception_handler(_ignore)
            runner.run(pulumi.runtime.run_in_stack(lambda: _program(folder, origins)))
    except Exception as error:  # noqa: BLE001 a program may raise anything
        explained = _explained(error, folder)
        raise explained from (error if error is not explained else None)
    finally:
        monitor.close()
    if engine.errors:
        raise ProgramError("; ".join(engine.errors))
    return Plan(
        project=deployment.project,
        stack=deployment.stack,
        resources=monitor.resources(),
        warnings=tuple(sorted({*monitor.warnings, *engine.warnings})),
    )


async def _program(folder: Path, origins: Origins) -> None:
    pulumi.runtime.register_stack_transformation(origins.note)
    try:
        runpy.run_path(str(folder / _ENTRY), run_name="__main__")
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            message = f"the program ended itself with exit code {leaving.code}"
            raise ProgramError(message, source=raised_at(leaving, folder)) from leaving
    # Most of what the program started ends within a few turns of the loop. What has not is
    # awaited by the SDK one by one, looking at all the others each time.
    for _ in range(3):
        await asyncio.sleep(0)


def _explained(error: Exception, folder: Path) -> ProgramError:
    refusal = next((seen for seen in chain(error) if isinstance(seen, ProgramError)), None)
    if refusal is not None:
        return refusal
    plain = isinstance(error, pulumi.RunError)  # worded by the program for its user
    message = str(error) if plain else f"{type(error).__name__}: {error}"
    return ProgramError(message, source=raised_at(error, folder))


def _ignore(_loop: asyncio.AbstractEventLoop, _context: Mapping[str, object]) -> None:
    """Say nothing of tasks that nobody awaits once the program has failed."""


@contextmanager
def _without_overhead() -> Generator[None]:
    """Without what the SDK's run pays for and a preview does not use.

    Garbage collection finds nothing before the run ends, and looks at everything again and again.
    The SDK extracts the whole stack for each resource; `Origins` takes the one line that counts.
    """
    collecting = gc.isenabled()
    limit = getattr(sys, "tracebacklimit", None)
    gc.disable()
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        if limit is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = limit
        if collecting:
            gc.enable()


@contextmanager
def _off_stdout() -> Generator[None]:
    """With stderr for what the program prints, or a process that it starts: stdout has results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _as_program(folder: Path) -> Generator[None]:
    """Working directory, arguments, imports and environment as for a program of its own."""
    directory = Path.cwd()
    arguments, paths = sys.argv, sys.path
    strict = os.environ.get("PULUMI_ERROR_OUTPUT_STRING")
    hidden = _shadowing(folder)
    for name in hidden:
        del sys.modules[name]
    before = set(sys.modules)
    importlib.invalidate_caches()
    os.chdir(folder)
    os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"
    sys.argv, sys.path = [str(folder / _ENTRY)], [str(folder), *paths]
    try:
        yield
    finally:
        sys.argv, sys.path = arguments, paths
        if strict is None:
            del os.environ["PULUMI_ERROR_OUTPUT_STRING"]
        else:
            os.environ["PULUMI_ERROR_OUTPUT_STRING"] = strict
        os.chdir(directory)
        for name in sys.modules.keys() - before:
            if _belongs(sys.modules[name], folder):
                del sys.modules[name]
        sys.modules.update(hidden)


def _shadowing(folder: Path) -> dict[str, ModuleType]:
    """Loaded modules that are not of `folder` but have the name of a module there."""
    own = {entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()}
    return {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in own - {"__main__"}
        and getattr(module, "__file__", None)
        and not _belongs(module, folder)
    }


def _belongs(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and project_file(file, folder) is not None
