"""Measures cutovers: how long a decision takes, and how much memory whoever watches one takes.

Each line ends with the bound that it is held to.
"""

# ruff: noqa: INP001 a script, not a package

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the services that are watched live among the tests

from scripts.cutover.judgement.judge import Stage, judge  # noqa: E402
from scripts.cutover.judgement.limits import Period  # noqa: E402
from scripts.cutover.judgement.observations import Observations  # noqa: E402
from tests.scripts.cutover import worlds  # noqa: E402

Line = tuple[bool, str]
MOST_MILLISECONDS, MOST_MEBIBYTES = 10, 120
POINTS: Final = 10_000
TIMES: Final = 20
WATCHING: Final = """
import os, resource, sys
os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")
from scripts.cutover.running import conductor
from scripts.cutover.aws.services import Apis
from scripts.cutover.judgement.judge import judge
from scripts.cutover.watch import connecting
from scripts.runs.aws import client
from tests.scripts.cutover.watch.scene import OLD, START, Scene, stage
apis = Apis.of("us-east-1"), [client(each, region="us-east-1") for each in ("dynamodb", "ssm")]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scene, hours = Scene(), float(sys.argv[1])
watch = scene.watch()
for minute in range(int(hours * 60)):
    scene.serve(START + 60 * minute, START + 60 * minute + 60)
    scene.serve(START + 60 * minute, START + 60 * minute + 60, OLD)
    scene.clock.sleep(60)
    judge(stage(), watch.observe(stage()), scene.clock.now())
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""Watches a service as it is watched on AWS, with the samples of the fake beside it."""


def main() -> None:
    """Measure and print everything; exit code 1 where a bound does not hold."""
    sections: list[Callable[[], Generator[Line]]] = [decisions, memory, rehearsals]
    missed = False
    for section in sections:
        for held, line in section():
            sys.stdout.write(f"{line}{'' if held else '  NOT HELD'}\n")
            sys.stdout.flush()
            missed = missed or not held
    raise SystemExit(missed)


def decisions() -> Generator[Line]:
    """Judge all gates of a service: series of 10,000 points each, and 10,000 points in all."""
    for name, points, period in (
        ("10,000 points in all, deployment window", None, Period.WINDOW),
        ("10,000 points a series, first week", POINTS, Period.FIRST_WEEK),
    ):
        stage = worlds.stage(period)
        count = points or POINTS // len({gate.series for gate in stage.gates})
        now = worlds.START + count * worlds.POLL
        seen = worlds.healthy(stage, now)
        milliseconds = 1000 * _best(stage, seen, now)
        most = MOST_MILLISECONDS if points is None else None
        bound = f" (at most {most})" if most else ""
        yield (
            most is None or milliseconds <= most,
            f"decision, {name}: {milliseconds:.1f} ms{bound}",
        )


def memory() -> Generator[Line]:
    """Resident memory of a process that watches for two hours."""
    printed = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", WATCHING, "2"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    before, after = (int(each) / 1024 for each in printed.split())
    said = f"{after:.0f} MiB, of which {before:.0f} before the first poll"
    yield after <= MOST_MEBIBYTES, f"watching for two hours: {said} (at most {MOST_MEBIBYTES})"


def rehearsals() -> Generator[Line]:
    """A rehearsal of each fault: from decision to verified, from breach to weight, and memory."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for fault in ("errors", "latency", "crash", "hang"):
            words = ["--fault", fault, "--folder", f"{folder}/{fault}", "--json"]
            if found:  # measured once
                words += ["--baseline", f"{folder}/errors/baseline.json"]
            printed = subprocess.run(  # noqa: S603 - our own
                [sys.executable, "-m", "scripts.cutover.rehearse", *words],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if printed.returncode:
                yield False, f"rehearsal of {fault}: {printed.stdout}{printed.stderr[-2000:]}"
                continue
            found.append(json.loads(printed.stdout))
    if not found:
        return
    most = found[0]["poll_seconds"] + 1
    for name, key, limit, unit in (
        ("from decision to verified old side", "decision_to_verified_seconds", 10, "s"),
        ("from breaching data to weight sent", "breach_to_weight_seconds", most, "s"),
        ("memory of the controller", "controller_mebibytes", MOST_MEBIBYTES, "MiB"),
    ):
        worst = max(said[key] for said in found)
        line = f"{len(found)} rehearsals, {name}: {worst:.2f} {unit} at worst (at most {limit:g})"
        yield worst <= limit, line


def _best(stage: Stage, seen: Observations, now: float) -> float:
    seconds = float("inf")
    gc.disable()
    for _ in range(TIMES):
        start = time.perf_counter()
        judge(stage, seen, now)
        seconds = min(seconds, time.perf_counter() - start)
    gc.enable()
    return seconds


if __name__ == "__main__":
    main()
