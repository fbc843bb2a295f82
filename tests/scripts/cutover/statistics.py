"""Statistics of the judgement of cutovers, by simulation: false rollbacks, and what is detected.

Each cutover draws the baseline that was recorded and the requests of every poll of every step, and
is judged at each poll by the gates of a real plan, with what each of them may spend:

    python -m tests.scripts.cutover.statistics               # prints the tables
    python -m tests.scripts.cutover.statistics --document    # and writes docs/cutover-statistics.md
"""

# ruff: noqa: S311 what is drawn here hides nothing

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import repeat
from math import ceil, log
from random import Random
from statistics import NormalDist
from typing import Final

from scripts.cutover.judgement.gates import Action, Baseline, Share, Watched
from scripts.cutover.judgement.limits import Period, latencies
from scripts.cutover.judgement.sequential import DETECTING, ShareTest
from scripts.cutover.judgement.verdicts import compared
from scripts.cutover.planning.plan import FALSE_ROLLBACKS, plan
from scripts.cutover.planning.steps import Moved, Settings, Step
from standards import Tier
from tests.scripts.cutover import statistics_page

FAILING: Final = 0.001
RECORDED: Final = 1_000_000
"""The requests of a recorded baseline: two and a half days at 5 a second, half an hour at 500."""
POLL: Final = 15
MANY: Final = 40
"""From so many expected events on, counts are drawn from the normal distribution."""
WITHIN: Final = 300
LONGEST: Final = 600
"""For how many seconds a bad release is followed."""
BLOCK: Final = 250
"""How many are drawn from one seed."""


@dataclass(frozen=True, slots=True)
class Share95:
    """How often something happened, with its interval of 95 % (Wilson's)."""

    count: int
    of: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count / self.of:.3%} ({low:.3%} to {high:.3%})"

    @property
    def interval(self) -> tuple[float, float]:
        """The lowest and the highest share that goes with what was counted."""
        z = NormalDist().inv_cdf(0.975)
        share, extra = self.count / self.of, z * z / self.of
        middle = (share + extra / 2) / (1 + extra)
        half = z / (1 + extra) * (share * (1 - share) / self.of + extra / (4 * self.of)) ** 0.5
        return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(kw_only=True)
class Healthy:
    """Cutovers of healthy releases, and how many of them were stopped."""

    services: int
    rate: float
    varies: float = 0.0
    """The standard deviation of its error rates from one poll to the next, as a part of each."""
    ends: Counter[str] = field(default_factory=Counter[str])
    of: int = 0

    def line(self) -> str:
        """A row of the table."""
        weights = " ".join(
            str(each.weight)
            for each in _steps(self.services, self.rate)
            if each.service == "0" and each.period is Period.WINDOW
        )
        steps = f"{self.services} | {self.rate:g} | {weights}"
        return f"| {f'{self.varies:.0%}' if self.varies else steps} | {self._stopped} |"

    @property
    def _stopped(self) -> str:
        cells = [str(Share95(self.ends[each], self.of)) for each in ("rolled back", "asked")]
        return " | ".join([f"{self.of:,}", *cells])

    @property
    def stopped(self) -> Share95:
        """Those that were rolled back or asked about."""
        return Share95(self.ends.total(), self.of)


