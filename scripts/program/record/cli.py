"""What people type about a verify record: it parses, and nothing else."""
# ruff: noqa: PLC0415 - what a command does is loaded when it runs

from typing import Annotated

import typer

from scripts.exits import run
from scripts.options import APPROVERS, Approvers, AsJson, Debug, Operator
from scripts.program.options import (
    PAYER,
    PRICE,
    Approvals,
    Authority,
    BuildArgs,
    Ceiling,
    Commit,
    Emergency,
    Environment,
    Execute,
    Member,
    Multisig,
    Payer,
    Source,
    State,
    VaultIndex,
    Yes,
    consent_of,
    options_of,
    vault_of,
)

app = typer.Typer(rich_markup_mode=None)


@app.command()
def record(  # noqa: PLR0913
    environment: Environment,
    *,
    repository: Annotated[str, typer.Option(metavar="URL", help="Where the source is public.")],
    commit: Commit = None,
    build_args: BuildArgs = "",
    source: Source = None,
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
    """Say on chain from which source the running program was built, for others to verify it."""
    from scripts.program.record.commands import record_command
    from scripts.program.record.origin import origin_of

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, emergency, approval, approvers)
    owner = vault_of(multisig, vault, member)

    def go() -> int:
        origin = origin_of(repository, commit, build_args, source)
        return record_command(options, consent, origin, vault=owner, as_json=as_json)

    run(go, debug=debug)
