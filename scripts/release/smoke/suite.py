"""The smoke tests of an environment: a pure function of its file and of where they are aimed."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from environments import Environment
from environments.edge import Access
from scripts.exits import CommandError, ExitCode
from scripts.release.smoke.access import access
from scripts.release.smoke.aim import Aim
from scripts.release.smoke.asking import SmokeFailureError
from scripts.release.smoke.chain import chain
from scripts.release.smoke.commands import commands
from scripts.release.smoke.edge import edge
from scripts.release.smoke.health import health, response_times
from scripts.release.smoke.journeys import journeys
from scripts.release.smoke.limits import rate_limit
from scripts.release.smoke.pages import pages
from scripts.release.smoke.results import Result
from scripts.release.smoke.telemetry import error_tracking, telemetry
from scripts.release.smoke.tests import Ground, SmokeTest
from standards import Tier, figure

_SUITE: Final = ("SMOKE-06", "SMOKE-07", "SMOKE-11", "PIPE-09")
"""What the suite as a whole serves, whatever is in it."""


INVITE_HEADER: Final = "x-invite"
"""Where a client shows its invite, as the edge's firewall reads it."""


class SuiteError(CommandError):
    """Smoke tests that could not do their work; nothing was asked."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What is asked, and what is not and why."""

    environment: Environment
    aim: Aim
    tests: tuple[SmokeTest, ...]
    left_out: tuple[str, ...]

    @property
    def bound(self) -> float:
        """The longest that all take, in seconds: the longest of those at once, then the last."""
        together = max((test.seconds for test in self.tests if not test.is_last), default=0.0)
        return together + sum(test.seconds for test in self.tests if test.is_last)

    @property
    def again(self) -> "Suite":
        """What can be asked once more at once: not what waits for the others."""
        return replace(self, tests=tuple(test for test in self.tests if not test.is_last))

    @property
    def requirements(self) -> tuple[str, ...]:
        """The sentences that it serves: those of its tests, and those on it as a whole."""
        own = {cited for test in self.tests for cited in test.requirements}
        whole = {cited for cited in _SUITE if self.environment.must(cited)}
        return tuple(sorted(own | whole))

    @property
    def is_live(self) -> bool:
        """Whether live users are there already: then a few lesser failures are watched."""
        return self.environment.tier is Tier.PRODUCTION and self.aim.has_users


def suite(environment: Environment, aim: Aim) -> Suite:
    """The smoke tests of `environment` that can be aimed so.

    Raises:
        SuiteError: together they could take longer than SMOKE-06 allows.
    """
    tests = [
        *health(environment, aim),
        *access(environment),
        *journeys(environment),
        *commands(environment),
        *chain(environment),
        *response_times(environment, aim),
        *(_around(environment, aim) if aim.has_users else ()),
    ]
    made = Suite(
        environment=environment,
        aim=aim,
        tests=tuple(_asked_for(test, environment) for test in tests),
        left_out=tuple(_left_out(environment, aim, tests)),
    )
    if environment.edge.access is Access.INVITED and environment.smoke.invite is None:
        raise SuiteError(
            f"{environment.name} lets in nobody without an invite (edge.access), and the tests have"
            " none: name its secret in slipway:smoke.invite"
        )
    limit = figure("SMOKE-06", "duration_below_minutes").seconds
    if made.bound >= limit:
        longest = max(tests, key=lambda test: test.seconds)
        raise SuiteError(
            f"the smoke tests of {environment.name} could take {made.bound:.0f} s, and have to "
            f"take less than {limit} s (SMOKE-06): the longest is {longest.name}, "
            f"{longest.seconds:.0f} s"
        )
    names = [test.name for test in tests]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SuiteError(
            f"two smoke tests of {environment.name} are called {min(twice)}: rename the one in "
            "slipway:smoke"
        )
    return made


