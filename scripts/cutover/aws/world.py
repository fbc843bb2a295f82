"""An environment on AWS, as a cutover acts on it and looks at it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from environments import Environment
from environments.published import Published
from scripts.cutover.aws.services import Apis, Services
from scripts.cutover.aws.sides import EcsSides
from scripts.cutover.gates import Baseline
from scripts.cutover.watch.connecting import SystemClock, watched
from scripts.cutover.watch.places import Color
from scripts.cutover.world import Clock, Sides, Watch


@dataclass(frozen=True, kw_only=True)
class AwsWorld:
    """The services that are moved, and what is seen of them."""

    sides: Mapping[str, Sides]
    watch: Watch
    clock: Clock = field(default_factory=SystemClock)
    services: Services

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
    `baselines` of services are published while they are moved.
    """
    region, endpoint = published.region, environment.aws.endpoint
    services = Services(published, Apis.of(region, endpoint))
    before = {name: old for name, (old, _) in releases.items() if old is not None}
    sides = services.sides({name: new for name, (_, new) in releases.items()}, before)
    colors: dict[str, Color] = {
        name: each.color for name, each in sides.items() if isinstance(each, EcsSides)
    }
    watch = watched(environment, published, colors, baselines or {})
    yield AwsWorld(sides=sides, watch=watch, services=services)
