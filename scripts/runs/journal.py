"""The journal: what was done to one target, append-only, each entry chained to the one before.

An entry's hash is the SHA-256 of its canonical JSON without `hash`; `previous`, the hash of the
entry before, is part of that. So no entry can be changed, moved or taken out without every later
hash changing, and a head kept elsewhere (in evidence) shows a journal that was cut short.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from scripts.exits import CommandError
from scripts.runs.canonical import Json, NotCanonicalError, canonical, digest, parse
from scripts.runs.lease import Lease, LeaseStore
from scripts.runs.times import Clock, stamp, utc_now

GENESIS: Final = "0" * 64
"""What the first entry of a journal has as `previous`."""
ENTRY_BYTES: Final = 256 * 1024
"""The largest entry, below what DynamoDB holds in an item."""


class JournalError(CommandError):
    """A journal does not verify, or somebody else wrote to it."""


class Record(BaseModel):
    """A part of a record: frozen, unknown keys refused, nothing coerced but times from text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(Record):
    """Where a journal ends; kept outside of it, it shows that nothing was cut off."""

    sequence: int
    hash: str


EMPTY: Final = Head(sequence=0, hash=GENESIS)


class Entry(Record):
    """One thing that happened."""

    journal: str
    """What is acted on: an environment, and what in it."""
    sequence: int
    """1 for the first."""
    previous: str
    """The hash of the entry before."""
    at: str
    by: str
    """The operator."""
    run: str
    kind: str
    """Such as `run.started` or `step.done`."""
    data: Mapping[str, JsonValue]
    hash: str

    def text(self) -> str:
        """The entry as stores keep it."""
        return canonical(self.model_dump()).decode()

    @property
    def head(self) -> Head:
        """The head of a journal that ends with this entry."""
        return Head(sequence=self.sequence, hash=self.hash)


def read(text: str) -> Entry:
    """The entry that `text` is, whether it was changed or not.

    Raises:
        ValueError: it is none, or not in canonical form.
    """
    return _read(text)[0]


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Entry, bool]:
    """The entry that `text` is, and whether it is intact; a run reads its journal many times."""
    entry = Entry.model_validate(parse(text.encode()))
    return entry, _is_intact(entry)


