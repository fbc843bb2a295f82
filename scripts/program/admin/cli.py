"""`slipway program pause`, `unpause` and `correct`: they parse, and nothing else.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

from pathlib import Path
from typing import Annotated

import typer

from scripts.exits import run
from scripts.options import APPROVERS, Approvers, AsJson, Debug, Operator
from scripts.program.options import (
    PAYER,
    Approvals,
    Authority,
    Emergency,
    Environment,
    Execute,
    Payer,
    State,
    Yes,
    consent_of,
    options_of,
)

app = typer.Typer(rich_markup_mode=None)


@app.command()
def pause(  # noqa: PLR0913
    environment: Environment,
    *,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Pause the program by the product's own command. With --execute it asks nothing."""
    from scripts.program.admin.commands import pause_command

    options = options_of(environment, payer, authority, state, operator, 100.0, 0)
    consent = consent_of(execute, True, True, None, APPROVERS)  # noqa: FBT003 - it never asks
    run(lambda: pause_command(options, consent, as_json=as_json), debug=debug)


@app.command()
def unpause(  # noqa: PLR0913
    environment: Environment,
    *,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="What was wrong, and how it is mended.",
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="What the test of that showed."
        ),
    ] = None,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Let a paused program go on, with plan and test of the resolution on record."""
    from scripts.program.admin.commands import unpause_command

    options = options_of(environment, payer, authority, state, operator, 100.0, 0)
    consent = consent_of(execute, yes, emergency, approval, approvers)
    run(
        lambda: unpause_command(options, consent, plan=plan, test=test, as_json=as_json),
        debug=debug,
    )


@app.command()
def correct(  # noqa: PLR0913
    environment: Environment,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which of the record's corrections.")],
    *,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Correct the program's state by the product's own commands; every change is recorded."""
    from scripts.program.admin.commands import correct_command

    options = options_of(environment, payer, authority, state, operator, 100.0, 0)
    consent = consent_of(execute, yes, emergency, approval, approvers)
    run(lambda: correct_command(options, consent, name, as_json=as_json), debug=debug)
