"""Whole cutovers, seen as they are seen on AWS: a minute late, and by the minute."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.judgement.gates import Watched
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.running.conductor import Outcome, carry_out
from scripts.cutover.running.record import decisions
from scripts.cutover.running.standing import readable
from scripts.cutover.watch.publishing import ERRORS, Publisher
from scripts.cutover.world import Sides, Watch
from scripts.runs.sqlite import SqliteStore
from standards import Tier
from tests.scripts.cutover.cloud import Cloud, CloudClock, CloudSides, cloud, setting
from tests.scripts.cutover.watch.scene import GUARDS, NEW, OLD, Scene, baseline

RATE = 6000
"""Requests a minute."""
OF = Cutover(
    environment="production",
    tier=Tier.PRODUCTION,
    services=(
        Moved(
            watched=Watched(service="api", baseline=baseline(), usual_per_second=RATE / 60),
            requests_per_second=RATE / 60,
            instances=4,
        ),
    ),
    releases={"api": Releases(old="one", new="two")},
    settings=Settings(weights=(10, 50, 100)),
    alarms=GUARDS,
)


@dataclass
class Seen:
    """A cloud whose metrics are written as its clock moves, and read as AWS gives them."""

    cloud: Cloud
    scene: Scene
    failing: float = 0.0
    """The share of the new side's requests that fail."""
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - no secrets
    _written: float = 0.0
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.scene.metrics.alarms |= dict.fromkeys(GUARDS, "OK")
        self.scene.clock = self.cloud.clock  # pyright: ignore[reportAttributeAccessIssue] - it shows a time
        publisher = Publisher(self.scene.metrics.api(), "production", {"api": baseline()})
        self.watch = self.scene.watch(publisher)
        self._written = (self.clock.now() - 1800) // 60 * 60
        self.cloud.clock.slept = self._write
        self._write()

    @property
    def sides(self) -> dict[str, Sides]:
        """Those of the cloud."""
        return dict(self.cloud.sides)

    @property
    def clock(self) -> CloudClock:
        """That of the cloud."""
        return self.cloud.clock

    def _write(self) -> None:
        """The minutes that have ended since."""
        while self._written + 60 <= self.clock.now():
            side: CloudSides = self.cloud.sides["api"]
            new = RATE * side.share // 100
            for color, requests, failing in ((NEW, new, self.failing), (OLD, RATE - new, 0.001)):
                failed = sum(self.random.random() < failing for _ in range(requests))
                self.scene.serve(
                    self._written, self._written + 60, color, requests=requests, failed=failed
                )
            self._written += 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A journal in a file."""
    found = SqliteStore(tmp_path / "runs.sqlite")
    yield found
    found.close()


def _kinds(store: SqliteStore) -> set[Kind]:
    return {each.kind for each in decisions(readable(store, OF.target))}


def test_a_healthy_release_gets_all_traffic_and_nobody_is_asked(store: SqliteStore) -> None:
    """Late and coarse metrics are no reason, nor that one in four requests to AWS is throttled."""
    seen = Seen(cloud(("api",)), Scene(), failing=0.001)
    for call in ("GetMetricData", "DescribeAlarms", "PutMetricData"):
        faults = seen.random.choices(
            ["ThrottlingException", "partial", "", ""], [1, 1, 3, 3], k=999
        )
        seen.scene.metrics.faults[call] = deque(faults)
    ended = carry_out(OF, seen, setting(seen.clock, store))
    assert ended.outcome is Outcome.DONE
    assert not _kinds(store) & {Kind.ASK, Kind.ROLL_BACK}
    assert seen.scene.metrics.samples["Slipway/production", ERRORS, frozenset({("Service", "api")})]


def test_a_bad_release_is_taken_back_at_its_first_weight(store: SqliteStore) -> None:
    """Within minutes: by a tenth of the traffic, of which a twentieth fails."""
    seen = Seen(cloud(("api",)), Scene(), failing=0.05)
    began = seen.clock.now()
    ended = carry_out(OF, seen, setting(seen.clock, store))
    assert ended.outcome is Outcome.ROLLED_BACK
    assert Kind.ROLL_BACK in _kinds(store)
    assert "api weight 50" not in seen.cloud.log
    assert seen.clock.now() - began < 600