async def run(
    asked: Suite, ground: Ground, tell: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """The result of each test, in the order of the suite; those that are last wait for the others.

    Raises:
        TimeoutError: all together took longer than the suite's bound allows.
    """
    async with asyncio.timeout(figure("SMOKE-06", "duration_below_minutes").seconds):
        await asyncio.to_thread(_prepare, asked, ground)
        together = [test for test in asked.tests if not test.is_last]
        found = list(await asyncio.gather(*(_one(test, ground) for test in together)))
        found += [await _one(test, ground) for test in asked.tests if test.is_last]
    order = [test.name for test in asked.tests]
    results = sorted(found, key=lambda result: order.index(result.name))
    for result in results:
        tell(f"{'passed' if result.passed else 'FAILED'}  {result}")
    return results


def _prepare(asked: Suite, ground: Ground) -> None:
    """Read the secrets before, since that waits; a test that needs one says so if it is missing."""
    smoke = asked.environment.smoke
    if smoke.authentication:
        with suppress(SmokeFailureError):
            ground.secret(smoke.authentication.secret)
    if smoke.invite:
        with suppress(SmokeFailureError):
            ground.asker.always(INVITE_HEADER, ground.credential(smoke.invite))


async def _one(test: SmokeTest, ground: Ground) -> Result:
    start = time.monotonic()
    asked, came, allowed, advice, passed = test.asks, "", "", "", False
    try:
        async with asyncio.timeout(test.seconds):
            came, passed = await test.run(ground), True
    except SmokeFailureError as failure:
        asked, came = failure.asked, failure.came
        allowed, advice = failure.allowed, failure.advice
    except TimeoutError:
        came, allowed = f"nothing within {test.seconds:g} s", f"an answer within {test.seconds:g} s"
        advice = "Look whether it is slow or not there: its log, its targets, the way to it."
    except Exception as error:  # noqa: BLE001 - one test that breaks is a failure of that test
        came, allowed = f"the test broke: {type(error).__name__}", "a result"
        advice = "A defect of slipway, or an answer that no test expects."
    clear = ground.asker.hidden.clear
    return Result(
        name=test.name,
        requirements=test.requirements,
        critical=test.critical,
        passed=passed,
        seconds=time.monotonic() - start,
        asked=clear(asked),
        came=clear(came),
        allowed=clear(allowed),
        advice=clear(advice),
    )


def _asked_for(test: SmokeTest, environment: Environment) -> SmokeTest:
    """`test` with those of its sentences that the environment's tier is asked for."""
    return replace(test, requirements=tuple(filter(environment.must, test.requirements)))


def _around(environment: Environment, aim: Aim) -> Iterator[SmokeTest]:
    """What is tested once, where users are."""
    yield from telemetry(environment)
    yield from edge(environment, aim)
    yield from pages(environment, aim)
    yield from error_tracking(environment)
    if not aim.is_rollback:
        yield from rate_limit(environment)


def _left_out(environment: Environment, aim: Aim, tests: Sequence[SmokeTest]) -> Iterator[str]:
    """What the standards want tested here and is not, each with the reason."""
    if environment.tier is Tier.PRODUCTION:
        for name, one in {**environment.smoke.journeys, **environment.smoke.commands}.items():
            if not one.in_production:
                yield f"{name}: the environment's file leaves it out of production's variant"
    if aim.has_users:
        yield from _not_around(environment, aim, tests)
    else:
        yield "certificates, headers, origins, pages, the limit, logs: tested where users are"


def _not_around(environment: Environment, aim: Aim, tests: Sequence[SmokeTest]) -> Iterator[str]:
    for name, service in environment.services.items():
        if service.outside_path is None:
            yield f"health {name}: nothing leads to it from outside; its targets' health is read"
    if environment.kubernetes:
        yield "health mcp: it is inside the cluster, whose own probes ask for it"
    if environment.frontend and environment.must("SMOKE-10") and not _has(tests, "page "):
        yield "pages: aimed elsewhere than DNS points"
    if environment.must("SMOKE-08") and not _has(tests, "rate limit"):
        yield f"rate limit: {_no_limit(aim)}"
    if not aim.is_direct:
        yield "redirect from http: aimed elsewhere than DNS points"


def _no_limit(aim: Aim) -> str:
    if aim.is_rollback:
        return "the edge's, which no rollback changes; the test before it counts"
    return "none that a few requests reach: give slipway:smoke.rateLimit"


def _has(tests: Sequence[SmokeTest], name: str) -> bool:
    return any(test.name.startswith(name) for test in tests)