@dataclass(kw_only=True)
class Bad:
    """Releases whose errors rise to `share`, and when each was rolled back."""

    services: int
    share: float
    late: float
    seconds: list[float] = field(default_factory=list[float])
    of: int = 0

    def line(self) -> str:
        """A row of the table."""
        when = f"after {self.late:g} s" if self.late else "at once"
        return f"| {self.services} | {self.share:.0%} | {when} | {self.of:,} | {self.caught} |"

    @property
    def caught(self) -> Share95:
        """Those that were rolled back in time."""
        return Share95(sum(each <= WITHIN for each in self.seconds), self.of)

    @property
    def name(self) -> str:
        """What a plot calls it."""
        when = f", after {self.late / 60:g} min" if self.late else ""
        plural = "s" if self.services > 1 else ""
        return f"{self.share:.0%}{when}, {self.services} service{plural}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cutovers", type=int, default=15_000, metavar="COUNT")
    parser.add_argument("--varying", type=int, default=4_000, metavar="COUNT")
    parser.add_argument("--releases", type=int, default=20_000, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, metavar="PROCESSES")
    parser.add_argument("--document", action="store_true", help="write the page, too")
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        healthies = [
            Healthy(services=services, rate=rate, of=options.cutovers)
            for services, rate in ((1, 500), (2, 500), (3, 500), (2, 50))
        ]
        varying = [
            Healthy(services=1, rate=500, varies=varies, of=options.varying)
            for varies in (0.25, 0.5, 0.75, 1.0)
        ]
        for each in (*healthies, *varying):
            seeds = range(options.seed, options.seed + each.of // BLOCK)
            drawn = pool.map(
                healthy, seeds, repeat(each.services), repeat(each.rate), repeat(each.varies)
            )
            each.ends = sum(drawn, Counter[str]())
        bads = [
            Bad(services=services, share=share, late=late, of=options.releases)
            for services, share, late in (
                *((services, 0.01, 0) for services in (1, 2, 3, 4)),
                (1, 0.02, 0),
                (1, 0.05, 0),
                (1, 0.01, 450),
                (1, 0.02, 450),
            )
        ]
        for bad in bads:
            seeds = range(options.seed, options.seed + bad.of // BLOCK)
            found = pool.map(
                caught, seeds, repeat(bad.services), repeat(bad.share), repeat(bad.late)
            )
            bad.seconds = [seconds for block in found for seconds in block]
    lines = list(_lines(healthies, varying, bads))
    sys.stdout.write("\n".join(lines) + "\n")
    if options.document:
        statistics_page.write(
            lines,
            [(bad.name, bad.seconds, bad.of) for bad in bads],
            [(f"{h.services} at {h.rate:g}/s", *h.stopped.interval) for h in healthies],
        )
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s\n")
    return 0 if _is_kept(healthies, bads) else 1


def _lines(
    healthies: Sequence[Healthy], varying: Sequence[Healthy], bads: Sequence[Bad]
) -> Iterator[str]:
    yield "| Services | Requests a second | Steps | Healthy cutovers | Rolled back | Asked |"
    yield "|---|---|---|---|---|---|"
    yield from (each.line() for each in healthies)
    together = _together(healthies)
    yield f"\nOf the {together.of:,} healthy cutovers together, {together} were stopped.\n"
    yield "| Errors vary from poll to poll by | Healthy cutovers | Rolled back | Asked |"
    yield "|---|---|---|---|"
    yield from (each.line() for each in varying)
    yield ""
    yield "| Services | Errors from 0.1 % to | Begin | Releases | Rolled back within 5 minutes |"
    yield "|---|---|---|---|---|"
    yield from (each.line() for each in bads)


def _is_kept(healthies: Sequence[Healthy], bads: Sequence[Bad]) -> bool:
    """Whether both promises are, as far as what was drawn tells."""
    return _together(healthies).interval[1] <= FALSE_ROLLBACKS and all(
        each.caught.interval[1] >= DETECTING for each in bads if not each.late
    )


def _together(healthies: Sequence[Healthy]) -> Share95:
    """How many of all of them were stopped."""
    return Share95(
        sum(each.stopped.count for each in healthies), sum(each.of for each in healthies)
    )


def healthy(
    seed: int, services: int, rate: float, varies: float = 0.0, cutovers: int = BLOCK
) -> Counter[str]:
    """How many healthy cutovers were rolled back or asked about."""
    random = Random(f"healthy {seed} {services} {rate}{f' {varies}' if varies else ''}")
    steps = [each for each in _steps(services, rate) if each.period is not Period.FIRST_WEEK]
    ends: Counter[str] = Counter()
    for _ in range(cutovers):
        recorded: dict[str, float] = {}
        for step in steps:
            end = _judged(random, step, rate, varies, recorded)
            if end != "passed":
                ends[end] += 1
                break
    return ends


def caught(
    seed: int, services: int, share: float, late: float, releases: int = BLOCK
) -> list[float]:
    """After how many seconds of errors releases were rolled back, at 5 requests a second.

    Those that were rolled back before, or not in time, are left out.
    """
    random = Random(f"caught {seed} {services} {share} {late}")
    gate = next(each for each in _steps(services, 500)[0].gates if isinstance(each, Share))
    looks, before = ceil((late + LONGEST) / POLL), ceil(late / POLL)
    found: list[float] = []
    for _ in range(releases):
        test = _test(gate, failing(random, RECORDED, FAILING))
        bad = [
            failing(random, 5 * POLL, share if look >= before else FAILING) for look in range(looks)
        ]
        at = _alarm(test, 5 * POLL, bad)
        if at is not None and at > before:
            found.append((at - before) * POLL)
    return found


@cache
def _steps(services: int, rate: float) -> Sequence[Step]:
    moved = [
        Moved(watched=_watched(str(number)), requests_per_second=rate, instances=4)
        for number in range(services)
    ]
    return plan(moved, Tier.PRODUCTION, Settings()).steps


def _watched(service: str) -> Watched:
    """A service of 40 ms, and 200 ms in one request of a hundred."""
    return Watched(
        service=service,
        baseline=Baseline(
            requests=RECORDED,
            errors=RECORDED * FAILING,
            p50_ms=40,
            p99_ms=200,
            slower={ms: RECORDED * _slower(ms) for ms in latencies(40, 200)},
        ),
    )


def _slower(ms: float) -> float:
    """The share of requests slower than `ms`, lognormal with these percentiles."""
    usual = NormalDist()
    spread = usual.inv_cdf(0.99)
    return 1 - usual.cdf(log(ms / 40) / (log(200 / 40) / spread))


def _judged(
    random: Random, step: Step, rate: float, varies: float, recorded: dict[str, float]
) -> str:
    """How one healthy step ends."""
    each = rate * step.weight / 100 * POLL
    looks = ceil(step.bake / POLL)
    drawn: dict[str, list[float]] = {}
    end = "passed"
    for gate in step.gates:
        if not isinstance(gate, Share):
            continue
        share = gate.recorded[0] / gate.recorded[1]
        if gate.series not in recorded:
            recorded[gate.series] = failing(random, RECORDED, share)
        if gate.series not in drawn:
            spread = varies if gate.series.endswith("/errors") else 0.0
            drawn[gate.series] = [
                failing(random, each, share * _varied(random, spread)) for _ in range(looks)
            ]
        test, bad = _test(gate, recorded[gate.series]), drawn[gate.series]
        if _alarm(test, each, bad) is not None:
            if gate.action is Action.ROLL_BACK:
                return "rolled back"
            end = "asked"
        elif not _passes(random, test, each, share, bad):
            end = "asked"
    return end


def _varied(random: Random, varies: float) -> float:
    """By how much a rate differs from its mean at one poll: gamma-distributed around 1."""
    return random.gammavariate(varies**-2, varies**2) if varies else 1.0


def _passes(random: Random, test: ShareTest, each: float, share: float, bad: list[float]) -> bool:
    """Whether a gate passes when its step may go on, or while it is held for as long again."""
    longest = 2 * len(bad)
    while not test.passes(test.evidence((each, count) for count in bad)):
        if len(bad) >= longest:
            return False
        bad.append(failing(random, each, share))
    return True


def _test(gate: Share, bad: float) -> ShareTest:
    against = compared(replace(gate, recorded=(bad, RECORDED)), None)
    if against is None:
        raise AssertionError(gate.id)
    return against.test


def _alarm(test: ShareTest, each: float, bad: Sequence[float]) -> int | None:
    """The number of the look at which it alarms, if it does."""
    looks = [(each, count) for count in bad]
    lowest = 0.0
    for number, ratio in enumerate(test.evidence(looks).after):
        lowest = min(lowest, ratio)
        # Below both it cannot alarm: the mixture is a mean of the ratios since all starts.
        is_near = ratio >= test.bound or ratio - lowest >= test.bound
        if is_near and test.alarms(test.evidence(looks[:number])):
            return number
    return None


def failing(random: Random, requests: float, share: float) -> float:
    """How many of `requests` fail, or are slow."""
    mean = requests * share
    if mean > MANY:
        return float(max(round(random.gauss(mean, (mean * (1 - share)) ** 0.5)), 0))
    count, reached = 0, random.expovariate(1)
    while reached <= mean:
        count += 1
        reached += random.expovariate(1)
    return float(count)


if __name__ == "__main__":
    sys.exit(main())
