"""Plans of an example cutover for each tier, which act on nothing: what their steps serve."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.gates import Baseline, Watched
from scripts.cutover.judgement.limits import latencies
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.running.back import Because, back
from scripts.cutover.running.forward import forward
from scripts.cutover.running.hooks import Hooks, Moment
from scripts.cutover.running.later import Since, later
from scripts.cutover.running.restoring import restore
from scripts.cutover.running.stand import Stand
from scripts.runs.steps import Plan
from standards import Tier

_P50, _P99 = 40.0, 200.0
_REQUESTS: Final = 1e6
_SERVICES: Final = {"service": False, "pages": True}
"""By name, whether it is a frontend."""


def cutover_examples() -> Sequence[Callable[[Tier], Plan[Stand]]]:
    """Forward, back, what is watched after either, and what brings old sides up again."""
    return [
        lambda tier: forward(_cutover(tier), _HOOKS),
        lambda tier: back(_cutover(tier), Because(of="", why="", at=0), _HOOKS),
        lambda tier: later(_cutover(tier), Since(run="", at=0), _HOOKS),
        lambda tier: later(_cutover(tier), Since(run="", at=0, is_back=True), _HOOKS),
        lambda tier: restore(_cutover(tier), ""),
    ]


def _smoke(_moment: Moment, _services: Sequence[str]) -> Decision:
    return Decision(kind=Kind.CONTINUE, reasons=())


_HOOKS: Final = Hooks(smoke=_smoke)


@cache
def _cutover(tier: Tier) -> Cutover:
    baseline = Baseline(
        requests=_REQUESTS,
        errors=_REQUESTS / 1000,
        p50_ms=_P50,
        p99_ms=_P99,
        slower=dict.fromkeys(latencies(_P50, _P99), 1.0),
    )
    return Cutover(
        environment=tier.value,
        tier=tier,
        services=tuple(
            Moved(
                watched=Watched(service=name, baseline=baseline),
                requests_per_second=1000,
                instances=2,
                is_frontend=is_frontend,
            )
            for name, is_frontend in _SERVICES.items()
        ),
        releases={name: Releases(old="one", new="two") for name in _SERVICES},
        settings=Settings(),
    )
