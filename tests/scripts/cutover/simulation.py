"""Whole cutovers in a simulated cloud with faults; any failure is replayed from its seed.

python -m tests.scripts.cutover.simulation --seeds 10000 --document
python -m tests.scripts.cutover.simulation --seed 4711 -v
"""

import argparse
import gc
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

from standards import figure
from tests.scripts.cutover.simulated.processes import START, ViolationError
from tests.scripts.cutover.simulated.runs import Simulated, simulate

BLOCK: Final = 100
"""How many seeds one process takes at a time."""
MOST: Final = 5 * 60
"""Seconds: 99 of 100 rollbacks take less, also with a controller killed in the midst of them."""
PAGE: Final = Path("docs/cutover-simulation.md")
_RESULT: Final = re.compile(
    r"(?<=## Measured\n).*(?=<!-- the command writes what is above -->)", re.DOTALL
)


@dataclass(kw_only=True)
class Tally:
    """What became of some seeds."""

    ends: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    back: list[float] = field(default_factory=list[float])
    """From each decision to go back to the verified old side, in seconds."""
    reacted: list[float] = field(default_factory=list[float])
    """From the look before the one that decided, to the change of weight, beyond one poll."""
    decisions: int = 0
    processes: int = 0
    violations: list[str] = field(default_factory=list[str])

    def add(self, found: Simulated) -> None:
        """Count one more."""
        if found.ended is None:
            raise AssertionError(found)
        self.ends[found.ended.outcome.value] += 1
        self.faults.update(found.fate.faults())
        self.back += [] if found.back_seconds is None else [found.back_seconds]
        self.reacted += found.cloud.reacted
        self.decisions += sum(found.cloud.sequences.values())
        self.processes += found.processes

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            ends=self.ends + other.ends,
            faults=self.faults + other.faults,
            back=self.back + other.back,
            reacted=self.reacted + other.reacted,
            decisions=self.decisions + other.decisions,
            processes=self.processes + other.processes,
            violations=self.violations + other.violations,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what became of the seeds; 1 where something was that must never be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, metavar="COUNT")
    parser.add_argument("--jobs", type=int, default=2, metavar="PROCESSES")
    parser.add_argument("--seed", type=int, metavar="SEED", help="only this one")
    parser.add_argument("--document", action="store_true", help=f"write the table into {PAGE}")
    parser.add_argument("-v", "--verbose", action="store_true", help="with all that happens")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, verbose=options.verbose)
    began = time.perf_counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        tally = sum(pool.map(block, _blocks(options.seeds)), Tally())
    seconds = time.perf_counter() - began
    table = "\n".join(_table(tally, seconds, options.jobs))
    broken = [*tally.violations, *slow(tally.back)]
    sys.stdout.write("\n".join([table, "", *broken[:20]]) + "\n")
    if options.document:
        PAGE.write_text(_RESULT.sub(lambda _: f"\n{table}\n\n", PAGE.read_text("utf-8")), "utf-8")
    return 1 if broken else 0


def slow(back: Sequence[float]) -> Iterator[str]:
    """What is not so of the times that rollbacks took."""
    limit = figure("ROLL-01", "duration_below_minutes").seconds
    if len(back) > 1 and (usual := _quantile(back, 99)) >= MOST:
        yield f"99 of 100 rollbacks take {usual:.0f} s, and not less than {MOST} s"
    if back and max(back) >= limit:
        yield f"a rollback took {max(back):.0f} s, and not less than {limit} s (ROLL-01)"


def block(seeds: range) -> Tally:
    """What becomes of `seeds`."""
    tally = Tally()
    gc.freeze()  # what was imported stays: it need not be looked through again and again
    for seed in seeds:
        try:
            tally.add(simulate(seed))
        except ViolationError as violation:
            tally.violations.append(str(violation))
    return tally


def _blocks(seeds: int) -> list[range]:
    return [range(first, min(first + BLOCK, seeds)) for first in range(0, seeds, BLOCK)]


def _one(seed: int, *, verbose: bool) -> int:
    def trace(at: float, what: str) -> None:
        if verbose:
            sys.stdout.write(f"{at - START:8.1f} {what}\n")

    try:
        found = simulate(seed, trace)
    except ViolationError as violation:
        sys.stdout.write(f"{violation}\n")
        return 1
    sys.stdout.write(f"{found.fate}\n{found.ended}\n")
    return 0


def _table(tally: Tally, seconds: float, jobs: int) -> Iterator[str]:
    seeds = tally.ends.total() + len(tally.violations)
    yield f"{seeds:,} cutovers, {tally.processes:,} processes, {tally.decisions:,} decisions, in"
    yield f"{seconds:.0f} s with {jobs} processes at once."
    yield from ("", "| End | Cutovers |", "|---|---|")
    yield from (f"| {end} | {count:,} |" for end, count in tally.ends.most_common())
    yield f"| violations | {len(tally.violations):,} |"
    yield from ("", "| Seconds | 50 % | 99 % | Worst |", "|---|---|---|---|")
    yield _spread("from the decision to go back to the verified old side", tally.back)
    yield _spread("from the look before it to the change of weight, beyond a poll", tally.reacted)
    yield from ("", "| Fault | Cutovers |", "|---|---|")
    yield from (f"| {fault} | {count:,} |" for fault, count in tally.faults.most_common())


def _spread(what: str, seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"| {what} | - | - | - |"
    usual, most = _quantile(seconds, 50), _quantile(seconds, 99)
    return f"| {what} | {usual:.1f} | {most:.1f} | {max(seconds):.1f} |"


def _quantile(seconds: Sequence[float], of_hundred: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[of_hundred - 1]


if __name__ == "__main__":
    sys.exit(main())
