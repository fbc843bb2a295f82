"""Seeing where a cutover stands: its journal, its lease, and what the load balancers say."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf

from scripts.cutover.commands.look import Numbered, cutovers_of, numbered
from scripts.cutover.commands.people import open_question
from scripts.cutover.commands.trouble import broken, holder
from scripts.cutover.planning.request import Cutover
from scripts.cutover.report.findings import end_of, ends_of
from scripts.cutover.report.story import Event, told
from scripts.cutover.running.back import bound
from scripts.cutover.running.moving import size_id
from scripts.cutover.running.record import NotedQuestion
from scripts.cutover.running.standing import (
    Standing,
    State,
    has_left,
    readable,
    standing,
    steps_started,
)
from scripts.cutover.session import Session
from scripts.cutover.world import Sides, World
from scripts.exits import CommandError
from scripts.runs.journal import EMPTY, Entry, Head, current
from scripts.runs.lease import Lease
from scripts.runs.owed import owed
from scripts.runs.times import utc_now


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What the load balancer and the instances of one service say; none where nobody answers."""

    weight: int | None = None
    old: int | None = None
    """How many instances of the old side are healthy."""
    new: int | None = None


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where a cutover stands, at one moment."""

    target: str
    there: Standing
    entries: Sequence[Entry]
    """Of all its runs, in order."""
    decided: Sequence[Numbered]
    """Its decisions."""
    events: Sequence[Event]
    """What happened, for people."""
    shares: Mapping[str, Shares]
    now: float
    bound: float | None
    """How long a rollback may take from its decision (ROLL-01)."""
    lease: Lease | None
    problems: Sequence[str]
    owed: Sequence[str]
    """What runs of the target still owe, and how that is brought."""
    resume: str
    answer: str
    """How a question is answered."""

    @property
    def last(self) -> Numbered | None:
        """The last decision."""
        return self.decided[-1] if self.decided else None

    @property
    def question(self) -> NotedQuestion | None:
        """What waits for an answer."""
        return open_question(self.there)

    @property
    def answer_until(self) -> float | None:
        """When the question is answered by default."""
        return self.last.noted.until if self.last and self.question else None

    @property
    def ends(self) -> Mapping[str, float]:
        """When each stage has lasted as it has to."""
        own = [entry for entry in self.entries if entry.run == self.there.run]
        return ends_of(self.there.cutover, own)

    @property
    def judged_until(self) -> float | None:
        """Until when at least what is judged now lasts."""
        if self.there.state is not State.OPEN or self.last is None:
            return None
        return end_of(self.last.noted, self.ends)

    def meant(self, service: str, *, is_new: bool) -> int | None:
        """How many instances a side is to have now, where the plan says it."""
        cutover = self.there.cutover
        if cutover is None:
            return None
        if not is_new:
            return None if has_left(self.there.entries) else cutover.sizes[service]
        begun = {*steps_started(self.entries)}
        sizes = [each.instances for each in cutover.window(service) if size_id(each) in begun]
        return sizes[-1] if sizes and self.there.state is not State.TAKEN_BACK else None


@dataclass(kw_only=True)
class Eyes:
    """Looks again and again; reads only what is new, and load balancers once a poll."""

    session: Session
    stack: ExitStack
    """What closes the world."""
    _head: Head = EMPTY
    _entries: Sequence[Entry] = ()
    _decided: Sequence[Numbered] = ()
    _events: Sequence[Event] = ()
    _problems: Sequence[str] = ()
    _owed: Sequence[str] = ()
    _there: Standing = field(default_factory=lambda: Standing(state=State.NONE))
    _of: Cutover | None = None
    _world: World | None = None
    _shares: Mapping[str, Shares] = field(default_factory=dict[str, Shares])
    _bound: float | None = None
    _due: float = -inf

    def status(self) -> Status:
        """Where the last cutover stands now."""
        session = self.session
        self._read()
        if time.monotonic() >= self._due:
            self._look()
        name = session.environment.name
        return Status(
            target=session.target,
            there=self._there,
            entries=self._entries,
            decided=self._decided,
            events=self._events,
            shares=self._shares,
            now=self._world.clock.now() if self._world else utc_now().timestamp(),
            bound=self._bound,
            lease=holder(session),
            problems=self._problems,
            owed=self._owed,
            resume=session.options.resume,
            answer=f"slipway cutover answer {name} go-on|roll-back",
        )

    def _read(self) -> None:
        """Read the journal, where something was written."""
        session = self.session
        head = session.store.head(current(session.target, session.store).name)
        if head == self._head:
            return
        self._head, self._due = head, -inf
        self._problems = broken(session)
        self._owed = [str(one) for one in owed(session.store, session.target)]
        entries = readable(session.store, session.target)
        self._there = standing(entries)
        self._entries = (cutovers_of(entries) or [[]])[-1]
        self._decided = numbered(self._entries)
        self._events = told(self._entries).events

    def _look(self) -> None:
        """Ask the load balancers."""
        cutover = self._there.cutover
        if cutover is None:
            return
        self._due = time.monotonic() + cutover.settings.poll
        if cutover != self._of:
            self._of, self._world = cutover, None
            self._bound = _bound(self.session, cutover)
        try:
            self._world = self._world or self.stack.enter_context(self.session.world_of(cutover))
            sides = self._world.sides
            self._shares = {name: _shares(sides[name]) for name in cutover.order}
        except (CommandError, TimeoutError):
            self._shares = dict.fromkeys(cutover.order, Shares())


def _shares(of: Sides) -> Shares:
    return Shares(weight=of.weight(), old=of.healthy(is_new=False), new=of.healthy(is_new=True))


def _bound(session: Session, cutover: Cutover) -> float:
    try:
        timeouts = bound(cutover, session.hooks(cutover))
    except Exception:  # noqa: BLE001 - who looks from elsewhere sees the bound of the plan
        timeouts = cutover.plan.rollback
    return float(sum(each.seconds for each in timeouts))
