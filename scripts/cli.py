"""The console command `slipway`: it reads arguments and options, and calls the rooms.

A command's room is loaded when the command runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

import gc
import getpass
import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from scripts.cutover.cli import app as cutover
from scripts.exits import ExitCode, explain, reopen_closed_streams, run
from scripts.options import APPROVERS, Approvers, AsJson, Debug, Operator
from scripts.program.cli import app as program
from scripts.release.cli import app as release
from standards import Tier

app = typer.Typer(
    epilog="Exit codes: 0 done or clean, 1 failed, 2 usage or bad input, 3 pending,"
    " 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(is_asked: bool) -> None:  # noqa: FBT001 - as a callback of an option has it
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"slipway {version('slipway')}")
        raise typer.Exit


@app.callback()
def slipway(
    *,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit."),
    ] = False,
) -> None:
    """Environments held to written standards: preview them, check them, trace why."""


class LocalCluster(StrEnum):
    """The clusters that the local chain can stand for."""

    LOCALNET = "localnet"
    DEVNET = "devnet"
    TESTNET = "testnet"
    MAINNET_BETA = "mainnet-beta"


Sarif = Annotated[
    Path | None,
    typer.Option(
        "--sarif", metavar="FILE", dir_okay=False, help="Write SARIF 2.1.0, for code scanning."
    ),
]
JUnit = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="FILE", dir_okay=False, help="Write JUnit XML, for test reports."
    ),
]
DocsUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Where the repository's files are shown; SARIF links the rules' pages."
    ),
]


def _matrix(path: Path | None) -> Path | None:
    """`path`, whose suffix says the format."""
    if path and path.suffix.lower() not in {".csv", ".json"}:
        raise typer.BadParameter(f"{path} has to end in .csv or .json")
    return path


Matrix = Annotated[
    Path | None,
    typer.Option(
        "--matrix",
        metavar="FILE",
        dir_okay=False,
        callback=_matrix,
        help="Write the compliance matrix, .csv or .json.",
    ),
]


@app.command()
def preview(  # noqa: PLR0913 - each is an option of the command
    environments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ENVIRONMENT", help="Which ones; production unless named."),
    ] = None,
    *,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Where the HTML report goes; out/<environments>.html unless named.",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Show how the first of two environments differs from the second, and whether it"
            " may; exit code 1 where it may not.",
        ),
    ] = False,
    sarif: Sarif = None,
    junit: JUnit = None,
    matrix: Matrix = None,
    docs_url: DocsUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what environments declare and what breaks a policy.

    Needs no engine, plugin or credentials, and creates nothing. Exit code 1: a mandatory
    finding that no waiver covers, or a rule or a program that raised.
    """
    if compare:
        _compare(
            environments or [], [sarif, junit, matrix], page=html, as_json=as_json, debug=debug
        )
    from preview.commands.preview import preview
    from preview.commands.reports import Reports

    reports = Reports(sarif=sarif, junit=junit, matrix=matrix, docs_url=docs_url)
    named = environments or ["production"]
    run(lambda: preview(named, as_json=as_json, page=html, reports=reports), debug=debug)


def _compare(
    names: list[str], others: list[Path | None], *, page: Path | None, as_json: bool, debug: bool
) -> NoReturn:
    """Show how two environments differ; a comparison has no findings to report."""
    if len(names) != 2:  # noqa: PLR2004 - a pair
        raise typer.BadParameter("--compare takes two environments: staging production")
    if any(others):
        raise typer.BadParameter("--compare goes with --json and --html only")
    from preview.commands.compare import compare_command

    run(lambda: compare_command(*names, as_json=as_json, page=page), debug=debug)


