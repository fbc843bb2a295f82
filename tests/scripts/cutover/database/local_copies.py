"""Copies of a server on this machine: base backups, and restores to a moment from its archive."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from scripts.cutover.database.copies import Moment, Restored, Snapshot
from tests.scripts.cutover.database.postgres import Server


@dataclass
class LocalCopies:
    """The copies of one server; a restore reads the newest base backup and the log after it."""

    server: Server
    copies_files: bool = True
    """Whether backups are real ones, which a restore reads."""
    kept: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    made: dict[str, Server] = field(default_factory=dict[str, Server])

    @property
    def database(self) -> str:
        """What the server is called."""
        return "slipway-test"

    def snapshots(self) -> Sequence[Snapshot]:
        """The base backups."""
        return list(self.kept.values())

    def take(self, name: str) -> None:
        """Make a base backup."""
        if self.copies_files:
            self.server.base(self.server.folder / name)
        self.kept[name] = Snapshot(name, datetime.now(UTC), True, True, None)  # noqa: FBT003 - complete and encrypted

    def remember(self, snapshot: str, moment: Moment) -> None:
        """Write the moment down."""
        self.kept[snapshot] = replace(self.kept[snapshot], moment=moment)

    def restorable(self) -> tuple[datetime, datetime]:
        """From the first backup until now."""
        return min(each.at for each in self.kept.values()), datetime.now(UTC)

    def restored(self, name: str) -> Restored | None:
        """The server that was restored."""
        if name not in self.made:
            return None
        return Restored(name, str(self.made[name].folder), is_ready=True, state="available")

    def restore(self, name: str, at: datetime) -> None:
        """Restore one."""
        if name not in self.made:
            newest = max(self.kept.values(), key=lambda each: each.at)
            base = self.server.folder / newest.name
            self.made[name] = self.server.restored(base, self.server.folder / "r", at)

    def discard(self, name: str) -> None:
        """Stop the restored server."""
        self.made.pop(name).stop()
