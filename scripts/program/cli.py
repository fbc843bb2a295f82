"""The commands of `slipway program`: they parse arguments and options, and nothing else.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.exits import run
from scripts.options import APPROVERS, Approvers, AsJson, Debug, Operator
from scripts.program.admin.cli import app as admin
from scripts.program.choices import Kind
from scripts.program.idl.cli import app as idl_commands
from scripts.program.multisig.cli import app as members
from scripts.program.options import (
    PAYER,
    PRICE,
    Approvals,
    Authority,
    Because,
    BuildArgs,
    Ceiling,
    Checksum,
    Commit,
    Earlier,
    Emergency,
    Environment,
    Execute,
    File,
    Member,
    Multisig,
    Payer,
    Proofs,
    Rate,
    Repository,
    SizeLimitBytes,
    Smoke,
    Source,
    State,
    VaultIndex,
    Version,
    WithoutSmoke,
    Yes,
    consent_of,
    options_of,
    vault_of,
)
from scripts.program.record.cli import app as record_commands

if TYPE_CHECKING:
    from scripts.program.commands.build import Build

app = typer.Typer(
    help="Put a Solana program on chain, bring it back, look at it. Nothing without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(admin)
app.add_typer(members)
app.add_typer(record_commands)
app.add_typer(idl_commands, name="idl")


@app.command()
def deploy(  # noqa: PLR0913 - each is an option of the command
    environment: Environment,
    file: File,
    *,
    program_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The program's own key.")
    ] = None,
    room: Annotated[
        int, typer.Option(min=0, help="Bytes to leave for later versions to grow into.")
    ] = 0,
    version: Version = None,
    checksum: Checksum = None,
    proof: Proofs = None,
    evidence: Earlier = None,
    source: Source = None,
    size_limit: SizeLimitBytes = None,
    because: Because = None,
    smoke: Smoke = None,
    without_smoke: WithoutSmoke = "",
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Deploy a program for the first time."""
    from scripts.program.commands.deploy import deploy_command

    options = options_of(environment, payer, authority, state, operator, rate, max_price)
    build = _build(
        file,
        version,
        checksum,
        smoke,
        without_smoke,
        proof,
        evidence,
        source,
        size_limit,
        because,
    )
    consent = consent_of(execute, yes, emergency, approval, approvers)
    run(
        lambda: deploy_command(
            options, build, consent, program_key=program_key, room=room, as_json=as_json
        ),
        debug=debug,
    )


@app.command()
def upgrade(  # noqa: PLR0913
    environment: Environment,
    file: File,
    *,
    version: Version = None,
    checksum: Checksum = None,
    proof: Proofs = None,
    evidence: Earlier = None,
    source: Source = None,
    size_limit: SizeLimitBytes = None,
    because: Because = None,
    smoke: Smoke = None,
    without_smoke: WithoutSmoke = "",
    idl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The built IDL, which the vault publishes in the same proposal.",
        ),
    ] = None,
    repository: Repository = None,
    commit: Commit = None,
    build_args: BuildArgs = "",
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Put a new version in the place of the running one, which is saved first."""
    if idl and not multisig:
        raise typer.BadParameter("--idl goes with --multisig; without: slipway program idl publish")
    if (commit or build_args) and not repository:
        raise typer.BadParameter("--commit and --build-args go with --repository URL")
    from scripts.program.commands.deploy import upgrade_command
    from scripts.program.record.origin import origin_of

    options = options_of(environment, payer, authority, state, operator, rate, max_price)
    build = _build(
        file,
        version,
        checksum,
        smoke,
        without_smoke,
        proof,
        evidence,
        source,
        size_limit,
        because,
    )
    consent = consent_of(execute, yes, emergency, approval, approvers)
    owner = vault_of(multisig, vault, member)

    def go() -> int:
        origin = origin_of(repository, commit, build_args, source) if repository else None
        return upgrade_command(
            options, build, consent, vault=owner, idl=idl, origin=origin, as_json=as_json
        )

    run(go, debug=debug)


@app.command()
def rollback(  # noqa: PLR0913
    environment: Environment,
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="HASH|VERSION", help="Which one; the one before unless given."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Its file, where none was saved here."
        ),
    ] = None,
    smoke: Smoke = None,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = PRICE,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Bring an earlier version back. With --execute it asks nothing."""
    from scripts.program.commands.rollback import rollback_command

    options = options_of(environment, payer, authority, state, operator, rate, max_price)
    consent = consent_of(execute, True, True, None, APPROVERS)  # noqa: FBT003 - it never asks
    owner = vault_of(multisig, vault, member)
    run(
        lambda: rollback_command(
            options, consent, to=to, file=file, smoke=smoke, vault=owner, as_json=as_json
        ),
        debug=debug,
    )


