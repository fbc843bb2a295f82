"""A product's own tests: programs of the project, which pass where they end with 0."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from shlex import join
from signal import SIGKILL
from typing import Final

from environments import Environment
from environments.smoke import Command
from scripts.release.smoke.asking import SmokeFailureError
from scripts.release.smoke.tests import SERVES, Ground, SmokeTest
from standards import Tier

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
"""What of this process's environment a command gets: no credentials."""
_KEPT: Final = 4096


def commands(environment: Environment) -> Iterator[SmokeTest]:
    """One test for each command that the environment's variant has (SMOKE-11)."""
    for name, told in environment.smoke.commands.items():
        serves = SERVES[told.checks]
        is_left_out = environment.tier is Tier.PRODUCTION and not told.in_production
        if is_left_out or not environment.must(serves):
            continue
        yield SmokeTest(
            name=name,
            requirements=(serves,),
            asks=f"{join(told.command)}: exit code 0",
            run=partial(_passes, environment, told),
            seconds=told.seconds,
            critical=told.critical,
        )


async def _passes(environment: Environment, told: Command, ground: Ground) -> str:
    asked = join(told.command)
    host = environment.edge.name
    address = ground.asker.aim.addresses.get(host)
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables["SLIPWAY_ENVIRONMENT"] = environment.name
    variables["SLIPWAY_ADDRESS"] = (
        f"{address.scheme}://{address.netloc}" if address else f"https://{host}"
    )
    for name, value in ground.asker.aim.headers.items():
        variables["SLIPWAY_HEADER"] = f"{name}: {value}"
    try:
        process = await asyncio.create_subprocess_exec(
            *told.command,
            cwd=ground.folder,
            env=variables,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise SmokeFailureError(
            asked,
            f"it cannot be started: {error.strerror}",
            "exit code 0",
            f"Correct slipway:smoke.commands; it is run in {ground.folder}.",
        ) from None
    try:
        output, _ = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGKILL)  # with whatever it started
        await process.wait()
        raise
    lines = output[-_KEPT:].decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it said nothing"
    if process.returncode:
        raise SmokeFailureError(
            asked,
            f"exit code {process.returncode}: {last}",
            "exit code 0",
            "Run it by hand: it says what it missed.",
        )
    return f"exit code 0: {last}"
