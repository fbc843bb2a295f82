"""A session with the cutovers of an environment: its record, its journal, its world."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from environments import Environment, load
from environments.published import Published
from preview.project import find_project
from scripts.cutover.judgement.gates import Baseline
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.running.hooks import Database, Hooks, Smoke, untestable
from scripts.cutover.running.standing import Standing, readable, standing
from scripts.cutover.world import World
from scripts.exits import CommandError
from scripts.runs.aws import Api, client
from scripts.runs.canonical import Json
from scripts.runs.journal import Store
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from scripts.runs.sqlite import SqliteStore
from scripts.runs.stores import open_store
from scripts.telling import tell

if TYPE_CHECKING:
    from scripts.cutover.telling.outbox import Outbox
    from scripts.cutover.watch.measured import Measured


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command about cutovers is told."""

    environment: str
    state: Path | None
    operator: str
    approvers: Path = Path("approvers.yaml")

    @property
    def resume(self) -> str:
        """How a run is gone on with."""
        return f"slipway cutover resume {self.environment} --execute"


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a command works with."""

    options: Options
    environment: Environment
    setting: Setting
    state: Path
    back: Standing | None = None
    """The cutover that it takes back: nothing is asked then but what is moved."""

    @property
    def target(self) -> str:
        """What is acted on; names the journal and the lease."""
        return f"{self.environment.name}/cutover"

    @property
    def store(self) -> Store:
        """Where journals and leases are."""
        return self.setting.store

    @cached_property
    def published(self) -> Published:
        """What the environment's stack says of it; on a way back, what the journal has of that."""
        kept = self.back.published if self.back else None
        return kept or read_published(self.environment)

    def spare(self) -> Store:
        """Where a way back is written down that the journal cannot be written for."""
        return SqliteStore(self.state / "spare.sqlite")

    def standing(self) -> Standing:
        """Where the last cutover stands."""
        return standing(readable(self.store, self.target))

    def hooks(self, cutover: Cutover) -> Hooks:
        """What is plugged in: smoke tests, the change of the database, measuring afterwards."""
        return Hooks(
            smoke=self._smoke(),
            database=self._database(cutover),
            baseline=lambda: records_of(self.environment, self.published, cutover.order),
            published=self.published,
        )

    def _smoke(self) -> Smoke | None:
        try:
            return smoke_of(self.environment, self.published)
        except CommandError as error:
            if self.back is None:
                raise
            return untestable(str(error))

    def _database(self, cutover: Cutover) -> Database:
        if cutover.database:
            return database_of(
                self.environment,
                self.published,
                Path(cutover.database),
                operator=self.options.operator,
                approvers=self.options.approvers,
            )
        if self.back:
            return Database()
        return unchanged_of(self.environment, self.published, cutover)

    def measured(self, services: Sequence[str]) -> "Mapping[str, Measured]":
        """What each of `services` is like now (MON-14)."""
        return measured_of(self.environment, self.published, services)

    @contextmanager
    def told(self) -> Generator[None]:
        """Tell people of what goes on inside, in their topics; nothing waits for that."""
        from scripts.cutover.telling.outbox import telling  # noqa: PLC0415 - as below

        with telling(lambda: outbox_of(self), self.setting.tell):
            yield

    @contextmanager
    def world(
        self, releases: Mapping[str, Releases], baselines: Mapping[str, Baseline]
    ) -> Generator[World]:
        """The environment, for moving services between `releases`."""
        pairs = {name: (each.old or None, each.new) for name, each in releases.items()}
        with open_world(self.environment, self.published, pairs, baselines) as world:
            yield world

    @contextmanager
    def world_of(self, cutover: Cutover) -> Generator[World]:
        """The environment, for `cutover`."""
        baselines = {each.watched.service: each.watched.baseline for each in cutover.services}
        with self.world(cutover.releases, baselines) as world:
            yield world


@contextmanager
def opened(options: Options) -> Generator[Session]:
    """A session with the environment that is named; nothing of AWS is asked yet."""
    project = find_project(Path.cwd())
    environment = load(options.environment, project)
    state = options.state or project / ".slipway"
    yield Session(
        options=options,
        environment=environment,
        setting=Setting(
            store=open_store(state),
            owner=Owner.here(options.operator),
            tell=tell,
            resume=options.resume,
        ),
        state=state,
    )


# What of AWS a session is made of. Each is loaded when it is needed: a look at a journal is not
# made to wait for boto3.


def read_published(environment: Environment) -> Published:
    """What the stack of `environment` published."""
    from scripts.cutover.aws import published  # noqa: PLC0415

    aws = environment.aws
    ssm = Api(client("ssm", region=aws.region, endpoint=aws.endpoint))
    return published.read_published(ssm, environment.name)


@contextmanager
def open_world(
    environment: Environment,
    published: Published,
    releases: Mapping[str, tuple[str | None, str]],
    baselines: Mapping[str, Baseline],
) -> Generator[World]:
    """The world on AWS."""
    from scripts.cutover.aws.world import opened as on_aws  # noqa: PLC0415

    with on_aws(environment, published, releases, baselines=baselines) as world:
        yield world


def measured_of(
    environment: Environment, published: Published, services: Sequence[str]
) -> "Mapping[str, Measured]":
    """What each of `services` is like now (MON-14)."""
    from scripts.cutover.watch.measured import measured  # noqa: PLC0415

    return measured(environment, published, services)


def records_of(
    environment: Environment, published: Published, services: Sequence[str]
) -> Mapping[str, Json]:
    """The same, as journals keep it."""
    found = measured_of(environment, published, services)
    return {name: cast("Json", each.record.model_dump(mode="json")) for name, each in found.items()}


def outbox_of(session: Session) -> "Outbox | None":
    """What tells people of the cutovers of `session`; None where there is nothing that does."""
    from scripts.cutover.telling.outbox import Outbox  # noqa: PLC0415
    from scripts.cutover.telling.senders import sender  # noqa: PLC0415

    send = sender(session.environment, session.published)
    if send is None:
        session.setting.tell(
            "nobody but this terminal is told: apply the stack, which publishes topics, or name "
            "a command in slipway:cutover.tell"
        )
        return None
    return Outbox(
        store=session.store,
        target=session.target,
        environment=session.environment.name,
        owner=session.setting.owner,
        send=send,
    )


def smoke_of(environment: Environment, published: Published) -> Smoke | None:
    """The smoke tests of `environment`."""
    from scripts.release.smoke.hook import smoke  # noqa: PLC0415

    return smoke(environment, published)


def database_of(
    environment: Environment, published: Published, path: Path, *, operator: str, approvers: Path
) -> Database:
    """The change of the database that the file `path` declares."""
    from scripts.cutover.database.hook import database  # noqa: PLC0415

    return database(environment, published, path, operator=operator, approvers=approvers)


def unchanged_of(environment: Environment, published: Published, cutover: Cutover) -> Database:
    """The database that `cutover` leaves as it is: backed up before, where that is asked for."""
    from scripts.cutover.database.backups import unchanged  # noqa: PLC0415

    return unchanged(environment, published, cutover)
