"""What people hear of a cutover: what there is to tell, each of it once, and nothing waits."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from moto import mock_aws

from environments import load
from environments.published import PublishedTopics
from environments.watch import WatchCommand
from scripts.cutover.judgement.observations import Answer
from scripts.cutover.running.answers import give_answer
from scripts.cutover.running.conductor import Outcome, carry_out, look_later
from scripts.cutover.running.later import Since
from scripts.cutover.running.standing import readable, standing
from scripts.cutover.telling.news import News, Severity, news
from scripts.cutover.telling.outbox import Outbox, telling
from scripts.cutover.telling.senders import Topics, sender
from scripts.exits import CommandError
from scripts.runs.aws import Api, client
from scripts.runs.journal import current
from scripts.runs.lease import acquire
from scripts.runs.sqlite import SqliteStore
from tests.scripts.cutover.cloud import Cloud, cloud, cutover, setting
from tests.scripts.cutover.worlds import levels

ONE = cutover(("api",))
ROOT = Path(__file__).parents[4]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A journal in a file."""
    found = SqliteStore(tmp_path / "runs.sqlite")
    yield found
    found.close()


@dataclass
class Heard:
    """Whoever is told."""

    news: list[News] = field(default_factory=list[News])
    deaf: bool = False

    def __call__(self, news: News) -> str:
        """Hear `news`."""
        if self.deaf:
            raise CommandError("no such topic")
        self.news.append(news)
        return str(len(self.news))


def _outbox(store: SqliteStore, world: Cloud, heard: Heard) -> Outbox:
    where = setting(world.clock, store)
    return Outbox(
        store=store,
        target=ONE.target,
        environment="staging",
        owner=where.owner,
        send=heard,
        clock=where.clock,
    )


def _carried(world: Cloud, store: SqliteStore) -> Outcome:
    return carry_out(ONE, world, setting(world.clock, store)).outcome


def _told(store: SqliteStore) -> list[tuple[Severity, str]]:
    found = news(readable(store, ONE.target), "staging")
    return [(each.severity, each.title) for each in found]


def test_a_release_is_told_when_it_begins_and_when_it_is_done(store: SqliteStore) -> None:
    """With what follows."""
    assert _carried(cloud(("api",)), store) is Outcome.DONE
    begun, done = news(readable(store, ONE.target), "staging")
    assert begun.severity is done.severity is Severity.INFO
    assert begun.text == ("staging: a release begins (normal change), by ana\napi: one -> two")
    assert "slipway cutover watch staging --execute" in done.text


def test_a_rollback_is_told_when_it_begins_and_when_it_is_verified(store: SqliteStore) -> None:
    """With why, how long it took, and what is owed."""
    world = cloud(("api",))
    world.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    assert _carried(world, store) is Outcome.ROLLED_BACK
    _, begun, verified = news(readable(store, ONE.target), "staging")
    assert begun.severity is verified.severity is Severity.CRITICAL
    assert "staging: rolling back: api/errors (ROLL-07 error_rate_above_percent)" in begun.title
    assert "rolled back; the old release was verified" in verified.title
    assert "It is watched for 30 minutes more: slipway cutover watch staging" in verified.text
    assert "Its review is due by 1970-01-1" in verified.text


def test_a_rollback_that_is_stuck_asks_for_somebody(store: SqliteStore) -> None:
    """It says what failed and what tries again."""
    world = cloud(("api",))

    def acted(act: str) -> None:
        world.sides["api"].stuck = act == "api weight 0"

    world.sides["api"].acted = acted
    world.watch.errors["api"] = lambda sides: 0.05 if sides.share == 100 else 0.001
    assert _carried(world, store) is Outcome.STUCK
    stuck = news(readable(store, ONE.target), "staging")[-1]
    assert stuck.severity is Severity.CRITICAL
    assert "the rollback is stuck" in stuck.title
    assert stuck.lines[-1] == "To try again: slipway cutover resume staging --execute"


def test_a_question_is_told_with_the_command_that_answers_it(store: SqliteStore) -> None:
    """Once, however often it is looked at."""
    world, heard = cloud(("api",)), Heard()
    outbox = _outbox(store, world, heard)

    def slept() -> None:
        outbox.catch_up()
        there = standing(readable(store, ONE.target))
        if there.decisions and (asked := there.decisions[-1].questions) and len(heard.news) > 1:
            give_answer(
                store,
                ONE.target,
                setting(world.clock, store).owner,
                run=there.run,
                number=next(iter(asked.values())).number,
                answer=Answer.GO_ON,
                clock=setting(world.clock, store).clock,
            )

    world.watch.changed = lambda seen, _: replace(
        seen, new={**seen.new, "api/cpu": levels(world.clock.at, *[95.0] * 40)}
    )
    world.clock.slept = slept
    _carried(world, store)
    questions = [each for each in heard.news if "a decision is asked of you" in each.title]
    assert questions
    assert questions[0].severity is Severity.CRITICAL
    assert "api/cpu (MON-09 cpu_above_percent): CPU 95 %" in questions[0].text
    assert "slipway cutover answer staging go-on|roll-back" in questions[0].text
    assert len({each.id for each in heard.news}) == len(heard.news)