@app.command()
def show(
    environment: Environment,
    *,
    state: State = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what the chain says of the program."""
    from scripts.program.commands.look import show_command

    options = options_of(environment, None, None, state, None, 100.0, 0)
    run(lambda: show_command(options, as_json=as_json), debug=debug)


@app.command()
def verify(  # noqa: PLR0913
    environment: Environment,
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A build.")
    ] = None,
    hash_: Annotated[
        str | None, typer.Option("--hash", help="A hash, as solana-verify shows it.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The signed evidence of a run.")
    ] = None,
    approvers: Approvers = APPROVERS,
    repository: Repository = None,
    commit: Commit = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare what runs, and its verify record. Exit code 1: it differs."""
    from scripts.program.commands.look import Given, verify_command

    options = options_of(environment, None, None, None, None, 100.0, 0)
    run(
        lambda: verify_command(
            options,
            Given(
                file=file,
                hash=hash_,
                evidence=evidence,
                approvers=approvers,
                repository=repository,
                commit=commit,
            ),
            as_json=as_json,
        ),
        debug=debug,
    )


@app.command()
def recover(  # noqa: PLR0913
    environment: Environment,
    *,
    close: Annotated[
        bool, typer.Option("--close", help="Close those of this program; their lamports come back.")
    ] = False,
    buffer: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Close this one, whosever it is; any number."),
    ] = None,
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
    """List the buffers that runs left behind, or close them."""
    from scripts.program.commands.recover import recover_command

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(
        lambda: recover_command(options, consent, close=close, named=buffer or [], as_json=as_json),
        debug=debug,
    )


@app.command()
def authority(  # noqa: PLR0913
    environment: Environment,
    *,
    new_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The next authority's key; it signs, too.")
    ] = None,
    new_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A multisig's vault, which cannot sign here."),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Nobody: the program can never be changed again.")
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
    """Hand the upgrade authority over, or take it away for good."""
    from scripts.program.commands import change
    from scripts.program.multisig import changing

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = vault_of(multisig, vault, member)
    command = (
        partial(changing.authority_command, options, consent, owner)
        if owner
        else partial(change.authority_command, options, consent)
    )
    run(
        lambda: command(new_key=new_key, new_address=new_address, final=final, as_json=as_json),
        debug=debug,
    )


@app.command()
def extend(  # noqa: PLR0913
    environment: Environment,
    *,
    to: Annotated[int, typer.Option(metavar="BYTES", min=1, help="The room in all.")],
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
    """Make room for a larger version."""
    from scripts.program.commands import change
    from scripts.program.multisig import changing

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = vault_of(multisig, vault, member)
    command = (
        partial(changing.extend_command, options, consent, owner)
        if owner
        else partial(change.extend_command, options, consent)
    )
    run(lambda: command(to=to, as_json=as_json), debug=debug)


@app.command()
def close(  # noqa: PLR0913
    environment: Environment,
    *,
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
    """Remove the program for good."""
    from scripts.program.commands import change
    from scripts.program.multisig import changing

    options = options_of(environment, payer, authority, state, operator, 100.0, max_price)
    consent = consent_of(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = vault_of(multisig, vault, member)
    command = (
        partial(changing.close_command, options, consent, owner)
        if owner
        else partial(change.close_command, options, consent)
    )
    run(lambda: command(as_json=as_json), debug=debug)


@app.command()
def prove(  # noqa: PLR0913
    kind: Annotated[Kind, typer.Argument(help="What is proven.")],
    file: File,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- COMMAND...", help="What proves it by ending with 0; {file} stands for FILE."
        ),
    ] = None,
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who answers for it.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="In which role.")],
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Their key.")] = None,
    kms: Annotated[str | None, typer.Option(metavar="KEY", help="Their key in KMS.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The report of an audit."),
    ] = None,
    rebuilt: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="What the command builds anew."),
    ] = None,
    figure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="What the command counted and does not print itself; any number.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run what proves a gate, and sign what came of it for these bytes."""
    from scripts.program.commands.prove import prove_command

    run(
        lambda: prove_command(
            kind,
            file,
            command or [],
            by=by,
            role=role,
            key=key,
            kms=kms,
            report=report,
            rebuilt=rebuilt,
            figures=figure or [],
            output=output,
            as_json=as_json,
        ),
        debug=debug,
    )


def _build(  # noqa: PLR0913, PLR0917 - each is an option that two commands have
    file: Path,
    version: str | None,
    checksum: str | None,
    smoke: Path | None,
    without_smoke: str,
    proofs: list[Path] | None,
    evidence: list[Path] | None,
    source: Path | None,
    size_limit: int | None,
    because: str | None,
) -> "Build":
    if (size_limit is None) != (because is None):
        raise typer.BadParameter("--size-limit and --because go together: a limit has a reason")
    if smoke and without_smoke:
        raise typer.BadParameter("--smoke FILE or --without-smoke TEXT, not both")
    from scripts.program.candidate import SizeLimit
    from scripts.program.commands.build import Build

    return Build(
        file=file,
        version=version,
        checksum=checksum,
        smoke=smoke,
        without_smoke=without_smoke,
        proofs=proofs or [],
        evidence=evidence or [],
        source=source,
        limit=SizeLimit(size=size_limit, because=because) if size_limit and because else None,
    )