@app.command()
def plan(
    environment: Annotated[str, typer.Argument(help="Which one.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write it there."),
    ] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Draw it there, as SVG."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Print every resource of an environment as JSON, or draw its parts and their traffic."""
    from preview.commands.plan import plan

    run(lambda: plan(environment, output=output, diagram=diagram), debug=debug)


@app.command()
def check(  # noqa: PLR0913 - each is an option of the command
    plans: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="What `slipway plan`, `pulumi stack export` or `pulumi preview --json` wrote;"
            " - is stdin.",
        ),
    ],
    *,
    tier: Annotated[
        Tier | None,
        typer.Option(
            help="What the stacks are judged as. Unless given: the tier of the environment that"
            " has the stack's name in this project, and production where there is none."
        ),
    ] = None,
    sarif: Sarif = None,
    junit: JUnit = None,
    matrix: Matrix = None,
    docs_url: DocsUrl = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Judge plans in files by the same policies.

    Exit code 1: a mandatory finding that no waiver covers, or a rule that raised.
    """
    from preview.commands.check import check
    from preview.commands.reports import Reports

    reports = Reports(sarif=sarif, junit=junit, matrix=matrix, docs_url=docs_url)
    run(lambda: check(plans, tier=tier, as_json=as_json, reports=reports), debug=debug)


@app.command()
def cost(
    what: Annotated[
        str, typer.Argument(metavar="ENVIRONMENT|FILE", help="Which one, or a plan's .json file.")
    ] = "production",
    *,
    against: Annotated[
        str | None,
        typer.Option(metavar="ENVIRONMENT|FILE", help="Show the difference from this one."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Estimate what an environment costs a month, by its parts, from list prices."""
    from preview.commands.cost import cost

    run(lambda: cost(what, against=against, as_json=as_json), debug=debug)


@app.command()
def trace(
    asked: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REQUIREMENT]...", help="Ids (SCALE-01) or themes (SCALE); all unless named."
        ),
    ] = None,
    *,
    as_json: AsJson = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page docs/requirements.md.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show what serves each requirement of the standards, and what has nothing yet."""
    from preview.commands.trace import trace_command
    from scripts.serving import serving_gates, serving_steps

    run(
        lambda: trace_command(
            asked or [],
            as_json=as_json,
            as_markdown=as_markdown,
            acting=[*serving_steps(), *serving_gates()],
        ),
        debug=debug,
    )


evidence = typer.Typer(
    help="Read what runs left behind.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(evidence, name="evidence")
app.add_typer(program, name="program")
app.add_typer(cutover, name="cutover")
app.add_typer(release, name="release")


def _time(text: str) -> datetime:
    """`text` as a time with its zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise typer.BadParameter(f"{text} is no time with its zone, such as 2026-11-21T12:00:00Z")
    return time


@evidence.command("verify")
def evidence_verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The evidence.")
    ],
    *,
    approvers: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Whose signatures count, with their keys and roles.",
        ),
    ] = Path("approvers.yaml"),
    at: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME", parser=_time, help="As of when it is judged; now unless given."
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check that evidence is genuine, in force and signed by enough people; needs no network.

    Exit code 1: it is not. Exit code 3: an emergency's, whose sign-offs are still outstanding.
    """
    from scripts.commands.evidence import verify_command

    run(lambda: verify_command(file, approvers=approvers, at=at, as_json=as_json), debug=debug)


By = Annotated[str, typer.Option(metavar="NAME", help="Who signs, as in the file of approvers.")]
InRole = Annotated[
    str,
    typer.Option(
        "--role", help="lead, engineering, security, operations, legal, executive or on-call."
    ),
]
SigningKey = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", dir_okay=False, help="The signer's Ed25519 key, PEM, mode 0600."
    ),
]
KmsKey = Annotated[
    str | None, typer.Option("--kms", metavar="KEY", help="The key in KMS that signs instead.")
]


@evidence.command("sign")
def evidence_sign(  # noqa: PLR0913 - each is an option of the command
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The evidence.")
    ],
    *,
    by: By,
    role: InRole,
    key: SigningKey = None,
    kms: KmsKey = None,
    debug: Debug = False,
) -> None:
    """Add a signature to the evidence of a run."""
    from scripts.commands.signing import sign_command

    run(lambda: sign_command(file, by=by, role=role, key=key, kms=kms), debug=debug)


@evidence.command("approve")
def evidence_approve(  # noqa: PLR0913 - each is an option of the command
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's whole hash.")],
    *,
    by: By,
    role: InRole,
    key: SigningKey = None,
    kms: KmsKey = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="Where the approval goes; approval-<plan>-<role>.json unless named.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Approve a plan before it is run: a signature of its hash, in a file."""
    from scripts.commands.signing import approve_command

    run(
        lambda: approve_command(plan, by=by, role=role, key=key, kms=kms, output=output),
        debug=debug,
    )


