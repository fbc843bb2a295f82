"""Is a share of requests (failed, too slow) still the baseline's, or already the limit's?

A sequential likelihood-ratio test (SPRT): it may be looked at whenever data comes, and its chance
of a false alarm holds for all looks together. Three numbers follow the requests of one step:

- `since_start`, the log-likelihood ratio of limit over baseline since the step began. It alarms at
  a bound whose false alarms are computed exactly for rare events, and passes at `log(PASSING)`.
- `mixture`, the same ratio averaged over all moments at which a change may have begun later, each
  with a weight that was fixed before. By Ville's inequality it reaches 1/alpha with a chance of
  at most alpha. It notices what goes wrong in the midst of a step that began well.
- `recent`, the highest ratio since any moment (Page's CUSUM). It only keeps a step from passing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import ceil, exp, fsum, inf, lgamma, log, log1p
from operator import mul
from statistics import NormalDist
from typing import Final

PASSING: Final = 0.05
"""The chance that a side whose share is at the limit passes a step all the same."""
DETECTING: Final = 0.95
"""The chance that it is detected within the step's time, or the step cannot decide."""
_START: Final = 0.95
"""What is spent on a side that is bad from the step's start on; the rest on later changes."""
_LOOKS: Final = 50
"""A change comes after so many looks in the mean, which is a few hundred seconds at most polls."""
_ENDLESSLY: Final = 0.1
"""The part of changes that is left for later than that, for however long it takes."""
_RARE: Final = 0.05
"""Up to this limit counts are taken as Poisson's, which only overstates false alarms."""
_APART: Final = 1.9
"""Where limit and baseline are nearer than this factor, jumps are too small to be worth it."""
_TINY: Final = 1e-12
"""Chances below it are lost in rounding, and are left to Wald's bound."""
_GRID: Final = log(1.01)
"""Baselines are rounded up to steps of 1 %, so that few bounds have to be computed."""
_FEW: Final = 60
"""Up to so many expected events, chances are computed one by one; for more, as a diffusion's."""
_MOST: Final = 300
_ENDLESS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the requests of a step have shown so far, as logarithms of likelihood ratios."""

    since_start: float = 0.0
    recent: float = 0.0
    after: Sequence[float] = (0.0,)
    """The ratio since the start after each look, and before the first."""

    @property
    def mixture(self) -> float:
        """The mean of the ratios since each later look, with weights that sum to 1.

        A change at the first look is what `since_start` is for.
        """
        later = self.after[1:-1]
        if not later:
            return -inf
        lowest = min(later)
        # Shares of the highest ratio: the ratios of a long flood have no number of their own.
        shares = (exp(lowest - each) * weight(looks) for looks, each in enumerate(later, 1))
        return self.since_start - lowest + log(fsum(shares))


@dataclass(frozen=True, slots=True)
class ShareTest:
    """Baseline against limit, at most `alpha` false alarms in a step, however often looked at."""

    healthy: float
    """The share of the baseline: above what was measured, never below."""
    limit: float
    alpha: float

    def __post_init__(self) -> None:
        if not 0 < self.healthy < self.limit < 1 or not 0 < self.alpha < 1:
            raise ValueError(f"no test of {self.healthy:g} against {self.limit:g} at {self.alpha}")

    def evidence(self, looks: Iterable[tuple[float, float]]) -> Evidence:
        """What `looks` show: for each, its requests and those of them that are bad."""
        good, bad = self._of_good, self._of_bad - self._of_good
        moved = [failed * bad + requests * good for requests, failed in looks]
        after = tuple(accumulate(moved, initial=0.0))
        return Evidence(after[-1], after[-1] - min(after), after)

    def alarms(self, evidence: Evidence) -> bool:
        """Whether the share is taken for the limit's."""
        later = -log(self.alpha * (1 - _START))
        if evidence.since_start >= self.bound:
            return True
        # A mean is at most the highest: mostly there is nothing to be averaged.
        return evidence.recent >= later and evidence.mixture >= later

    def passes(self, evidence: Evidence) -> bool:
        """Whether the share is taken for the baseline's."""
        return evidence.since_start <= log(PASSING) and evidence.recent < -log(PASSING)

    @property
    def bound(self) -> float:
        """Where `since_start` alarms."""
        return _bound(self.healthy, self.limit, self.alpha * _START)

    def detection(self, requests: float) -> float:
        """The chance that a side at the limit is noticed within so many requests."""
        chance = _crossing if requests * self.limit <= _FEW else _diffusing
        return chance(self.limit, requests, self._of_bad, -self._of_good, self.bound)

    def decides_within(self, requests: float) -> bool:
        """Whether so many requests tell the baseline from the limit, one way or the other."""
        if requests * self.healthy * self._of_bad + requests * (
            1 - self.healthy
        ) * self._of_good > log(PASSING):
            return False  # not even the very baseline would have passed
        return self.detection(requests) >= DETECTING

    def needed(self) -> float:
        """The requests that decide; infinite where not even a thousand million do."""
        return _needed(self)

    @property
    def _of_bad(self) -> float:
        return log(self.limit / self.healthy)

    @property
    def _of_good(self) -> float:
        return log1p(-self.limit) - log1p(-self.healthy)


