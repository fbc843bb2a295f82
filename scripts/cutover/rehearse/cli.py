"""The options of `slipway cutover rehearse`."""
# ruff: noqa: PLC0415 - what it needs is loaded when it runs: help waits for nothing

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from scripts.cutover.rehearse.faults import Fault
from scripts.exits import run
from scripts.options import Debug


def rehearse(  # noqa: PLR0913 - each is an option of the command
    *,
    fault: Annotated[Fault, typer.Option(help="What is wrong with the new release.")] = Fault.NONE,
    at: Annotated[
        int,
        typer.Option(
            min=0, max=100, metavar="WEIGHT", help="From how many percent of traffic on it is."
        ),
    ] = 10,
    share: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=1,
            help="How much of it: of the requests, or with crash and hang of the instances.",
        ),
    ] = 0.1,
    rate: Annotated[
        float, typer.Option(min=200, max=5000, help="Requests a second of all users together.")
    ] = 1500,
    instances: Annotated[
        int, typer.Option(min=2, max=8, help="How many instances each side has.")
    ] = 3,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="Use the embedded load balancer, not HAProxy."),
    ] = False,
    kill_controller: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            metavar="WEIGHT",
            help="Kill the controller (-9) once the new side has so many percent; it is resumed.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The baseline.json of an earlier rehearsal; else it is measured first.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            help="Where journal, evidence and report go; out/rehearsal/<time> unless named.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the outcome as JSON, for programs.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Watch a cutover on this machine: real services, a real load balancer, real requests.

    Two releases of a service run on loopback behind HAProxy, or where that is not installed an
    embedded load balancer. Nothing else is touched. Exit code 1: it did not end as it should,
    done without a fault and rolled back with one.
    """
    from scripts.cutover.rehearse.cluster import Scale
    from scripts.cutover.rehearse.command import rehearse_command
    from scripts.cutover.rehearse.faults import Faulty
    from scripts.cutover.rehearse.options import Options, read_baseline

    def command() -> int:
        options = Options(
            folder=folder or Path("out/rehearsal") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
            scale=Scale(instances=instances, rate=rate, embedded=embedded),
            faulty=Faulty(fault=fault, at=at, share=share),
            baseline=read_baseline(baseline) if baseline else None,
            kill_controller=kill_controller,
        )
        return rehearse_command(options, as_json=as_json)

    run(command, debug=debug)
