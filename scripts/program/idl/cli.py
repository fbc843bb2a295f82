"""`slipway program idl`: its commands parse, and nothing else.

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
    PRICE,
    Approvals,
    Authority,
    Ceiling,
    Emergency,
    Environment,
    Execute,
    IdlFile,
    Member,
    Multisig,
    Payer,
    State,
    VaultIndex,
    Version,
    Yes,
    consent_of,
    options_of,
    vault_of,
)

app = typer.Typer(
    help="The program's IDL on chain: show, publish, compare. Nothing without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
def show(  # noqa: PLR0913
    environment: Environment,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write the IDL there."),
    ] = None,
    payer: Payer = PAYER,
    state: State = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what the chain says of the program's IDL."""
    from scripts.program.idl.commands import show_command

    options = options_of(environment, payer, None, state, None, 100.0, 0)
    run(lambda: show_command(options, output=output, as_json=as_json), debug=debug)


@app.command("publish")
def publish(  # noqa: PLR0913
    environment: Environment,
    file: IdlFile,
    *,
    version: Version = None,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Publish the IDL of a build, the first or the next one."""
    from scripts.program.idl.commands import publish_command

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, emergency, approval, approvers)
    owner = vault_of(multisig, vault, member)
    run(
        lambda: publish_command(
            options, consent, file, version=version, vault=owner, as_json=as_json
        ),
        debug=debug,
    )


@app.command("compare")
def compare(
    environment: Environment,
    file: IdlFile,
    *,
    payer: Payer = PAYER,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare the published IDL with a build's. Exit code 1: it differs."""
    from scripts.program.idl.commands import compare_command

    options = options_of(environment, payer, None, None, None, 100.0, 0)
    run(lambda: compare_command(options, file, as_json=as_json), debug=debug)


@app.command("authority")
def authority(  # noqa: PLR0913
    environment: Environment,
    *,
    new_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who may change it from now on, too.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Nobody but the program's upgrade authority.")
    ] = False,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say who may change the IDL beside the program's upgrade authority."""
    if (new_address is None) != remove:
        raise typer.BadParameter("name one: --new-address ADDRESS or --remove")
    from scripts.program.idl.commands import authority_command

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = vault_of(multisig, vault, member)
    run(
        lambda: authority_command(options, consent, new=new_address, vault=owner, as_json=as_json),
        debug=debug,
    )
