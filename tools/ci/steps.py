"""What the steps share: where the project is, how they end, and how they ask other programs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from environments import ConfigurationError
from policies.waivers import WaiversError
from preview.errors import ProgramError, ProjectError

PROJECT: Final = Path(__file__).parents[2]
FAILED: Final = 1
USAGE: Final = 2
PENDING: Final = 3


class StepError(Exception):
    """Why a step does not go on, and the exit code that says so."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def run(main: Callable[[list[str]], int]) -> NoReturn:
    """Run a step with the arguments of the command line, and end with its exit code."""
    try:
        code = main(sys.argv[1:])
    except StepError as error:
        say(str(error))
        code = error.code
    except (ConfigurationError, ProjectError) as error:
        say(str(error))
        code = USAGE
    except (ProgramError, WaiversError) as error:
        say(str(error))
        code = FAILED
    sys.exit(code)


def say(message: str) -> None:
    """Tell people something, on stderr; a workflow's log shows an error at its top."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def ask(*command: str, folder: Path = PROJECT) -> str:
    """What `command` prints.

    Raises:
        StepError: it is not there, or it failed.
    """
    try:
        asked = subprocess.run(  # noqa: S603 - git and gh, with arguments of our own
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise StepError(f"{command[0]} is not on the PATH: install it") from None
    if asked.returncode:
        raise StepError(f"{' '.join(command)}: {asked.stderr.strip() or asked.stdout.strip()}")
    return asked.stdout


def setting(name: str) -> str:
    """The environment variable `name`.

    Raises:
        StepError: it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise StepError(f"{name} is not set: the workflow sets it", USAGE)
    return value
