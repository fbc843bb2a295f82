"""The outbox: tells what the journal of cutovers has to tell, each of it once, and says so.

What was told stands in a journal of its own beside the cutovers', which is written by whoever holds
its lease. It works beside the cutover: nothing waits for it, and what could not be told now is told
by whatever looks at the cutover next. A message may come twice where this is killed in between.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final

from scripts.cutover.running.record import FORWARD
from scripts.cutover.running.standing import readable
from scripts.cutover.telling.news import News, news
from scripts.cutover.telling.senders import Send
from scripts.runs.journal import EMPTY, Entry, Head, Store, current
from scripts.runs.lease import LeaseHeldError, Owner, held
from scripts.runs.times import Clock, utc_now

_BETWEEN: Final = 1.0
"""Seconds between looks at the journal."""
_LAST: Final = 15.0
"""Seconds that the last of it may take, once everything else is over."""
_OLDEST: Final = timedelta(days=1)
"""What is older is no news."""


@dataclass(kw_only=True)
class Outbox:
    """Tells the news of `target`."""

    store: Store
    target: str
    environment: str
    owner: Owner
    send: Send
    clock: Clock = utc_now
    _seen: Head = field(default=EMPTY)

    def catch_up(self) -> None:
        """Tell what was not told yet.

        Raises:
            CommandError: something was not told, or somebody else is telling it just now.
            TimeoutError: it may not have been told.
        """
        head = self.store.head(current(self.target, self.store).name)
        if head == self._seen:
            return
        untold = self._untold()
        if untold:
            self._tell()
        self._seen = head

    def _tell(self) -> None:
        journal = current(self._name, self.store, clock=self.clock)
        with held(
            self.store, journal.name, self.owner, clock=self.clock, background=False
        ) as keeper:
            for each in self._untold():
                keeper.check()
                message = self.send(each)
                journal.append(
                    "told",
                    {"id": each.id, "severity": each.severity.value, "message": message},
                    run=each.id.partition(" ")[0],
                    lease=keeper.lease,
                )

    @property
    def _name(self) -> str:
        return f"{self.target}/told"

    def _untold(self) -> Sequence[News]:
        told = {str(entry.data["id"]) for entry in current(self._name, self.store).entries()}
        fresh = _last_cutover(readable(self.store, self.target))
        found = news(fresh, self.environment)
        return [each for each in found if each.id not in told and self._is_new(each, fresh)]

    def _is_new(self, each: News, entries: Sequence[Entry]) -> bool:
        run = each.id.partition(" ")[0]
        last = max(entry.at for entry in entries if entry.run == run)
        return self.clock() - datetime.fromisoformat(last) < _OLDEST


def _last_cutover(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries since the last cutover began."""
    starts = [
        place
        for place, entry in enumerate(entries)
        if entry.kind == "run.started" and entry.data["command"] == FORWARD
    ]
    return entries[starts[-1] if starts else 0 :]


@contextmanager
def telling(made: Callable[[], Outbox | None], tell: Callable[[str], None]) -> Generator[None]:
    """Tell people while what is inside goes on, which waits for nothing of it.

    `made` makes the outbox where there is one; `tell` shows what could not be told.
    """
    over = Event()
    thread = Thread(target=_until, args=(over, made, tell), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LAST)


def _until(over: Event, made: Callable[[], Outbox | None], tell: Callable[[str], None]) -> None:
    outbox: Outbox | None = None
    is_over, said = False, set[str]()
    while not is_over:
        is_over = over.wait(_BETWEEN)
        try:
            outbox = outbox or made()
            if outbox is None:
                return
            outbox.catch_up()
        except LeaseHeldError:
            continue  # whoever holds it tells
        except Exception as error:  # noqa: BLE001 - whatever it is: a cutover does not end of it
            if str(error) not in said:
                said.add(str(error))
                tell(f"not told (the next look tries again): {error}")
