"""Tests of how a command ends, some of them on a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from environments import ConfigurationError
from plan import Source
from plan.file import PlanFileError
from policies.waivers import WaiversError
from preview.errors import ProgramError, ProjectError
from scripts.exits import CommandError, ExitCode, run
from scripts.runs.lease import LeaseHeldError
from standards import UnknownRequirementError

SLIPWAY = [sys.executable, "-c", "from scripts.cli import main; main()"]


@pytest.mark.parametrize("code", [ExitCode.DONE, ExitCode.FAILED, ExitCode.PENDING])
def test_a_command_ends_with_its_own_code(code: ExitCode) -> None:
    """And says nothing more."""
    assert _end(lambda: code) == code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigurationError(["a.yaml: x is missing"]), 2, "a.yaml: x is missing"),
        (ProjectError("no Pulumi.yaml"), 2, "no Pulumi.yaml"),
        (PlanFileError("plan.json", "cut off"), 2, "plan.json: cut off"),
        (UnknownRequirementError("no requirement 'X-1'"), 2, "no requirement 'X-1'"),
        (WaiversError([]), 1, "slipway: "),
        (CommandError("the node is behind"), 1, "slipway: the node is behind"),
        (LeaseHeldError("Ana works on it"), 3, "slipway: Ana works on it"),
        (
            ProgramError("ValueError: no", source=Source("stacks/edge.py", 3)),
            1,
            "the program failed: stacks/edge.py:3: ValueError: no",
        ),
        (OSError(28, "No space left on device"), 1, "the output: No space left on device"),
        (PermissionError(13, "Permission denied", "out"), 1, "out: Permission denied"),
        (OSError("odd"), 1, "odd"),
        (ZeroDivisionError("by zero"), 1, "a defect of slipway, --debug shows where: ZeroDivision"),
    ],
)
def test_an_error_is_told_in_one_message(
    error: Exception, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input is exit code 2, a run that failed is 1; the traceback is for who asks."""
    assert _end(_raising(error)) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert _end(_raising(error), debug=True) == code
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Who presses Control-C knows why it ended."""
    assert _end(_raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "slipway: interrupted\n"


def test_a_closed_pipe_ends_quietly() -> None:
    """`slipway trace | head` is no reason to complain; the exit code says it was cut short."""
    with subprocess.Popen(  # noqa: S603 - our own program
        _printing(100_000), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_full_disk_behind_stdout_is_told(lines: int) -> None:
    """Whether it shows while printing or at the end."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(  # noqa: S603 - our own program
            _printing(lines), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert run.returncode == 1
    assert run.stderr == "slipway: the output: No space left on device\n"


def test_closed_streams_are_no_defect(tmp_path: Path) -> None:
    """Without stdout the result cannot be told, an error; without stderr the code alone tells."""
    page = tmp_path / "page.html"
    closed = f'"$0" "$@" --html {page} >&-'
    run = subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", closed, *SLIPWAY, "preview", "development"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "slipway: the output: Bad file descriptor\n")
    assert page.read_text().startswith("<!")
    for arguments, code in ((["plan", "nowhere"], 2), (["preview", "--nothing"], 2)):
        run = subprocess.run(  # noqa: S603 - our own program
            ["/bin/sh", "-c", '"$0" "$@" 2>&- <&-', *SLIPWAY, *arguments], check=False
        )
        assert run.returncode == code


def test_help_to_a_full_disk_or_a_closed_pipe_is_no_traceback() -> None:
    """The same holds before a command runs."""
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(  # noqa: S603 - our own program
            [*SLIPWAY, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (run.returncode, run.stderr) == (1, "slipway: the output: No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(  # noqa: S603 - our own program
        [*SLIPWAY, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (run.returncode, run.stderr) == (1, "")


def test_control_c_ends_a_program_that_hangs(tmp_path: Path) -> None:
    """A preview that waits for ever is interrupted with exit code 130 and one line."""
    project = Path(__file__).parents[2]
    for name in ("Pulumi.yaml", "Pulumi.development.yaml"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    (tmp_path / "__main__.py").write_text(
        "import sys, time\nprint('waiting', file=sys.stderr, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own program
        [*SLIPWAY, "preview", "development"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "slipway: interrupted\n"
        assert process.wait() == 130
    assert not (tmp_path / "out").exists()


def _end(command: Callable[[], int], *, debug: bool = False) -> int:
    with pytest.raises(typer.Exit) as end:
        run(command, debug=debug)
    return end.value.exit_code


def _raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def _printing(lines: int) -> list[str]:
    """A process that prints as a command does."""
    program = (
        "import sys\n"
        "from typer import Typer\n"
        "import scripts.cli as cli\n"
        "from scripts.exits import run\n"
        "cli.app = Typer()\n"
        "@cli.app.command()\n"
        "def command():\n"
        f"    run(lambda: print('line\\n' * {lines}) or 0)\n"
        "cli.main()\n"
    )
    return [sys.executable, "-c", program]
