"""Options that several commands of `slipway program` have, and what they come to.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

import getpass
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from scripts.program.choices import Choice

if TYPE_CHECKING:
    from scripts.program.commands.consent import Consent
    from scripts.program.multisig.commands import Vault
    from scripts.program.session import Options

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
        metavar="FILE",
        envvar="SLIPWAY_PAYER",
        help="The key that pays, as the Solana CLI has it; for a plan its address does.",
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="SLIPWAY_AUTHORITY",
        help="The key of the upgrade authority, for a plan its address; the payer's unless given.",
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
WithoutSmoke = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="Why there is no such instruction, which mainnet else wants."
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
Repository = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where the source is public, for the verify record on chain."),
]
Commit = Annotated[
    str | None,
    typer.Option(metavar="HASH", help="The commit that was built; that of --source unless given."),
]
BuildArgs = Annotated[
    str,
    typer.Option(
        metavar="TEXT",
        help="What solana-verify builds it with, such as '--library-name vault'.",
    ),
]
SizeLimitBytes = Annotated[
    int | None, typer.Option(min=1, help="A limit of the product's own for the binary, in bytes.")
]
Because = Annotated[str | None, typer.Option(metavar="TEXT", help="Why it needs that limit.")]

PAYER: Final = Path("~/.config/solana/id.json")
PRICE: Final = 1_000_000
"""The most that is offered for a compute unit, unless another price is named."""


def vault_of(multisig: str | None, index: int, member: Path | None) -> "Vault | None":
    """The vault that owns the program, where one does."""
    return must_be_vault(multisig, index, member) if multisig else None


def must_be_vault(multisig: str | None, index: int, member: Path | None) -> "Vault":
    """The vault that owns the program; the multisig has to be named."""
    if not multisig:
        raise typer.BadParameter("name the multisig: --multisig ADDRESS")
    from scripts.program.multisig.commands import Vault

    return Vault(multisig=multisig, index=index, member=member)


def options_of(  # noqa: PLR0913, PLR0917 - each is an option that several commands have
    environment: str,
    payer: Path | None,
    authority: Path | None,
    state: Path | None,
    operator: str | None,
    rate: float,
    ceiling: int,
) -> "Options":
    """What every command about a program is told."""
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


def consent_of(
    execute: bool,  # noqa: FBT001 - as the options are
    yes: bool,  # noqa: FBT001
    emergency: bool,  # noqa: FBT001
    approvals: list[Path] | None,
    approvers: Path,
) -> "Consent":
    """How the run is let in."""
    from scripts.program.commands.consent import Consent

    return Consent(
        execute=execute,
        yes=yes,
        emergency=emergency,
        approvals=approvals or [],
        approvers=approvers,
    )
