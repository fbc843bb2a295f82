"""What is rehearsed: options, settings in seconds, the baseline, and the cutover of all these."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from preview.files import write
from scripts.cutover.judgement.gates import Baseline, Share, Watched
from scripts.cutover.judgement.limits import Period, gates
from scripts.cutover.judgement.verdicts import ENOUGH
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.rehearse.cluster import SERVICE, Scale
from scripts.cutover.rehearse.faults import Faulty
from scripts.exits import CommandError
from standards import Tier

BASELINE: Final = "baseline.json"
QUICK: Final = Settings(
    weights=(10, 50, 100),
    bake=3,
    longest_bake=60,
    poll=1,
    oldest=10,
    blind=15,
    ask=10,
    starting=20,
    set_weights=5,
    read_back=5,
    healthy=10,
    first_minutes=3,
)
"""Seconds where an environment has minutes: the same judgement, of more requests a second."""


class RehearsalError(CommandError):
    """A rehearsal that could not take place."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is rehearsed."""

    folder: Path
    """Gets journal, evidence and report."""
    scale: Scale = field(default_factory=Scale)
    faulty: Faulty = field(default_factory=Faulty)
    settings: Settings = QUICK
    baseline: Baseline | None = None
    """What the old side was like; measured where there is none."""
    kill_controller: int | None = None
    """At which weight the controller is killed once, to be started again."""


def planned(options: Options, baseline: Baseline, rate: float) -> Cutover:
    """The cutover that is rehearsed, by the limits of production."""
    old, new = options.scale.releases
    return Cutover(
        environment="rehearsal",
        tier=Tier.PRODUCTION,
        services=(
            Moved(
                watched=Watched(service=SERVICE, baseline=baseline),
                requests_per_second=rate,
                instances=options.scale.instances,
            ),
        ),
        releases={SERVICE: Releases(old=old, new=new)},
        settings=options.settings,
    )


def enough() -> int:
    """The requests of a baseline that every gate can be compared with."""
    empty = Baseline(requests=0, errors=0, p50_ms=0, p99_ms=0)
    watched = Watched(service=SERVICE, baseline=empty)
    limits = [
        gate.limit
        for period in (Period.WINDOW, Period.FIRST_MINUTES)
        for gate in gates(period, watched, Tier.PRODUCTION, 1e-3)
        if isinstance(gate, Share)
    ]
    return round(ENOUGH / min(limits))


def write_baseline(baseline: Baseline, folder: Path) -> None:
    """Keep `baseline` for rehearsals to come."""
    slower = {f"{ms:g}": count for ms, count in baseline.slower.items()}
    kept = {**vars(baseline), "slower": slower}
    write(folder / BASELINE, json.dumps(kept, indent=2) + "\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline that an earlier rehearsal measured.

    Raises:
        RehearsalError: the file holds none.
    """
    try:
        kept = json.loads(path.read_bytes())
        slower = {float(ms): float(count) for ms, count in kept.pop("slower").items()}
        return Baseline(**kept, slower=slower)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RehearsalError(f"{path} holds no baseline of a rehearsal: {error}") from None