Target = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="What was acted on: production/cutover, for example."),
]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        envvar="SLIPWAY_STATE",
        help="Where the journal is kept, alone; .slipway in the project unless given.",
    ),
]


@evidence.command("owed")
def evidence_owed(
    target: Target, *, state: State = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List what runs still owe: an emergency's sign-offs and documentation, a rollback's review.

    Exit code 3: something is owed.
    """
    from scripts.commands.owed import owed_command

    run(lambda: owed_command(target, state=state, as_json=as_json), debug=debug)


@evidence.command("settle")
def evidence_settle(  # noqa: PLR0913 - each is an option of the command
    target: Target,
    of: Annotated[str, typer.Argument(metavar="RUN", help="The run that owes it.")],
    what: Annotated[str, typer.Argument(metavar="WHAT", help="approval, documentation or review.")],
    *,
    document: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="What was written."),
    ] = None,
    link: Annotated[str, typer.Option(metavar="URL", help="Where people find it.")] = "",
    approval: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="A signature of the document's SHA-256, or where approval is owed of the run's"
            " plan, from `slipway evidence approve`; any number.",
        ),
    ] = None,
    approvers: Approvers = APPROVERS,
    state: State = None,
    operator: Operator = None,
    debug: Debug = False,
) -> None:
    """Bring what a run owes: it is on record then with who, when, where and whose signatures."""
    from scripts.commands.owed import Named, settle_command

    named = Named(
        target=target,
        run=of,
        what=what,
        document=document,
        link=link,
        approvals=approval or [],
        approvers=approvers,
    )
    by = operator or getpass.getuser()
    run(lambda: settle_command(named, state=state, operator=by), debug=debug)


def _faults(text: str) -> str:
    """`text`, which has to name faults that there are."""
    from localnet.faults import Faults, FaultsError

    try:
        Faults.parse(text)
    except FaultsError as error:
        raise typer.BadParameter(str(error)) from None
    return text


def _funds(texts: list[str] | None) -> list[str]:
    """`texts`, which have to name addresses and amounts."""
    from localnet.funds import FundsError, parse_funds

    try:
        parse_funds(texts or [])
    except FundsError as error:
        raise typer.BadParameter(str(error)) from None
    return texts or []


@app.command()
def localnet(  # noqa: PLR0913 - each is an option of the command
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where on 127.0.0.1 it listens; 0 takes any.")
    ] = 8899,
    cluster: Annotated[
        LocalCluster, typer.Option(help="Whose genesis hash it shows, to rehearse for it.")
    ] = LocalCluster.LOCALNET,
    slot_ms: Annotated[
        int,
        typer.Option(
            min=0,
            max=10_000,
            help="How long a slot takes; with 0 one passes whenever a client asks how far it is.",
        ),
    ] = 400,
    fund: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS=SOL",
            callback=_funds,
            help="Who has SOL from the start: an address, or the file of a key; any number.",
        ),
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAME=VALUE,...",
            callback=_faults,
            help="What goes wrong, from a seed: drop=0.3,delay=0.1,limit=0.05,fork=0.01,seed=7.",
        ),
    ] = "",
    debug: Debug = False,
) -> None:
    """Run a local Solana chain with a JSON-RPC endpoint, until Ctrl-C."""
    from localnet.command import localnet

    run(
        lambda: localnet(
            port=port,
            cluster=cluster.value,
            slot_seconds=slot_ms / 1000,
            faults=faults,
            fund=fund or [],
        ),
        debug=debug,
    )


def main() -> NoReturn:
    """Run the command line and end the process, without waiting for what Pulumi leaves behind."""
    # Most objects stay until the end: to look for garbage among them again and again is in vain.
    gc.set_threshold(200_000)
    reopen_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, _interrupt)
    code: object = ExitCode.DONE
    try:
        app()
    except SystemExit as end:
        code = end.code
    except OSError as error:
        code = explain(error)
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else ExitCode.FAILED)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stop at once. Python's own handler does that, too, but asyncio would put its own in place.

    That one asks the running task to end, which a program that waits outside of asyncio never does.
    """
    raise KeyboardInterrupt
