"""What members of a multisig type: they parse, and nothing else.

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
    Environment,
    Execute,
    Index,
    Member,
    Multisig,
    Payer,
    State,
    VaultIndex,
    Vote,
    Yes,
    consent_of,
    must_be_vault,
    options_of,
)

app = typer.Typer(rich_markup_mode=None)


@app.command()
def proposals(
    environment: Environment,
    *,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what was put to the members of the program's multisig, and what they said."""
    from scripts.program.multisig.commands import proposals_command

    options = options_of(environment, None, None, None, None, 100.0, PRICE)
    owner = must_be_vault(multisig, vault, None)
    run(lambda: proposals_command(options, owner, as_json=as_json), debug=debug)


@app.command()
def vote(  # noqa: PLR0913
    environment: Environment,
    index: Index,
    choice: Vote,
    *,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = PAYER,
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
    """Vote on a proposal of the program's multisig, having seen what it does."""
    from scripts.program.multisig.commands import vote_command

    options = options_of(environment, payer, None, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003
    owner = must_be_vault(multisig, vault, member)
    run(
        lambda: vote_command(
            options,
            consent,
            owner,
            index=index,
            choice=choice,
            as_json=as_json,
        ),
        debug=debug,
    )


@app.command()
def retire(  # noqa: PLR0913
    environment: Environment,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="All of them, also those that are to be kept longer.")
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
    """Take away ways back that are kept no longer: cancel them, close their buffers."""
    from scripts.program.commands.retire import retire_command

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = must_be_vault(multisig, vault, member)
    run(lambda: retire_command(options, consent, owner, now=now, as_json=as_json), debug=debug)


@app.command("export-vote")
def export_vote(  # noqa: PLR0913
    environment: Environment,
    index: Index,
    choice: Vote,
    *,
    member: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Who is to sign it, elsewhere; who pays, too.")
    ],
    nonce: Annotated[
        str, typer.Option(metavar="ADDRESS", help="A nonce account whose authority the member is.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write it there.")
    ],
    multisig: Multisig = None,
    debug: Debug = False,
) -> None:
    """Write a vote into a file, for a member whose key never meets a network."""
    from scripts.program.multisig.commands import export_command

    options = options_of(environment, None, None, None, None, 100.0, PRICE)
    owner = must_be_vault(multisig, 0, None)
    run(
        lambda: export_command(
            options,
            owner.multisig,
            index=index,
            choice=choice,
            member=member,
            nonce=nonce,
            output=output,
        ),
        debug=debug,
    )


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export-vote` wrote.")],
    *,
    key: Annotated[Path, typer.Option(metavar="FILE", help="The member's key.")],
    debug: Debug = False,
) -> None:
    """Sign an exported vote; needs no network."""
    from scripts.program.multisig.commands import sign_command

    run(lambda: sign_command(file, key), debug=debug)


@app.command()
def submit(  # noqa: PLR0913
    environment: Environment,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sign` signed.")],
    *,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Send a vote that was signed elsewhere."""
    from scripts.program.multisig.commands import submit_command

    options = options_of(environment, None, None, state, operator, 100.0, PRICE)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(lambda: submit_command(options, consent, file, as_json=as_json), debug=debug)
