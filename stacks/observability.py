"""What watches an environment once everything is there, and tells those who should know."""

from dataclasses import dataclass

from pulumi import ResourceOptions

from environments import Environment
from stacks.alarms import Alarms, AlarmsArguments
from stacks.backup import Backups
from stacks.canaries.component import Canaries, CanariesArguments
from stacks.chat import Chat, ChatArguments
from stacks.dashboards.component import Dashboards
from stacks.database import Database
from stacks.edge import Edge
from stacks.events import Events, EventsArguments
from stacks.keys import Keys
from stacks.services import Services
from stacks.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What there is to watch, and with what."""

    environment: Environment
    keys: Keys
    topics: Topics
    edge: Edge
    services: Services
    database: Database
    backups: Backups | None


def observe(watched: Watched, inside: ResourceOptions) -> None:
    """Declare what watches from outside, what shows, what tells, and where it is told."""
    environment, topics = watched.environment, watched.topics
    chat = environment.alerts.chat
    if chat is not None:
        Chat("chat", ChatArguments(environment=environment, slack=chat, topics=topics), inside)
    if environment.must("MON-12"):
        logs_key_arn = watched.keys.logs_arn
        Events(
            "events",
            EventsArguments(environment=environment, topics=topics, logs_key_arn=logs_key_arn),
            inside,
        )
    if environment.must("MON-08"):
        Canaries(
            "canaries",
            CanariesArguments(
                environment=environment,
                key_arn=watched.keys.logs_arn,
                log_bucket=watched.edge.log_bucket,
            ),
            inside,
        )
    if environment.must("MON-13"):
        Dashboards("dashboards", environment, inside)
    Alarms(
        "alarms",
        AlarmsArguments(
            environment=environment,
            topics=topics,
            edge=watched.edge,
            services=watched.services,
            database=watched.database,
            backups=watched.backups,
        ),
        inside,
    )