def test_what_is_not_well_later_is_told_with_what_brings_the_old_release_back(
    store: SqliteStore,
) -> None:
    """No weight leads back any more."""
    world = cloud(("api",))
    _carried(world, store)
    since = Since(run=standing(readable(store, ONE.target)).run, at=world.clock.at)
    world.watch.errors["api"] = lambda _: 0.2
    world.clock.at += 900
    for _ in range(2):
        assert look_later(ONE, since, world, setting(world.clock, store)).outcome is Outcome.UNWELL
    *_, last = news(readable(store, ONE.target), "staging")
    assert last.title == "staging: the release is not well, and its old side is gone"
    assert "slipway cutover rollback staging --execute" in last.text
    assert len(_told(store)) == 3


def test_it_is_told_once_and_written_down(store: SqliteStore) -> None:
    """Whoever tells next goes on from there; what was not told is told then."""
    world, heard = cloud(("api",)), Heard(deaf=True)
    _carried(world, store)
    with pytest.raises(CommandError, match="no such topic"):
        _outbox(store, world, heard).catch_up()
    heard.deaf = False
    for _ in range(2):
        _outbox(store, world, heard).catch_up()
    assert [each.title for each in heard.news] == [title for _, title in _told(store)]
    written = current(f"{ONE.target}/told", store).entries()
    assert [entry.data["message"] for entry in written] == ["1", "2"]


def test_what_is_a_day_old_is_no_news(store: SqliteStore) -> None:
    """Whoever turns it on later hears of nothing that is over."""
    world, heard = cloud(("api",)), Heard()
    _carried(world, store)
    world.clock.at += 2 * 86400
    _outbox(store, world, heard).catch_up()
    assert heard.news == []


def test_two_tell_nothing_twice(store: SqliteStore) -> None:
    """Who does not hold the lease leaves it to who does."""
    world, heard = cloud(("api",)), Heard()
    _carried(world, store)
    where = setting(world.clock, store, operator="eve")
    acquire(store, f"{ONE.target}/told", where.owner, clock=where.clock)
    with pytest.raises(CommandError):
        _outbox(store, world, heard).catch_up()
    assert heard.news == []


def test_nothing_waits_for_it_and_no_error_of_it_ends_anything(store: SqliteStore) -> None:
    """Not for one that hangs either: what is told last has seconds."""
    world, heard, begun, end = cloud(("api",)), Heard(), Event(), Event()
    said: list[str] = []

    def made() -> Outbox:
        begun.set()
        assert end.wait(30)
        raise CommandError("the stack does not answer")

    with telling(made, said.append):
        assert begun.wait(30)
        assert _carried(world, store) is Outcome.DONE
        end.set()
    assert said == ["not told (the next look tries again): the stack does not answer"]
    with telling(lambda: _outbox(store, world, heard), said.append):
        pass
    assert len(heard.news) == 2
    with telling(lambda: None, said.append):
        pass
    assert len(said) == 1


def test_each_severity_has_its_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail gets words, phones the title, and chat what it posts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        sns, sqs = (client(each, region="us-east-1") for each in ("sns", "sqs"))
        queue = sqs.create_queue(QueueName="all")["QueueUrl"]
        arns = {each: sns.create_topic(Name=each)["TopicArn"] for each in Severity}
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        sns.subscribe(
            TopicArn=arns[Severity.CRITICAL],
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
        )
        topics = PublishedTopics(**{each.value: arn for each, arn in arns.items()})
        send = Topics(Api(client("sns", region="us-east-1")), topics)
        told = News(id="r begins", severity=Severity.CRITICAL, title="é → b\nc", lines=("d",))
        assert send(told)
        assert send(replace(told, severity=Severity.INFO))
        (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        body: dict[str, Any] = json.loads(message["Body"])
        assert body["Subject"] == "? ? b c"
        assert body["Message"] == "é → b\nc\nd"


def test_a_product_without_topics_tells_with_its_own_command(tmp_path: Path) -> None:
    """It reads an object; where it fails, nothing was told."""
    environment = load("staging", ROOT)
    assert sender(environment, None) is None
    written = tmp_path / "said.json"
    script = f"import sys, pathlib; pathlib.Path({str(written)!r}).write_text(sys.stdin.read())"
    for code, is_told in ((script, True), ("raise SystemExit(3)", False)):
        command = WatchCommand(command=(sys.executable, "-c", code))
        own = environment.cutover.model_copy(update={"tell": command})
        send = sender(environment.model_copy(update={"cutover": own}), None)
        assert send
        told = News(id="r begins", severity=Severity.INFO, title="a", lines=("b",))
        if is_told:
            assert send(told) == "r begins"
            said = cast("dict[str, str]", json.loads(written.read_text(encoding="utf-8")))
            assert said == {"id": "r begins", "severity": "info", "title": "a", "text": "a\nb"}
        else:
            with pytest.raises(CommandError, match="exit code 3"):
                send(told)
