"""Rehearsals of a few seconds."""

from pathlib import Path

from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.judgement.limits import latencies
from scripts.cutover.planning.steps import Settings
from scripts.cutover.rehearse.cluster import Scale
from scripts.cutover.rehearse.faults import Fault, Faulty
from scripts.cutover.rehearse.options import Options

NOWHERE = Path("nowhere")
BASELINE = Baseline(
    requests=1_000_000,
    errors=0,
    p50_ms=160,
    p99_ms=200,
    slower=dict.fromkeys(latencies(160, 200), 0.0),
)
"""Slower than the services are on a quiet machine: tests run on busy ones."""
TINY = Settings(
    weights=(90, 100),
    bake=0.5,
    longest_bake=30,
    poll=0.5,
    oldest=15,
    blind=20,
    ask=5,
    starting=20,
    set_weights=5,
    read_back=5,
    healthy=10,
    first_minutes=1,
)


def made(
    folder: Path = NOWHERE,
    fault: Fault = Fault.NONE,
    *,
    embedded: bool = True,
    rate: float = 800,
    kill_controller: int | None = None,
) -> Options:
    """What takes a few seconds, in `folder`."""
    return Options(
        folder=folder / "rehearsal",
        scale=Scale(instances=2, rate=rate, seconds=90, embedded=embedded),
        faulty=Faulty(fault=fault, at=90, share=0.2),
        settings=TINY,
        baseline=BASELINE,
        kill_controller=kill_controller,
    )
