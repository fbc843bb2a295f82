"""An environment on AWS, as a cutover acts on it and looks at it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from environments import Environment
from environments.published import Published
from scripts.cutover.aws.kubectl import connected
from scripts.cutover.aws.kubernetes import DeploymentSides
from scripts.cutover.aws.services import Apis, Services
from scripts.cutover.aws.sides import EcsSides
from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.watch.connecting import SystemClock, watched
from scripts.cutover.watch.places import Color
from scripts.cutover.world import Clock, Sides, Watch
from scripts.runs.aws import Api, client

MCP: Final = "mcp"


@dataclass(frozen=True, kw_only=True)
class AwsWorld:
    """The services that are moved, and what is seen of them."""

    sides: Mapping[str, Sides]
    connect: Callable[[], Watch]
    """Connects to what is seen of them, once."""
    clock: Clock = field(default_factory=SystemClock)
    services: Services

    @property
    def watch(self) -> Watch:
        """What is seen of them: connected to when somebody looks, which a way back never does."""
        return self.connect()

    @property
    def unproven(self) -> Sequence[str]:
        """What the refusals of `sides` could not find out, for people."""
        return self.services.unproven


@contextmanager
def opened(
    environment: Environment,
    published: Published,
    releases: Mapping[str, tuple[str | None, str]],
    baselines: Mapping[str, Baseline] | None = None,
) -> Generator[AwsWorld]:
    """`environment`, for moving each service of `releases` from its first release to its second.

    The first one is None before a cutover began: the side without traffic is the new one then. The
    frontend is `frontend`, by the name of a release's folder; the MCP server is `mcp`. The
    `baselines` of services are published while they are moved.

    Raises:
        UnknownServiceError: the environment has no such service.
    """
    region, endpoint = published.region, environment.aws.endpoint
    services = Services(published, Apis.of(region, endpoint))
    before = {name: old for name, (old, _) in releases.items() if old is not None}
    after = {name: new for name, (_, new) in releases.items()}
    on_kubernetes = MCP in after and MCP not in published.services
    with ExitStack() as more:
        sides: dict[str, Sides] = {}
        if on_kubernetes and published.mcp and environment.kubernetes:
            there = published.mcp
            eks = Api(client("eks", region=region, endpoint=endpoint, is_impatient=True))
            record = environment.kubernetes.mcp
            sides[MCP] = DeploymentSides(
                there.deployment,
                after.pop(MCP),
                kubectl=more.enter_context(connected(eks, there.cluster, there.namespace, region)),
                fewest=record.replicas.min,
                declared=record.image,
                before=before.pop(MCP, None),
            )
        sides |= services.sides(after, before)

        @cache
        def connect() -> Watch:
            colors: dict[str, Color] = {
                name: each.color for name, each in sides.items() if isinstance(each, EcsSides)
            }
            return watched(environment, published, colors, baselines or {})

        yield AwsWorld(sides=sides, connect=connect, services=services)
