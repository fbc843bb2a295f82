"""The commands of `slipway cutover`: they parse arguments and options, and nothing else.

What a command does is loaded when it runs, so that help and bad usage wait for nothing.
"""
# ruff: noqa: PLC0415 - for that reason

import getpass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from scripts.cutover.database.cli import app as database
from scripts.cutover.rehearse.cli import rehearse
from scripts.exits import run as run_and_exit
from scripts.options import APPROVERS, Approvers, AsJson, Debug, Execute, Operator

if TYPE_CHECKING:
    from scripts.cutover.session import Options


class Said(StrEnum):
    """What a person can answer."""

    GO_ON = "go-on"
    ROLL_BACK = "roll-back"


app = typer.Typer(
    help="Move traffic to a release, judged at each step, and back. Nothing without --execute.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(rehearse)
app.add_typer(database, name="database")

Environment = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Which one.")]
State = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        envvar="SLIPWAY_STATE",
        help="Where evidence, reports and, alone, the journal are kept; .slipway in the project"
        " unless given.",
    ),
]
Standard = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The pre-approved standard change that it is.",
    ),
]
Emergency = Annotated[
    bool,
    typer.Option(
        "--emergency",
        help="An emergency: released by somebody on call, signed off and documented afterwards.",
    ),
]
Approvals = Annotated[
    list[Path] | None,
    typer.Option(
        "--approval",
        metavar="FILE",
        dir_okay=False,
        help="An approval, from `slipway evidence approve`; any number.",
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Ask nothing; production then wants approvals on record.")
]
Because = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; it is written down with who says so.")
]

_ONE_TYPE: Final = "a change is an emergency or a standard one, not both"


@app.command()
def run(  # noqa: PLR0913 - each is an option of the command
    environment: Environment,
    *,
    release: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="What a build made: images by service, each with its digest; YAML or JSON.",
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=IMAGE@sha256:DIGEST", help="The image of one service; any number."
        ),
    ] = None,
    pages: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="The release of the pages.")
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="The change of the database."
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="A plan that was saved, to run it."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", dir_okay=False, help="Save the plan, to approve it."
        ),
    ] = None,
    standard: Standard = None,
    emergency: Emergency = False,
    rolled_back: Annotated[
        list[Path] | None,
        typer.Option(
            "--rolled-back",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Signed evidence of a rollback of the release in staging, which production wants;"
            " any number.",
        ),
    ] = None,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    yes: Yes = False,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Move traffic to a release step by step; it goes back by itself where it has to.

    Exit code 1: it went back. Exit code 2: it was refused, and nothing was changed. Exit code 130:
    interrupted, to be resumed.
    """
    if emergency and standard:
        raise typer.BadParameter(_ONE_TYPE)
    if output and execute:
        raise typer.BadParameter("--output saves a plan, --execute runs one: give one of them")
    from scripts.cutover.commands.consent import Consent
    from scripts.cutover.commands.run import Asked, run_command

    options = _options(environment, state, operator, approvers)
    what = Asked(
        release=release,
        images=image or [],
        pages=pages,
        database=database,
        plan=plan,
        output=output,
    )
    consent = Consent(
        execute=execute,
        yes=yes,
        emergency=emergency,
        standard=standard,
        approvals=approval or [],
        rolled_back=rolled_back or [],
    )
    run_and_exit(lambda: run_command(options, what, consent, as_json=as_json), debug=debug)


@app.command()
def resume(  # noqa: PLR0913
    environment: Environment,
    *,
    standard: Standard = None,
    emergency: Emergency = False,
    approval: Approvals = None,
    approvers: Approvers = APPROVERS,
    yes: Yes = False,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Go on with what was stopped, wherever that was: forward, or back if that was decided.

    Forward it is let in anew, as the change that it was or the one that is named; back it asks
    nothing.
    """
    if emergency and standard:
        raise typer.BadParameter(_ONE_TYPE)
    from scripts.cutover.commands.consent import Consent
    from scripts.cutover.commands.run import resume_command

    options = _options(environment, state, operator, approvers)
    consent = Consent(
        execute=execute,
        yes=yes,
        emergency=emergency,
        standard=standard,
        approvals=approval or [],
    )
    run_and_exit(lambda: resume_command(options, consent, as_json=as_json), debug=debug)


