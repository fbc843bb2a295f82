"""The sides of the services that an environment published, as a cutover moves them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from environments.published import Published, PublishedService
from scripts.cutover.aws.fleet import Fleet
from scripts.cutover.aws.images import Definitions
from scripts.cutover.aws.permissions import Permissions, Permitted, balanced_needs, ecs_needs
from scripts.cutover.aws.pointer import PointerSides
from scripts.cutover.aws.refusals import Attached, Clocks, Registered, apart, checked, steady
from scripts.cutover.aws.rule import Rule
from scripts.cutover.aws.scaling import Scaling
from scripts.cutover.aws.sides import Check, EcsSides, Requests
from scripts.cutover.aws.workers import Work, WorkerSides
from scripts.cutover.world import Sides
from scripts.exits import CommandError, ExitCode
from scripts.runs.aws import Api, client

FRONTEND: Final = "frontend"


class UnknownServiceError(CommandError):
    """A service that the environment does not have."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Apis:
    """The services of AWS that sides are read and changed with."""

    autoscaling: Api
    ecr: Api
    ecs: Api
    elbv2: Api
    iam: Api
    pointers: Api
    """CloudFront's key-value stores."""
    s3: Api
    sts: Api

    @classmethod
    def of(cls, region: str, endpoint: str | None = None) -> Self:
        """Those of `region`, which try each call once: a cutover has its own bounds."""

        def api(name: str) -> Api:
            return Api(client(name, region=region, endpoint=endpoint, is_impatient=True))

        return cls(
            autoscaling=api("application-autoscaling"),
            ecr=api("ecr"),
            ecs=api("ecs"),
            elbv2=api("elbv2"),
            iam=api("iam"),
            pointers=api("cloudfront-keyvaluestore"),
            s3=api("s3"),
            sts=api("sts"),
        )


class Services:
    """The services of an environment, each with its sides."""

    def __init__(
        self, published: Published, apis: Apis, *, now: Callable[[], float] = time.time
    ) -> None:
        self._published = published
        self._apis = apis
        self._now = now
        self._permissions = Permissions(apis.iam, apis.sts, published)

    @property
    def unproven(self) -> Sequence[str]:
        """What refusals could not find out, for people."""
        return tuple(self._permissions.unproven)

    def sides(
        self, releases: Mapping[str, str], before: Mapping[str, str] | None = None
    ) -> dict[str, Sides]:
        """The sides of each service of `releases`, which says what its new side is to run.

        `before` says what the old sides ran when the cutover began, once it has begun. The frontend
        is `frontend`, and its releases are names of folders.

        Raises:
            UnknownServiceError: the environment has no such service.
        """
        there = [*self._published.services, *([FRONTEND] if self._published.frontend else [])]
        for name in releases:
            if name not in there:
                raise UnknownServiceError(
                    f"{self._published.environment} has no service {name}; there are: "
                    f"{', '.join(there)}"
                )
        return {
            name: self._made(name, release, (before or {}).get(name))
            for name, release in releases.items()
        }

    def _made(self, name: str, release: str, before: str | None) -> Sides:
        if record := self._published.services.get(name):
            return self._sides(name, record, release, before)
        if frontend := self._published.frontend:
            return PointerSides(
                name,
                frontend,
                release,
                store=self._apis.pointers,
                s3=self._apis.s3,
                permissions=self._permissions,
                before=before,
            )
        raise UnknownServiceError(f"{self._published.environment} has no {name}")

    def _sides(
        self, name: str, record: PublishedService, release: str, before: str | None
    ) -> EcsSides:
        apis, cluster = self._apis, self._published.cluster
        fleet = Fleet(ecs=apis.ecs, cluster=cluster, definitions=Definitions(apis.ecs, name))
        scaling = Scaling(autoscaling=apis.autoscaling, cluster=cluster)
        checks: list[Check] = [
            Clocks(apis.sts, self._now),
            apart,
            steady,
            Registered(apis.ecr),
        ]
        blue, green = record.blue, record.green
        if record.rule and blue.target_group and green.target_group:
            rule = Rule(elbv2=apis.elbv2, arn=record.rule, service=name)
            return EcsSides(
                name,
                record,
                release,
                fleet=fleet,
                scaling=scaling,
                traffic=Requests(
                    elbv2=apis.elbv2,
                    rule=rule,
                    fleet=fleet,
                    groups={blue.service: blue.target_group, green.service: green.target_group},
                ),
                before=before,
                checks=(
                    Attached(apis.elbv2, rule),
                    *checks,
                    Permitted(self._permissions, balanced_needs),
                ),
            )
        return WorkerSides(
            name,
            record,
            release,
            fleet=fleet,
            scaling=scaling,
            traffic=Work(fleet=fleet, services=(blue.service, green.service)),
            before=before,
            checks=(checked, *checks, Permitted(self._permissions, ecs_needs)),
        )
