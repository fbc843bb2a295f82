"""How a command ends: its exit code, and one clear message where it could not go on."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar, NoReturn

import typer


class ExitCode(IntEnum):
    """What the exit code of every command means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    INTERRUPTED = 130


class CommandError(Exception):
    """An error that a command ends with: a message for people, and the exit code that it means."""

    code: ClassVar[ExitCode] = ExitCode.FAILED


def run(command: Callable[[], int], *, debug: bool = False) -> NoReturn:
    """Run `command` and leave with its exit code; an error is told in one message on stderr.

    With `debug` the traceback comes before it. A reader that closes the pipe is no error to tell.
    """
    try:
        code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _tell("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        code = ExitCode.FAILED
        _forget_output()
    except Exception as error:  # noqa: BLE001 - the one place where every error is told
        code = explain(error, debug=debug)
        _forget_output()
    raise typer.Exit(code)


def reopen_closed_streams() -> None:
    """Take the place of standard streams that the caller closed, or the next file would.

    Results that nobody can read are an error, as on a full disk; messages go nowhere.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest that is free: this one
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def explain(error: Exception, *, debug: bool = False) -> ExitCode:
    """Tell `error` in one message on stderr, with `debug` behind its traceback; the exit code."""
    if debug:
        traceback.print_exc()
    return _tell(*_explained(error))


def _tell(message: str, code: ExitCode) -> ExitCode:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"slipway: {message}\n")
    return code


def _explained(error: Exception) -> tuple[str, ExitCode]:
    """What to say of `error`, and whether the input or the run is at fault."""
    # Loaded here: a command that goes well, or shows its help, does not wait for them.
    from environments import ConfigurationError  # noqa: PLC0415
    from plan.file import PlanFileError  # noqa: PLC0415
    from policies.waivers import WaiversError  # noqa: PLC0415
    from preview.errors import ProgramError, ProjectError  # noqa: PLC0415
    from standards import UnknownRequirementError  # noqa: PLC0415

    match error:
        case CommandError():
            return str(error), error.code
        case ConfigurationError() | PlanFileError() | ProjectError() | UnknownRequirementError():
            return str(error), ExitCode.USAGE
        case WaiversError():
            return str(error), ExitCode.FAILED
        case ProgramError():
            return f"the program failed: {error}", ExitCode.FAILED
        case OSError():
            where = error.filename or "the output"
            return f"{where}: {error.strerror or error}", ExitCode.FAILED
        case _:
            what = f"{type(error).__name__}: {error}"
            return f"a defect of slipway, --debug shows where: {what}", ExitCode.FAILED


def _forget_output() -> None:
    """Drop what cannot be written any more, or Python would try again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
