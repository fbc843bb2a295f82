"""Statistics of the judgement of cutovers, by simulation: false rollbacks, and what is detected.

Each cutover draws the baseline that was recorded and the requests of every poll of every step, and
is judged at each poll by the gates of a real plan, with what each of them may spend:

    python -m tests.scripts.cutover.statistics
"""

# ruff: noqa: S311 what is drawn here hides nothing

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log
from random import Random
from statistics import NormalDist
from typing import Final

from scripts.cutover.gates import Action, Baseline, Share, Watched
from scripts.cutover.limits import Period, latencies
from scripts.cutover.plan import plan
from scripts.cutover.sequential import ShareTest
from scripts.cutover.steps import Moved, Settings, Step
from scripts.cutover.verdicts import compared
from standards import Tier

FAILING: Final = 0.001
RECORDED: Final = 1_000_000
"""The requests of a recorded baseline: two and a half days at 5 a second, half an hour at 500."""
POLL: Final = 15
MANY: Final = 40
"""From so many expected events on, counts are drawn from the normal distribution."""
WITHIN: Final = 300


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cutovers", type=int, default=20_000, metavar="COUNT")
    parser.add_argument("--releases", type=int, default=20_000, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    random = Random(options.seed)
    began = time.perf_counter()
    lines = [
        "| Services | Requests a second | Steps | Healthy cutovers | Rolled back | Asked |",
        "|---|---|---|---|---|---|",
    ]
    kept = True
    for services, rate in ((1, 500), (2, 500), (3, 500), (2, 50)):
        found, steps = healthy(random, services, rate, options.cutovers)
        stopped = Share95(found["rolled back"] + found["asked"], options.cutovers)
        kept = kept and stopped.interval[0] <= 0.001
        cells = [Share95(found[each], options.cutovers) for each in ("rolled back", "asked")]
        lines.append(
            f"| {services} | {rate} | {steps} | {options.cutovers:,} | {cells[0]} | {cells[1]} |"
        )
    lines += [
        "",
        "| Services | Errors from 0.1 % to | Begin | Releases | Rolled back within 5 minutes |",
        "|---|---|---|---|---|",
    ]
    for services, share, late in (
        (1, 0.01, 0),
        (2, 0.01, 0),
        (3, 0.01, 0),
        (1, 0.02, 0),
        (1, 0.05, 0),
        (1, 0.01, 450),
        (1, 0.02, 450),
    ):
        caught = Share95(
            detected(random, services, share, late, options.releases), options.releases
        )
        if not late:
            kept = kept and caught.interval[1] >= 0.95
        when = f"after {late} s" if late else "at once"
        lines.append(f"| {services} | {share:.0%} | {when} | {options.releases:,} | {caught} |")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s\n")
    return 0 if kept else 1


def healthy(random: Random, services: int, rate: float, cutovers: int) -> tuple[Counter[str], str]:
    """How many healthy cutovers were rolled back or asked about, and their steps."""
    steps = [each for each in _steps(services, rate) if each.period is not Period.FIRST_WEEK]
    weights = " ".join(str(e.weight) for e in steps if e.service == "0" and e.name.endswith("%"))
    ends: Counter[str] = Counter()
    for _ in range(cutovers):
        recorded: dict[str, tuple[float, float]] = {}
        for step in steps:
            end = _judged(random, step, rate, recorded)
            if end != "passed":
                ends[end] += 1
                break
    return ends, weights


def detected(random: Random, services: int, share: float, late: float, releases: int) -> int:
    """How many releases were rolled back within 5 minutes of their errors, at 5 a second."""
    first = _steps(services, 500)[0]
    (gate,) = (
        each
        for each in first.gates
        if isinstance(each, Share) and each.requirement == "ROLL-07" and "errors" in each.series
    )
    looks = ceil((late + WITHIN) / POLL)
    caught = 0
    for _ in range(releases):
        bad = [
            failing(random, 5 * POLL, share if look * POLL >= late else FAILING)
            for look in range(looks)
        ]
        test = _test(gate, failing(random, RECORDED, FAILING))
        before = ceil(late / POLL)
        if not _alarms(test, 5 * POLL, bad[:before]):
            caught += _alarms(test, 5 * POLL, bad)
    return caught


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
    random: Random, step: Step, rate: float, recorded: dict[str, tuple[float, float]]
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
        seen = recorded.setdefault(gate.series, (failing(random, RECORDED, share), float(RECORDED)))
        bad = drawn.get(gate.series)
        if bad is None:
            bad = drawn[gate.series] = [failing(random, each, share) for _ in range(looks)]
        test = _test(gate, seen[0])
        if _alarms(test, each, bad):
            if gate.action is Action.ROLL_BACK:
                return "rolled back"
            end = "asked"
        elif not _passes(random, test, each, share, bad):
            end = "asked"
    return end


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


def _alarms(test: ShareTest, each: float, bad: Sequence[float]) -> bool:
    """Whether it alarms at any look.

    The mixture is a mean of the ratios since all starts: where the highest of them stays below both
    bounds, no look has to be judged.
    """
    highest = recent = 0.0
    for count in bad:
        ratio = test.evidence([(each, count)]).since_start
        recent = max(recent + ratio, 0.0)
        highest = max(highest, recent)
    if highest < test.bound:
        return False
    looks = [(each, count) for count in bad]
    return any(test.alarms(test.evidence(looks[:number])) for number in range(1, len(looks) + 1))


def failing(random: Random, requests: float, share: float) -> float:
    """How many of `requests` are bad."""
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