@app.command()
def rollback(  # noqa: PLR0913
    environment: Environment,
    *,
    because: Because = "",
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Send all traffic back to the old sides. With --execute it asks nothing."""
    _back(environment, because, state, operator, execute, as_json, debug, only_open=False)


@app.command()
def abort(  # noqa: PLR0913
    environment: Environment,
    *,
    because: Because = "",
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Stop the cutover that is under way, whoever carries it out, and take it back."""
    _back(environment, because, state, operator, execute, as_json, debug, only_open=True)


@app.command()
def answer(  # noqa: PLR0913
    environment: Environment,
    said: Annotated[Said, typer.Argument(help="What you decide.")],
    *,
    because: Because = "",
    approvers: Approvers = APPROVERS,
    state: State = None,
    operator: Operator = None,
    debug: Debug = False,
) -> None:
    """Answer the question of a cutover; it is written down who did.

    Who lets it go on is named in the file of approvers; back it goes for anybody.
    """
    from scripts.cutover.commands.people import answer_command
    from scripts.cutover.judgement.observations import Answer

    options = _options(environment, state, operator, approvers)
    meant = {Said.GO_ON: Answer.GO_ON, Said.ROLL_BACK: Answer.ROLL_BACK}[said]
    run_and_exit(lambda: answer_command(options, meant, because=because), debug=debug)


@app.command()
def watch(  # noqa: PLR0913
    environment: Environment,
    *,
    state: State = None,
    operator: Operator = None,
    execute: Execute = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Look once at a release in its first week; run it again, by a schedule say, to go on.

    It goes back while the old sides are kept, and takes them away once their time is over. Exit
    code 3: it is watched further.
    """
    from scripts.cutover.commands.watching import watch_command

    options = _options(environment, state, operator)
    run_and_exit(lambda: watch_command(options, execute=execute, as_json=as_json), debug=debug)


@app.command()
def status(  # noqa: PLR0913
    environment: Environment,
    *,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--once",
            "-f/-1",
            help="Show it until it has ended, or once; on a terminal it follows unless told.",
        ),
    ] = None,
    state: State = None,
    operator: Operator = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show where the last cutover stands: weights, health, gates, what waits for an answer.

    Exit code 1: somebody has to look. Exit code 3: the cutover has not ended.
    """
    from scripts.cutover.commands.status import status_command

    options = _options(environment, state, operator)
    run_and_exit(lambda: status_command(options, follow=follow, as_json=as_json), debug=debug)


@app.command()
def history(
    environment: Environment,
    *,
    state: State = None,
    operator: Operator = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the cutovers: releases, how each ended and why, its runs, evidence and page."""
    from scripts.cutover.commands.look import history_command

    options = _options(environment, state, operator)
    run_and_exit(lambda: history_command(options, as_json=as_json), debug=debug)


@app.command()
def explain(  # noqa: PLR0913
    environment: Environment,
    number: Annotated[
        int | None,
        typer.Argument(min=1, metavar="DECISION", help="Which, in full; all unless given."),
    ] = None,
    *,
    of: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Of which run; all of the last cutover."),
    ] = None,
    state: State = None,
    operator: Operator = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show decisions with their values, baselines, limits and the requirement that each cites."""
    from scripts.cutover.commands.look import explain_command

    options = _options(environment, state, operator)
    run_and_exit(
        lambda: explain_command(options, run=of, number=number, as_json=as_json), debug=debug
    )


def _back(  # noqa: PLR0913, PLR0917 - each is an option that two commands have
    environment: str,
    because: str,
    state: Path | None,
    operator: str | None,
    execute: bool,  # noqa: FBT001 - as the options are
    as_json: bool,  # noqa: FBT001
    debug: bool,  # noqa: FBT001
    *,
    only_open: bool,
) -> None:
    from scripts.cutover.commands.people import rollback_command

    options = _options(environment, state, operator)
    run_and_exit(
        lambda: rollback_command(
            options, because=because, only_open=only_open, execute=execute, as_json=as_json
        ),
        debug=debug,
    )


def _options(
    environment: str, state: Path | None, operator: str | None, approvers: Path = APPROVERS
) -> "Options":
    from scripts.cutover.session import Options

    return Options(
        environment=environment,
        state=state,
        operator=operator or getpass.getuser(),
        approvers=approvers,
    )
