"""Services that write to the database all the while, and know what was promised to be kept."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

OLD = "INSERT INTO orders (amount, note) VALUES (%(n)s, %(who)s) RETURNING id"
"""What the release writes that knows the first schema."""


@dataclass
class Writers:
    """Threads that write rows, one transaction each, and try again after none."""

    connect: Callable[[], psycopg.Connection]
    sql: str
    kept: list[int] = field(default_factory=list[int])
    """The keys of rows whose commit was acknowledged."""
    errors: list[str] = field(default_factory=list[str])
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def start(self, count: int) -> None:
        """Start so many."""
        for number in range(count):
            thread = threading.Thread(target=self._write, args=(f"writer {number}",), daemon=True)
            thread.start()
            self.threads.append(thread)

    def end(self) -> None:
        """Stop them all."""
        self.stop.set()
        for thread in self.threads:
            thread.join(20)

    def after(self, more: int) -> None:
        """Wait until that many more rows are kept."""
        wanted = len(self.kept) + more
        until = threading.Event()
        while len(self.kept) < wanted and not self.errors:
            until.wait(0.02)

    def _write(self, who: str) -> None:
        number = 0
        session = self.connect()
        # Longer than a statement may wait behind a migration: whoever waits longer is hurt.
        session.execute("SET statement_timeout = '5s'")
        while not self.stop.is_set():
            number += 1
            try:
                row = session.execute(self.sql, {"n": number, "who": who}).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue] - a test's own SQL
            except psycopg.Error as error:
                self.errors.append(str(error))
                return
            assert row is not None
            self.kept.append(int(row[0]))
            self.stop.wait(0.005)
        session.close()


@contextmanager
def writing(
    connect: Callable[[], psycopg.Connection], sql: str = OLD, count: int = 2
) -> Generator[Writers]:
    """Writers that run meanwhile; some rows are there before anything happens."""
    it = Writers(connect, sql)
    it.start(count)
    try:
        it.after(10)
        yield it
    finally:
        it.end()