class Store(LeaseStore, Protocol):
    """Where journals and leases are kept; the two together, so that a lost lease stops a writer."""

    def head(self, journal: str) -> Head:
        """Where `journal` ends; `EMPTY` where there is nothing in it."""
        ...

    def entries(self, journal: str, *, newest_first: bool = False) -> Iterator[str]:
        """The texts of the journal's entries, in order."""
        ...

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry` durably, at once with the new head, or not at all.

        Raises:
            JournalError: the journal does not end where `entry` goes on.
            LeaseLostError: the journal's lease no longer has `token`.
        """
        ...


class Journal:
    """The journal of one target in a store, read by anybody, written under its lease."""

    def __init__(self, name: str, store: Store, *, clock: Clock = utc_now) -> None:
        self.name: Final = name
        self._store: Final = store
        self._clock: Final = clock

    def append(self, kind: str, data: Mapping[str, Json], *, run: str, lease: Lease) -> Entry:
        """Write down that `kind` happened in `run`; returns when it is on disk.

        Raises:
            SecretRefusedError: `data` holds a secret.
            JournalError: somebody else wrote meanwhile, or the entry is too large.
            LeaseLostError: `lease` is no longer the one in force.
        """
        head = self._store.head(self.name)
        body: dict[str, Json] = {
            "journal": self.name,
            "sequence": head.sequence + 1,
            "previous": head.hash,
            "at": stamp(self._clock()),
            "by": lease.owner.operator,
            "run": run,
            "kind": kind,
            "data": data,
        }
        entry = Entry.model_validate({**body, "hash": digest(body)})
        if (size := len(entry.text())) > ENTRY_BYTES:
            raise JournalError(f"an entry {kind} of {size} bytes; at most {ENTRY_BYTES} are kept")
        self._store.append(entry, token=lease.token)
        return entry

    def entries(self) -> list[Entry]:
        """Every entry, in order, as it stands there; `verify` says whether they can be trusted."""
        return [read(text) for text in self._texts()]

    def latest(self, kind: str) -> Entry | None:
        """The last entry of `kind`, if there is one."""
        for text in self._store.entries(self.name, newest_first=True):
            entry = read(text)
            if entry.kind == kind:
                return entry
        return None

    def verify(self, anchors: Iterable[Head] = ()) -> list[str]:
        """What is wrong with the journal, one sentence each; `anchors` are heads known of it."""
        texts = list(self._texts())
        return problems(texts, self.name, self._store.head(self.name), anchors)

    def require_verified(self) -> None:
        """Go on only with a journal that verifies.

        Raises:
            JournalError: it does not; the message says where.
        """
        if found := self.verify():
            raise JournalError(
                f"the journal of {self.name} does not verify, so nothing was changed:\n  "
                + "\n  ".join(found)
                + "\n  Compare it with the evidence of earlier runs (docs/runs.md) before going on."
            )

    def _texts(self) -> Iterator[str]:
        return self._store.entries(self.name)


def names(target: str, store: Store) -> list[str]:
    """The names of the target's journals: the first, and each that was begun after a break."""
    found = [target]
    while store.head(after := f"{target}~{len(found) + 1}") != EMPTY:
        found.append(after)
    return found


def current(target: str, store: Store, *, clock: Clock = utc_now) -> Journal:
    """The journal of `target` that is in use: the first, or the one begun after the last break."""
    return Journal(names(target, store)[-1], store, clock=clock)


def after_break(target: str, store: Store, *, clock: Clock = utc_now) -> Journal:
    """A new journal of `target`, empty so far, in the place of one that does not verify."""
    return Journal(f"{target}~{len(names(target, store)) + 1}", store, clock=clock)


def problems(
    texts: Sequence[str], name: str, head: Head, anchors: Iterable[Head] = ()
) -> list[str]:
    """What is wrong with the journal `name`, whose entries are `texts` and whose end is `head`.

    Finds every changed, missing, reordered, repeated or foreign entry, and a cut-off end.
    """
    entries: list[Entry] = []
    changed: list[Entry] = []
    for place, text in enumerate(texts, 1):
        try:
            entry, is_intact = _read(text)
        except ValueError as error:
            return [f"entry {place} cannot be read: {_short(error)}"]
        entries.append(entry)
        changed += [] if is_intact else [entry]
    found = _chain_problems(entries, name, changed)
    if entries and (entries[0].sequence != 1 or entries[0].previous != GENESIS):
        found.append(f"it starts with entry {entries[0].sequence}, not with the first")
    ends = entries[-1].head if entries else EMPTY
    if ends != head:
        found.append(f"it ends with entry {ends.sequence}, and its head says entry {head.sequence}")
    there = [EMPTY.hash, *(entry.hash for entry in entries)]
    # A hash says its place, too: the sequence number is in what is hashed.
    found.extend(
        f"entry {anchor.sequence} with hash {anchor.hash[:12]}… was in it once, and is not now"
        for anchor in anchors
        if anchor.hash not in there
    )
    return found


def chain_problems(entries: Sequence[Entry], name: str) -> list[str]:
    """What is wrong with a stretch of the journal `name`: hashes, links, order, foreign entries."""
    return _chain_problems(entries, name, [each for each in entries if not _is_intact(each)])


def _chain_problems(entries: Sequence[Entry], name: str, changed: Sequence[Entry]) -> list[str]:
    found = [
        f"entry {entry.sequence} is of the journal {entry.journal!r}"
        for entry in entries
        if entry.journal != name
    ]
    found += [f"entry {entry.sequence} was changed" for entry in changed]
    found += [
        f"entry {later.sequence} does not follow entry {earlier.sequence}:"
        " one is missing, moved or repeated"
        for earlier, later in pairwise(entries)
        if later.sequence != earlier.sequence + 1 or later.previous != earlier.hash
    ]
    return found


def _is_intact(entry: Entry) -> bool:
    try:
        return digest(entry.model_dump(exclude={"hash"})) == entry.hash
    except NotCanonicalError:
        return False


def _short(error: ValueError) -> str:
    return str(error).splitlines()[0]
