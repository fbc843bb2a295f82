"""Smoke tests as a cutover runs them: at its moments, ending in a decision."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from environments import Environment
from environments.published import Published
from preview.project import find_project
from scripts.cutover.judgement.decisions import Decision, Finding, Kind, Reason
from scripts.cutover.running.hooks import Moment, Smoke
from scripts.release.smoke.aim import Aim, new_side, public
from scripts.release.smoke.asking import asking
from scripts.release.smoke.results import Result, judged
from scripts.release.smoke.suite import Suite, run, suite
from scripts.release.smoke.telemetry import CloudWatch, side_of
from scripts.release.smoke.tests import Ground, Telemetry
from scripts.runs.aws import Api, client
from standards import figure


class Amazon:
    """What smoke tests need of AWS; each client is made when it is first needed."""

    def __init__(self, environment: Environment, published: Published | None) -> None:
        self._environment: Final = environment
        self._published: Final = published
        self._apis: Final[dict[str, Api]] = {}

    def api(self, service: str) -> Api:
        """A client of one of its services that waits for seconds only."""
        if service not in self._apis:
            aws = self._environment.aws
            made = client(service, region=aws.region, endpoint=aws.endpoint, is_impatient=True)
            self._apis[service] = Api(made)
        return self._apis[service]

    def secret(self, arn: str) -> SecretStr:
        """The value of a secret."""
        answer = self.api("secretsmanager")("get_secret_value", on=arn, SecretId=arn)
        return SecretStr(answer["SecretString"])

    def telemetry(self) -> Telemetry:
        """Where logs and metrics arrive.

        Raises:
            LookupError: the stack has not published what its services are called.
        """
        if self._published is None:
            raise LookupError("the environment's stack has published nothing")
        return CloudWatch(
            published=self._published,
            ecs=self.api("ecs"),
            logs=self.api("logs"),
            cloudwatch=self.api("cloudwatch"),
            elbv2=self.api("elbv2"),
            rum=self.api("rum"),
        )

    def idle_side(self, service: str) -> str | None:
        """The side of `service` that gets no traffic; None where no rule spreads any."""
        if self._published is None or service not in self._published.services:
            return None
        return side_of(self._published.services[service], self.api("elbv2"), serves=False)


def made(
    asked: Suite,
    amazon: Amazon,
    folder: Path,
    tell: Callable[[str], None] = lambda _: None,
    roots: ssl.SSLContext | None = None,
) -> list[Result]:
    """The results of `asked`; `roots` is trusted in the place of the machine's own."""

    async def ask() -> list[Result]:
        async with asking(asked.aim, roots) as asker:
            ground = Ground(
                asker=asker,
                read_secret=amazon.secret,
                telemetry=amazon.telemetry,
                folder=folder,
            )
            return await run(asked, ground, tell)

    return asyncio.run(ask())


def smoke(environment: Environment, published: Published | None) -> Smoke:
    """The smoke tests of `environment` for a cutover.

    Raises:
        SuiteError: they could not do their work; found before anything is moved.
    """
    amazon, folder = Amazon(environment, published), find_project(Path.cwd())
    after = suite(environment, public(environment))
    back = suite(environment, public(environment, is_rollback=True))

    def test(moment: Moment, services: Sequence[str]) -> Decision:
        match moment:
            case Moment.NEW_SIDE:
                aims = [aim for service in services if (aim := _new(environment, service, amazon))]
                if not aims:
                    return _untested(services)
                suites = [suite(environment, aim) for aim in aims]
            case Moment.ALL_TRAFFIC:
                suites = [after]
            case Moment.TAKEN_BACK:
                suites = [back]
        try:
            results = [result for one in suites for result in made(one, amazon, folder)]
        except TimeoutError:
            return _too_long()
        return judged(results, is_live=suites[0].is_live)

    return test


def _new(environment: Environment, service: str, amazon: Amazon) -> Aim | None:
    """The aim at the new side of `service`, where something leads there."""
    if environment.smoke.side_header is None:
        return None
    side = amazon.idle_side(service)
    return new_side(environment, service, side) if side else None


def _too_long() -> Decision:
    limit = figure("SMOKE-06", "duration_below_minutes")
    reason = Reason(
        gate="smoke tests",
        cited=str(limit),
        finding=Finding.BREACHED,
        text=f"they were not over after {limit.minutes} minutes",
    )
    return Decision(kind=Kind.ROLL_BACK, reasons=(reason,))


def _untested(services: Sequence[str]) -> Decision:
    """No pass, and no reason to stop: the same tests come once users are there."""
    reason = Reason(
        gate="smoke tests, new side",
        cited="SMOKE-11",
        finding=Finding.ACCEPTED,
        text=f"{', '.join(services)}: not tested without users, since nothing leads to one side "
        "(slipway:smoke.sideHeader); tested once all traffic is there",
    )
    return Decision(kind=Kind.CONTINUE, reasons=(reason,))
