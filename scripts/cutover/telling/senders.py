"""Senders: the topics that a stack publishes, or a product's own command where it has none."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from environments import Environment
from environments.published import Published, PublishedTopics
from scripts.cutover.telling.news import News
from scripts.cutover.watch.command import Command, CommandFailedError
from scripts.exits import CommandError
from scripts.runs.aws import Api, client

Send: TypeAlias = Callable[[News], str]
"""Tells people some news; what it returns names the message.

It ends within seconds. A `CommandError` or a `TimeoutError` says that it may not have been told."""

_SUBJECT: Final = 100
"""SNS takes that many characters of ASCII for the subject of a mail."""
_NOTIFICATION: Final = "custom"
"""What Amazon Q Developer posts into a chat, of what others than AWS send."""


def sender(environment: Environment, published: Published | None) -> Send | None:
    """What tells people of `environment`; None where it has nothing that does."""
    topics = published.topics if published else None
    if published and topics:
        aws = environment.aws
        sns = client("sns", region=aws.region, endpoint=aws.endpoint, is_impatient=True)
        return Topics(Api(sns), topics)
    if tell := environment.cutover.tell:
        return Told(Command(arguments=tell.command, seconds=tell.seconds, variables=tell.variables))
    return None


@dataclass(frozen=True)
class Topics:
    """Publishes to the topic of the severity: mail, messages, the paging service, and chat."""

    sns: Api
    topics: PublishedTopics

    def __call__(self, news: News) -> str:
        """Publish `news`."""
        topic = getattr(self.topics, news.severity.value)
        answer = self.sns(
            "publish",
            on=topic,
            TopicArn=topic,
            Subject=_ascii(news.title)[:_SUBJECT],
            MessageStructure="json",
            Message=json.dumps(_by_protocol(news)),
        )
        return str(answer["MessageId"])


@dataclass(frozen=True)
class Told:
    """Gives it to a command: a JSON object with id, severity, title and text."""

    command: Command

    def __call__(self, news: News) -> str:
        """Run the command."""
        said = {"id": news.id, "severity": news.severity, "title": news.title, "text": news.text}
        try:
            self.command.output({}, json.dumps(said).encode())
        except CommandFailedError as error:
            raise CommandError(f"{self.command.arguments[0]}: {error}") from error
        return news.id


def _by_protocol(news: News) -> dict[str, str]:
    """A text for people, its title for their phones, and what chat wants (`https`)."""
    content: dict[str, str | Sequence[str]] = {
        "textType": "client-markdown",
        "title": news.title,
        "description": "\n".join(news.lines) or news.title,
    }
    chat = {"version": "1.0", "source": _NOTIFICATION, "id": news.id, "content": content}
    return {"default": news.text, "sms": news.title, "https": json.dumps(chat)}


def _ascii(text: str) -> str:
    """`text` as a subject may have it: one line of ASCII."""
    return " ".join(text.split()).encode("ascii", "replace").decode()
