"""What a rehearsal asks its load balancer: commands of HAProxy's Runtime API over a local socket.

The embedded one understands the same few, so that nothing else knows which of the two there is.
"""

import csv
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOCKET: Final = "balancer.sock"
"""What its socket is called."""
OLD: Final = "old"
NEW: Final = "new"
SPLIT: Final = "split"
"""The backend whose two servers are the sides; each side is a backend of instances by number."""
TOTAL: Final = 100
"""What the weights of the two sides sum up to."""
_ENOUGH: Final = 1 << 16


def ask(path: Path, line: str, seconds: float) -> str:
    """What the server at the local socket `path` says to `line`.

    Raises:
        TimeoutError: nothing within `seconds`, or it is not there; it may have done it.
    """
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            connection.sendall(line.encode() + b"\n")
            while part := connection.recv(_ENOUGH):
                said.append(part)
        except OSError as error:
            raise TimeoutError(f"{path.name} does not answer: {error}") from error
    return b"".join(said).decode()


@dataclass(frozen=True, slots=True)
class Instance:
    """How the load balancer sees one instance."""

    number: int
    is_in: bool
    """Whether it is meant to take requests."""
    is_up: bool
    """Whether it does, and its last health check was good."""
    is_down: bool
    """Whether it does not, after some health checks in a row that were not good."""


@dataclass(frozen=True, slots=True)
class Side:
    """How it sees one side, since it began."""

    answered: int
    """Requests of users that came to an end."""
    failed: int
    under_way: int
    instances: tuple[Instance, ...]

    @property
    def healthy(self) -> int:
        """How many instances are up."""
        return sum(each.is_up for each in self.instances)


class Runtime:
    """The load balancer at the local socket `path`; each call may raise a `TimeoutError`."""

    def __init__(self, path: Path, seconds: float = 2.0) -> None:
        self._path: Final = path
        self._seconds: Final = seconds

    def set_weight(self, weight: int) -> None:
        """Send so many percent to the new side."""
        self._do(
            f"set server {SPLIT}/{NEW} weight {weight}",
            f"set server {SPLIT}/{OLD} weight {TOTAL - weight}",
        )

    def weight(self) -> int:
        """How many percent it sends to the new side."""
        return weight_in(ask(self._path, f"show servers state {SPLIT}", self._seconds))

    def sides(self) -> Mapping[str, Side]:
        """How it sees the sides, by name."""
        return sides_in(ask(self._path, "show stat", self._seconds))

    def add(self, side: str, number: int, port: int) -> None:
        """Let the instance `number` of `side`, which listens at `port`, take requests."""
        name = f"{side}/{number}"
        self._do(
            f"set server {name} addr 127.0.0.1 port {port}",
            f"set server {name} state ready",
            f"enable health {name}",
        )

    def remove(self, side: str, number: int) -> None:
        """Let it take none."""
        self._do(f"set server {side}/{number} state maint")

    def _do(self, *commands: str) -> None:
        """Give `commands`, which are answered by nothing where they are understood."""
        said = ask(self._path, ";".join(commands), self._seconds).strip()
        wrong = [line for line in said.splitlines() if line and "changed" not in line]
        if wrong:
            raise ValueError(f"the load balancer does not understand: {wrong[0]}")


def weight_in(said: str) -> int:
    """The weight of the new side, in percent, by what `show servers state` said."""
    _, header, *rows = said.strip().splitlines()
    names = header.removeprefix("# ").split()
    found = (dict(zip(names, row.split(), strict=True)) for row in rows)
    weights = {row["srv_name"]: int(row["srv_uweight"]) for row in found}
    return round(TOTAL * weights[NEW] / (weights[NEW] + weights[OLD]))


def sides_in(said: str) -> dict[str, Side]:
    """The sides, by what `show stat` said."""
    rows = list(csv.DictReader(said.removeprefix("# ").strip().splitlines()))
    return {name: _side(name, rows) for name in (OLD, NEW)}


def _side(name: str, rows: Iterable[Mapping[str, str]]) -> Side:
    mine = [row for row in rows if row["pxname"] == name and row["svname"].isdigit()]
    all_of_it = next(row for row in rows if (row["pxname"], row["svname"]) == (SPLIT, name))
    by_status = {
        status: int(all_of_it[f"hrsp_{status}"] or 0)
        for status in ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
    }
    return Side(
        answered=sum(by_status.values()),
        failed=by_status["5xx"] + by_status["other"],
        under_way=int(all_of_it["scur"]),
        instances=tuple(
            Instance(
                number=int(row["svname"]),
                is_in="MAINT" not in row["status"],
                is_up=row["status"].startswith("UP") and row["check_status"].endswith("L7OK"),
                is_down=row["status"].startswith("DOWN"),
            )
            for row in mine
        ),
    )