def weight(looks: int) -> float:
    """How much a change counts that comes after so many looks; all of these sum to 1."""
    soon = (1 - 1 / _LOOKS) ** (looks - 1) / _LOOKS
    return (1 - _ENDLESSLY) * soon + _ENDLESSLY / (looks * (looks + 1))


def upper(bad: float, total: float) -> float:
    """A share that the true one is hardly above, where `bad` of `total` were seen: Wilson's bound.

    It is off in one of forty cases, and then by little, which is far below what a test spends.
    """
    z = 2.0
    share = bad / total
    spread = z * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    return min((share + z * z / (2 * total) + spread) / (1 + z * z / total), 1.0)


def rounded(share: float) -> float:
    """`share`, up to the next point of the grid on which bounds are kept."""
    return exp(ceil(log(share) / _GRID - 1e-9) * _GRID)


@lru_cache(maxsize=4096)
def _needed(test: ShareTest) -> float:
    least, enough = 0.0, 64.0
    while not test.decides_within(enough):
        least, enough = enough, enough * 2
        if enough > _ENDLESS:
            return inf
    while enough - least > enough / 100:
        middle = (least + enough) / 2
        least, enough = (least, middle) if test.decides_within(middle) else (middle, enough)
    return ceil(enough)


@lru_cache(maxsize=4096)
def _bound(healthy: float, limit: float, alpha: float) -> float:
    """The lowest bound that a healthy side reaches with a chance of at most `alpha`, ever.

    Wald's, log(1/alpha), counts each crossing as if it stopped at the bound. It jumps over it: for
    rare events the chance is computed, and the bound is lower by what the jumps are worth.
    """
    wald = -log(alpha)
    if limit > _RARE or limit < _APART * healthy or alpha < _TINY:
        return wald
    bad, good = log(limit / healthy), log1p(-healthy) - log1p(-limit)
    bound = wald + log(_crossing(healthy, inf, bad, good, wald) / alpha)
    while _crossing(healthy, inf, bad, good, bound) > alpha:
        bound += 0.02
    return min(bound, wald)


@lru_cache(maxsize=4096)
def _crossing(share: float, requests: float, bad: float, good: float, bound: float) -> float:
    """The chance that `k * bad - n * good` reaches `bound` within `requests`, k being Poisson's.

    Until the n of each k at which that k no longer suffices, k stays below it: the chances of each
    count are carried from one such n to the next.
    """
    bad += good
    chances, before, crossed = [1.0], 0.0, 0.0
    for count in range(1, _MOST):
        until = (count * bad - bound) / good
        if until <= 0:
            continue
        until = min(until, requests)
        arrivals = _poisson(share * (until - before), count)
        following = [sum(map(mul, chances, arrivals[j::-1])) for j in range(count)]
        now = 1 - sum(following)
        chances, before = following, until
        if until >= requests or (now - crossed < 1e-4 * now and count > 2 * bound / bad):
            return now
        crossed = now
    return crossed


def _diffusing(share: float, requests: float, bad: float, good: float, bound: float) -> float:
    """The same for many events: that of a Brownian motion with this drift and variance."""
    drift = share * bad - (1 - share) * good
    spread = (share * (1 - share) * requests) ** 0.5 * (bad + good)
    normal = NormalDist()
    return normal.cdf((drift * requests - bound) / spread) + exp(
        2 * drift * requests * bound / spread**2
    ) * normal.cdf((-drift * requests - bound) / spread)


def _poisson(mean: float, counts: int) -> list[float]:
    """The chances of 0 to `counts` - 1 events."""
    if mean <= 0:
        return [1.0, *[0.0] * (counts - 1)]
    return [exp(j * log(mean) - mean - lgamma(j + 1)) for j in range(counts)]
