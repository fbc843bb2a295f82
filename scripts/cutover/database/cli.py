"""The commands of `slipway cutover database`: they parse arguments and options, nothing else."""
# ruff: noqa: PLC0415 - what a command does is loaded when it runs: help waits for nothing

import getpass
from pathlib import Path
from typing import Annotated

import typer

from scripts.exits import run
from scripts.options import AsJson, Debug, Execute, Operator

app = typer.Typer(
    help="Changes of the database: held to their class, and rehearsed with their way back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What declares the change."),
]


@app.command()
def lint(file: File, *, as_json: AsJson = False, debug: Debug = False) -> None:
    """Hold a change to its class, statement by statement. It needs no database.

    Exit code 1: the change is refused as it is.
    """
    from scripts.cutover.database.commands import lint_command

    run(lambda: lint_command(file, as_json=as_json), debug=debug)


@app.command()
def rehearse(  # noqa: PLR0913 - each is an option of the command
    environment: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Not production.")],
    file: File,
    *,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            envvar="SLIPWAY_STATE",
            help="Where the journal is kept, alone; .slipway in the project unless given.",
        ),
    ] = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Try a change and its way back on the environment's data, and measure how long that takes.

    A cutover in production asks for the evidence of it, which is written beside the file.
    """
    from scripts.cutover.database.commands import Rehearsing, rehearse_command

    what = Rehearsing(
        environment=environment,
        file=file,
        state=state,
        operator=operator or getpass.getuser(),
        execute=execute,
    )
    run(lambda: rehearse_command(what, as_json=as_json), debug=debug)
