"""Whether everything that is deployed says that it is well, and answers soon enough."""

from collections.abc import Iterator, Mapping
from functools import partial
from statistics import median
from typing import Final

from environments import Environment
from scripts.release.smoke.aim import Aim
from scripts.release.smoke.asking import Asked, SmokeFailureError
from scripts.release.smoke.tests import Ground, SmokeTest
from standards import figure

_OK: Final = 200
_TRIES: Final = 5


def endpoints(environment: Environment, aim: Aim) -> dict[str, Asked]:
    """Each health endpoint that `aim` can reach, by the name of its service."""
    host = environment.edge.name
    found = {
        name: Asked(host=host, path=service.outside_path)
        for name, service in environment.services.items()
        if service.outside_path and (aim.services is None or name in aim.services)
    }
    if aim.services is None and environment.edge.health_path not in {
        asked.path for asked in found.values()
    }:
        found["edge"] = Asked(host=host, path=environment.edge.health_path)
    return found


def health(environment: Environment, aim: Aim) -> Iterator[SmokeTest]:
    """One test for each health endpoint (SMOKE-01)."""
    for name, asked in endpoints(environment, aim).items():
        yield SmokeTest(
            name=f"health {name}",
            requirements=("SMOKE-01",),
            asks=f"{asked}: status {_OK}",
            run=partial(_is_well, asked, name),
            seconds=environment.smoke.seconds,
        )


def response_times(environment: Environment, aim: Aim) -> Iterator[SmokeTest]:
    """Whether each health endpoint answers within the target, on a warm connection (POST-01)."""
    if environment.must("POST-01"):
        most = figure("MON-10", "latency_p95_below_ms").milliseconds
        yield SmokeTest(
            name="response times",
            requirements=("POST-01", "MON-10"),
            asks=f"each health endpoint {_TRIES} times: half of them in under {most} ms",
            run=partial(_is_fast, endpoints(environment, aim), most),
            seconds=environment.smoke.seconds * _TRIES,
            critical=False,
        )


async def _is_well(asked: Asked, name: str, ground: Ground) -> str:
    return f"status {_OK} in {await _milliseconds(asked, name, ground):.0f} ms"


async def _is_fast(asking: Mapping[str, Asked], most: float, ground: Ground) -> str:
    found = {
        name: median([await _milliseconds(asked, name, ground) for _ in range(_TRIES)])
        for name, asked in asking.items()
    }
    said = ", ".join(f"{name} {ms:.0f} ms" for name, ms in found.items())
    if any(ms >= most for ms in found.values()):
        raise SmokeFailureError(
            f"each health endpoint {_TRIES} times",
            said,
            f"half of the answers in under {most} ms",
            "Compare with the P95 on the dashboard: from far away the way alone takes so long.",
        )
    return said


async def _milliseconds(asked: Asked, name: str, ground: Ground) -> float:
    answer = await ground.asker.ask(asked)
    if answer.status != _OK:
        raise SmokeFailureError(
            str(asked),
            f"status {answer.status}",
            f"status {_OK}",
            f"Look at the log of {name}, and whether its targets are healthy.",
        )
    return answer.seconds * 1000
