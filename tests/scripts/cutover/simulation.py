"""Whole cutovers in a simulated cloud with faults; any failure is replayed from its seed.

python -m tests.scripts.cutover.simulation --seeds 10000
python -m tests.scripts.cutover.simulation --seed 4711 -v
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import quantiles

from tests.scripts.cutover.simulated.processes import START, ViolationError
from tests.scripts.cutover.simulated.runs import Simulated, simulate

BLOCK = 100
"""How many seeds one process takes at a time."""


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
    parser.add_argument("-v", "--verbose", action="store_true", help="with all that happens")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return _one(options.seed, verbose=options.verbose)
    began = time.perf_counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        tally = sum(pool.map(block, _blocks(options.seeds)), Tally())
    sys.stdout.write("\n".join(_table(tally)) + "\n")
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s\n")
    return 1 if tally.violations else 0


def block(seeds: range) -> Tally:
    """What becomes of `seeds`."""
    tally = Tally()
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


def _table(tally: Tally) -> Iterator[str]:
    seeds = tally.ends.total() + len(tally.violations)
    yield f"{seeds:,} cutovers, {tally.processes:,} processes, {tally.decisions:,} decisions"
    yield from ("", "| End | Cutovers |", "|---|---|")
    yield from (f"| {end} | {count:,} |" for end, count in tally.ends.most_common())
    yield f"| violations | {len(tally.violations):,} |"
    yield from ("", "| Seconds | 50 % | 99 % | Worst |", "|---|---|---|---|")
    yield _spread("from the decision to go back to the verified old side", tally.back)
    yield _spread("from the look before it to the change of weight, beyond a poll", tally.reacted)
    yield from ("", "| Fault | Cutovers |", "|---|---|")
    yield from (f"| {fault} | {count:,} |" for fault, count in tally.faults.most_common())
    yield from ("", *tally.violations[:20])


def _spread(what: str, seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return f"| {what} | - | - | - |"
    parts = quantiles(seconds, n=100, method="inclusive")
    return f"| {what} | {parts[49]:.1f} | {parts[98]:.1f} | {max(seconds):.1f} |"


if __name__ == "__main__":
    sys.exit(main())
