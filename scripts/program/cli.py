"""The commands of `slipway program`: they parse arguments and options, and nothing else.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

import getpass
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.exits import run
from scripts.program.choices import Choice, Kind

if TYPE_CHECKING:
    from scripts.program.commands.act import Consent
    from scripts.program.commands.deploy import Build
    from scripts.program.multisig.commands import Vault
    from scripts.program.session import Options


app = typer.Typer(
    help="Put a Solana program on chain, bring it back, look at it. Nothing without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

idl = typer.Typer(
    help="The program's IDL on chain: show, publish, compare. Nothing without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(idl, name="idl")

Environment = Annotated[
    str, typer.Argument(metavar="ENVIRONMENT", help="Whose cluster and program.")
]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The built program, .so."),
]
IdlFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The built IDL, JSON.")
]
Payer = Annotated[
    Path,
    typer.Option(
        metavar="FILE", envvar="SLIPWAY_PAYER", help="The key that pays, as the Solana CLI has it."
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="SLIPWAY_AUTHORITY",
        help="The key of the upgrade authority; the payer's unless given.",
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        envvar="SLIPWAY_STATE",
        help="Where keys of buffers, saved programs, journal and evidence are kept; .slipway in"
        " the project unless given.",
    ),
]
Operator = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="SLIPWAY_OPERATOR",
        help="Who runs it, as in the file of approvers; the login name unless given.",
    ),
]
Rate = Annotated[
    float, typer.Option(min=0.1, max=10_000, help="Transactions sent in a second, at the most.")
]
Ceiling = Annotated[
    int,
    typer.Option(
        "--max-price",
        min=0,
        help="The most to offer for a compute unit, in millionths of a lamport.",
    ),
]
Execute = Annotated[bool, typer.Option("--execute", help="Run the steps instead of printing them.")]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Ask nothing; production then wants approvals on record."),
]
Emergency = Annotated[
    bool, typer.Option("--emergency", help="Record it as an emergency, approved afterwards.")
]
Approvals = Annotated[
    list[Path] | None,
    typer.Option(
        "--approval",
        metavar="FILE",
        dir_okay=False,
        help="An approval of the plan, from `slipway evidence approve`; any number.",
    ),
]
Approvers = Annotated[
    Path, typer.Option(metavar="FILE", dir_okay=False, help="Whose approvals count.")
]
Version = Annotated[
    str | None, typer.Option("--version", metavar="X.Y.Z", help="The version of the build.")
]
Checksum = Annotated[
    str | None,
    typer.Option(
        metavar="SHA256",
        help="The checksum recorded at the build; else FILE.sha256 beside it is read.",
    ),
]
Smoke = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", dir_okay=False, help="The instruction to simulate afterwards, JSON."
    ),
]
Multisig = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        envvar="SLIPWAY_MULTISIG",
        help="The Squads v4 multisig whose vault owns the program.",
    ),
]
VaultIndex = Annotated[
    int, typer.Option("--vault", min=0, max=255, help="Which of its vaults owns the program.")
]
Member = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="SLIPWAY_MEMBER",
        help="The key of the member who acts; the authority's unless given.",
    ),
]
Index = Annotated[int, typer.Argument(min=1, help="The number of the proposal.")]
Vote = Annotated[Choice, typer.Argument(help="What the member says.")]
Proofs = Annotated[
    list[Path] | None,
    typer.Option(
        "--proof", metavar="PATH", help="What `prove` wrote, or a folder of it; any number."
    ),
]
Earlier = Annotated[
    list[Path] | None,
    typer.Option(
        "--evidence",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Of the deployment of these bytes to the cluster before; any number.",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", file_okay=False, exists=True, help="The program's source."),
]
SizeLimitBytes = Annotated[
    int | None, typer.Option(min=1, help="A limit of the product's own for the binary, in bytes.")
]
Because = Annotated[str | None, typer.Option(metavar="TEXT", help="Why it needs that limit.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_PAYER = Path("~/.config/solana/id.json")
_APPROVERS = Path("approvers.yaml")
_PRICE = 1_000_000


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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Deploy a program for the first time."""
    from scripts.program.commands.deploy import deploy_command

    options = _options(environment, payer, authority, state, operator, rate, max_price)
    build = _build(file, version, checksum, smoke, proof, evidence, source, size_limit, because)
    consent = _consent(execute, yes, emergency, approval, approvers)
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
    idl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The built IDL, which the vault publishes in the same proposal.",
        ),
    ] = None,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Put a new version in the place of the running one, which is saved first."""
    if idl and not multisig:
        raise typer.BadParameter("--idl goes with --multisig; without: slipway program idl publish")
    from scripts.program.commands.deploy import upgrade_command

    options = _options(environment, payer, authority, state, operator, rate, max_price)
    build = _build(file, version, checksum, smoke, proof, evidence, source, size_limit, because)
    consent = _consent(execute, yes, emergency, approval, approvers)
    owner = _vault(multisig, vault, member)
    run(
        lambda: upgrade_command(options, build, consent, vault=owner, idl=idl, as_json=as_json),
        debug=debug,
    )


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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    rate: Rate = 100.0,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Bring an earlier version back. With --execute it asks nothing."""
    from scripts.program.commands.rollback import rollback_command

    options = _options(environment, payer, authority, state, operator, rate, max_price)
    consent = _consent(execute, True, True, None, _APPROVERS)  # noqa: FBT003 - it never asks
    owner = _vault(multisig, vault, member)
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

    options = _options(environment, None, None, state, None, 100.0, 0)
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
        Path | None, typer.Option(metavar="FILE", help="The evidence of a run.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare what runs with a build, a hash or a run's evidence. Exit code 1: it differs."""
    from scripts.program.commands.look import verify_command

    options = _options(environment, None, None, None, None, 100.0, 0)
    run(
        lambda: verify_command(options, file=file, hash_=hash_, evidence=evidence, as_json=as_json),
        debug=debug,
    )


@app.command()
def recover(  # noqa: PLR0913
    environment: Environment,
    *,
    close: Annotated[
        bool, typer.Option("--close", help="Close them; their lamports come back.")
    ] = False,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the buffers that runs left behind, or close them."""
    from scripts.program.commands.recover import recover_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(lambda: recover_command(options, consent, close=close, as_json=as_json), debug=debug)


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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Hand the upgrade authority over, or take it away for good."""
    from scripts.program.commands.change import authority_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(
        lambda: authority_command(
            options,
            consent,
            new_key=new_key,
            new_address=new_address,
            final=final,
            as_json=as_json,
        ),
        debug=debug,
    )


@app.command()
def extend(  # noqa: PLR0913
    environment: Environment,
    *,
    to: Annotated[int, typer.Option(metavar="BYTES", min=1, help="The room in all.")],
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make room for a larger version."""
    from scripts.program.commands.change import extend_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(lambda: extend_command(options, consent, to=to, as_json=as_json), debug=debug)


@app.command()
def close(  # noqa: PLR0913
    environment: Environment,
    *,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Remove the program for good."""
    from scripts.program.commands.change import close_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    run(lambda: close_command(options, consent, as_json=as_json), debug=debug)


@app.command()
def pause(  # noqa: PLR0913
    environment: Environment,
    *,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Pause the program by the product's own command. With --execute it asks nothing."""
    from scripts.program.admin.commands import pause_command

    options = _options(environment, payer, authority, state, operator, 100.0, 0)
    consent = _consent(execute, True, True, None, _APPROVERS)  # noqa: FBT003 - it never asks
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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Let a paused program go on, with plan and test of the resolution on record."""
    from scripts.program.admin.commands import unpause_command

    options = _options(environment, payer, authority, state, operator, 100.0, 0)
    consent = _consent(execute, yes, emergency, approval, approvers)
    run(
        lambda: unpause_command(options, consent, plan=plan, test=test, as_json=as_json),
        debug=debug,
    )


@app.command()
def correct(  # noqa: PLR0913
    environment: Environment,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which of the record's corrections.")],
    *,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Correct the program's state by the product's own commands; every change is recorded."""
    from scripts.program.admin.commands import correct_command

    options = _options(environment, payer, authority, state, operator, 100.0, 0)
    consent = _consent(execute, yes, emergency, approval, approvers)
    run(lambda: correct_command(options, consent, name, as_json=as_json), debug=debug)


@app.command()
def proposals(  # noqa: PLR0913
    environment: Environment,
    *,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    payer: Payer = _PAYER,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what was put to the members of the program's multisig, and what they said."""
    from scripts.program.multisig.commands import proposals_command

    options = _options(environment, payer, None, None, None, 100.0, _PRICE)
    owner = _needed(multisig, vault, None)
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
    payer: Payer = _PAYER,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Vote on a proposal of the program's multisig, having seen what it does."""
    from scripts.program.multisig.commands import vote_command

    options = _options(environment, payer, None, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003
    owner = _needed(multisig, vault, member)
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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Take away ways back that are kept no longer: cancel them, close their buffers."""
    from scripts.program.commands.retire import retire_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = _needed(multisig, vault, member)
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
    payer: Payer = _PAYER,
    debug: Debug = False,
) -> None:
    """Write a vote into a file, for a member whose key never meets a network."""
    from scripts.program.multisig.commands import export_command

    options = _options(environment, payer, None, None, None, 100.0, _PRICE)
    owner = _needed(multisig, 0, None)
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
def submit(
    environment: Environment,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sign` signed.")],
    *,
    payer: Payer = _PAYER,
    execute: Execute = False,
    debug: Debug = False,
) -> None:
    """Send a vote that was signed elsewhere."""
    from scripts.program.multisig.commands import submit_command

    options = _options(environment, payer, None, None, None, 100.0, _PRICE)
    run(lambda: submit_command(options, file, execute=execute), debug=debug)


@idl.command("show")
def idl_show(  # noqa: PLR0913
    environment: Environment,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write the IDL there."),
    ] = None,
    payer: Payer = _PAYER,
    state: State = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what the chain says of the program's IDL."""
    from scripts.program.idl.commands import show_command

    options = _options(environment, payer, None, state, None, 100.0, 0)
    run(lambda: show_command(options, output=output, as_json=as_json), debug=debug)


@idl.command("publish")
def idl_publish(  # noqa: PLR0913
    environment: Environment,
    file: IdlFile,
    *,
    version: Version = None,
    multisig: Multisig = None,
    vault: VaultIndex = 0,
    member: Member = None,
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Publish the IDL of a build, the first or the next one."""
    from scripts.program.idl.commands import publish_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, emergency, approval, approvers)
    owner = _vault(multisig, vault, member)
    run(
        lambda: publish_command(
            options, consent, file, version=version, vault=owner, as_json=as_json
        ),
        debug=debug,
    )


@idl.command("compare")
def idl_compare(
    environment: Environment,
    file: IdlFile,
    *,
    payer: Payer = _PAYER,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare the published IDL with a build's. Exit code 1: it differs."""
    from scripts.program.idl.commands import compare_command

    options = _options(environment, payer, None, None, None, 100.0, 0)
    run(lambda: compare_command(options, file, as_json=as_json), debug=debug)


@idl.command("authority")
def idl_authority(  # noqa: PLR0913
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
    payer: Payer = _PAYER,
    authority: Authority = None,
    state: State = None,
    operator: Operator = None,
    max_price: Ceiling = _PRICE,
    execute: Execute = False,
    yes: Yes = False,
    approval: Approvals = None,
    approvers: Approvers = _APPROVERS,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say who may change the IDL beside the program's upgrade authority."""
    if (new_address is None) != remove:
        raise typer.BadParameter("name one: --new-address ADDRESS or --remove")
    from scripts.program.idl.commands import authority_command

    options = _options(environment, payer, authority, state, operator, 100.0, max_price)
    consent = _consent(execute, yes, False, approval, approvers)  # noqa: FBT003 - no emergency
    owner = _vault(multisig, vault, member)
    run(
        lambda: authority_command(options, consent, new=new_address, vault=owner, as_json=as_json),
        debug=debug,
    )


def _vault(multisig: str | None, index: int, member: Path | None) -> "Vault | None":
    """The vault that owns the program, where one does."""
    return _needed(multisig, index, member) if multisig else None


def _needed(multisig: str | None, index: int, member: Path | None) -> "Vault":
    """The vault that owns the program; the multisig has to be named."""
    if not multisig:
        raise typer.BadParameter("name the multisig: --multisig ADDRESS")
    from scripts.program.multisig.commands import Vault

    return Vault(multisig=multisig, index=index, member=member)


@app.command()
def prove(  # noqa: PLR0913
    kind: Annotated[Kind, typer.Argument(help="What is proven.")],
    file: File,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND...", help="What proves it by ending with 0."),
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
    figure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="What was measured or counted; any number."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", dir_okay=False)
    ] = None,
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
            figures=figure or [],
            output=output,
        ),
        debug=debug,
    )


def _build(  # noqa: PLR0913, PLR0917 - each is an option that two commands have
    file: Path,
    version: str | None,
    checksum: str | None,
    smoke: Path | None,
    proofs: list[Path] | None,
    evidence: list[Path] | None,
    source: Path | None,
    size_limit: int | None,
    because: str | None,
) -> "Build":
    if (size_limit is None) != (because is None):
        raise typer.BadParameter("--size-limit and --because go together: a limit has a reason")
    from scripts.program.commands.deploy import Build
    from scripts.program.gates import SizeLimit

    return Build(
        file=file,
        version=version,
        checksum=checksum,
        smoke=smoke,
        proofs=proofs or [],
        evidence=evidence or [],
        source=source,
        limit=SizeLimit(size=size_limit, because=because) if size_limit and because else None,
    )


def _options(  # noqa: PLR0913, PLR0917 - each is an option that several commands have
    environment: str,
    payer: Path | None,
    authority: Path | None,
    state: Path | None,
    operator: str | None,
    rate: float,
    ceiling: int,
) -> "Options":
    from scripts.program.session import Options

    return Options(
        environment=environment,
        payer=payer.expanduser() if payer else None,
        authority=authority.expanduser() if authority else None,
        state=state,
        operator=operator or getpass.getuser(),
        rate=rate,
        ceiling=ceiling,
        resume=shlex.join(["slipway", *sys.argv[1:]]),
    )


def _consent(
    execute: bool,  # noqa: FBT001 - as the options are
    yes: bool,  # noqa: FBT001
    emergency: bool,  # noqa: FBT001
    approvals: list[Path] | None,
    approvers: Path,
) -> "Consent":
    from scripts.program.commands.act import Consent

    return Consent(
        execute=execute,
        yes=yes,
        emergency=emergency,
        approvals=approvals or [],
        approvers=approvers,
    )
