"""The commands of `slipway release`: they parse arguments and options, and nothing else.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

import getpass
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.exits import run
from scripts.options import AsJson, Debug

app = typer.Typer(
    help="Test a release. Nothing is asked without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def release() -> None:
    """Test a release."""


@app.command()
def smoke(  # noqa: PLR0913 - each is an option of the command
    environment: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Which one.")],
    *,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask for the API there instead of where DNS points; its name and certificate stay"
            " those of the environment.",
        ),
    ] = None,
    pages: Annotated[
        str | None, typer.Option(metavar="URL", help="The same for the pages.")
    ] = None,
    side: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE-SIDE",
            help="Ask one side of a service, by the header of the environment's file: api-green.",
        ),
    ] = None,
    after_rollback: Annotated[
        bool, typer.Option("--after-rollback", help="Leave out what a rollback does not change.")
    ] = False,
    runs: Annotated[
        int,
        typer.Option(
            min=1, max=10, help="How often, to see whether results change (SMOKE-06); once."
        ),
    ] = 1,
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Certificates to trust instead of the machine's own, PEM: for a stand-in.",
        ),
    ] = None,
    go_on_because: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Go on although more of the lesser tests failed than may: the decision on record.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            envvar="SLIPWAY_STATE",
            help="Where the journal is kept; .slipway in the project unless given.",
        ),
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="SLIPWAY_OPERATOR",
            help="Who runs it; the login name unless given.",
        ),
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute", help="Ask, instead of printing what would be asked.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Test whether an environment does what it is there for, in under five minutes.

    Exit code 1: a critical test failed, the release is to be rolled back. Exit code 3: so many of
    the others failed that a person decides.
    """
    from scripts.release.commands.smoke import Options, smoke_command

    options = Options(
        environment=environment,
        address=address,
        pages=pages,
        side=side,
        after_rollback=after_rollback,
        runs=runs,
        trust=trust,
        because=go_on_because or "",
        state=state,
        operator=operator or getpass.getuser(),
        resume=shlex.join(["slipway", *sys.argv[1:]]),
    )
    run(lambda: smoke_command(options, execute=execute, as_json=as_json), debug=debug)
