"""Journals and leases in memory, and one process's connection to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scripts.runs.journal import EMPTY, Entry, Head, JournalError
from scripts.runs.lease import Lease, lost
from tests.scripts.cutover.simulated.processes import Process


@dataclass
class Memory:
    """All journals and leases."""

    texts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    heads: dict[str, Head] = field(default_factory=dict[str, Head])
    leases: dict[str, Lease] = field(default_factory=dict[str, Lease])
    listener: Callable[[Process, Entry], None] = lambda _process, _entry: None
    """Is told of every entry, and which process wrote it."""

    def head(self, journal: str) -> Head:
        """Where `journal` ends."""
        return self.heads.get(journal, EMPTY)

    def entries(self, journal: str, *, newest_first: bool = False) -> Iterator[str]:
        """The texts of the journal's entries, in order."""
        texts = self.texts.get(journal, [])
        return iter(texts[::-1] if newest_first else list(texts))

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry` and the new head, under the lease with `token`."""
        lease = self.leases.get(entry.journal)
        if lease is None or lease.token != token:
            raise lost(entry.journal, lease)
        head = self.head(entry.journal)
        if (head.sequence + 1, head.hash) != (entry.sequence, entry.previous):
            raise JournalError(f"somebody else wrote entry {head.sequence} meanwhile")
        self.texts.setdefault(entry.journal, []).append(entry.text())
        self.heads[entry.journal] = entry.head

    def lease(self, target: str) -> Lease | None:
        """The last lease on `target`, in force or not."""
        return self.leases.get(target)

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Put `new` in the place of `old`; False where `old` is not there."""
        if self.leases.get(new.target) != old:
            return False
        self.leases[new.target] = new
        return True


@dataclass
class Connection:
    """What one process has of the store: each write takes time, and may be its last."""

    memory: Memory
    process: Process
    seconds: float = 0.01

    def head(self, journal: str) -> Head:
        """Where `journal` ends."""
        return self.memory.head(journal)

    def entries(self, journal: str, *, newest_first: bool = False) -> Iterator[str]:
        """The texts of the journal's entries, in order."""
        return self.memory.entries(journal, newest_first=newest_first)

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry`."""
        self.process.point()
        self.process.spend(self.seconds)
        self.memory.append(entry, token=token)
        self.memory.listener(self.process, entry)
        self.process.point()

    def lease(self, target: str) -> Lease | None:
        """The last lease on `target`."""
        return self.memory.lease(target)

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Put `new` in the place of `old`."""
        self.process.point()
        self.process.spend(self.seconds)
        done = self.memory.replace_lease(old, new)
        self.process.point()
        return done
