"""Drawing cutovers on a terminal: both sides, gates, what happened; plain lines everywhere else."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from math import ceil
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.planning.steps import ALL
from scripts.cutover.report.findings import Measured
from scripts.cutover.report.words import cited

OLD_STYLE: Final = "cyan"
NEW_STYLE: Final = "magenta"
STYLES: Final = {
    Kind.ROLL_BACK: "bold red",
    Kind.REFUSE: "bold red",
    Kind.ASK: "yellow",
    Kind.CONTINUE: "green",
    Kind.HOLD: "dim",
}
_FINDINGS: Final = {
    Finding.BREACHED: "bold red",
    Finding.UNKNOWN: "yellow",
    Finding.UNDECIDED: "yellow",
    Finding.ACCEPTED: "cyan",
    Finding.PASSED: "green",
}
_BAR: Final = range(10, 51)
"""How wide a bar may be."""
_FRAME: Final = 6
"""The columns of a frame, and between a time and what happened."""
_PLAIN: Final = 120
"""The columns of what is no terminal."""


def sides(columns: Sequence[str]) -> Table:
    """A table of sides, with `columns` beside their traffic."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("", "", "traffic"):
        table.add_column(name)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def side(name: str, style: str, weight: int | None, long: int) -> tuple[Text, Text, str]:
    """What a line of it begins with: the percent of traffic, as a bar too, where it is known."""
    share = "?" if weight is None else f"{weight} %"
    return Text(name, style=style), bar(weight or 0, style, long), share


def healthy(count: int | None, meant: int | None) -> Text:
    """How many instances are healthy, of as many as there are to be."""
    if count is None:
        return Text("?")
    of = "" if meant is None else f" of {meant}"
    is_short = meant is not None and count < meant
    return Text(f"{count}{of}", style="bold red" if is_short else "")


def long(width: int, beside: int) -> int:
    """How long a bar may be in a terminal of `width`, of which other things take `beside`."""
    return max(_BAR.start, min(_BAR.stop - 1, width - beside))


def bar(weight: int, style: str, width: int) -> Text:
    """`weight` of 100 as a bar."""
    filled = round(width * weight / ALL)
    return Text("█" * filled, style=style) + Text("░" * (width - filled), style="dim")


def gates(rows: Iterable[Measured]) -> Table:
    """How gates stand, against what."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("", overflow="fold")
    for name in ("value", "limit", "baseline", "samples"):
        table.add_column(name, justify="right")
    table.add_column("cited")
    for each in rows:
        name = each.what if each.value or not each.text else f"{each.what}: {each.text}"
        table.add_row(
            Text(each.finding, style=_FINDINGS[each.finding]),
            name,
            each.value,
            each.limit,
            each.baseline,
            each.samples.partition(" ")[0],
            cited(each.cited),
        )
    return table


def happened(lines: Sequence[tuple[str, Text]], width: int, rows: int) -> Iterator[RenderableType]:
    """The last of `lines`, each with its time, as many as fit `rows` of `width` columns."""
    beside = max((len(at) for at, _ in lines), default=0) + _FRAME
    told = Table.grid(padding=(0, 1))
    for at, line in _newest(lines, width - beside, rows - 2):
        told.add_row(Text(at, style="dim"), line)
    if told.rows:
        yield Panel(told, title="Decisions and steps", title_align="left")


def _newest(lines: Sequence[tuple[str, Text]], width: int, rows: int) -> list[tuple[str, Text]]:
    """As many of the last `lines` as fit, wrapped, and the very last in any case."""
    found: list[tuple[str, Text]] = []
    for at, line in reversed(lines):
        rows -= ceil(len(line) / max(width, 1)) + 1 if len(line) > width else 1
        if found and rows < 0:
            break
        found.insert(0, (at, line))
    return found


class Screen:
    """What is drawn anew on a terminal whenever there is something new."""

    def __init__(self, console: Console) -> None:
        self.console: Final = console
        self._live: Final = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def draw(self, what: RenderableType) -> None:
        """Draw `what` in the place of what was there."""
        self._live.update(what, refresh=True)


def height(what: RenderableType, width: int) -> int:
    """How many rows `what` takes."""
    console = Console(file=StringIO(), width=width)
    return len(console.render_lines(what, pad=False))


def write(*parts: RenderableType) -> None:
    """Print `parts` on stdout: in colour on a terminal, as plain lines everywhere else."""
    if sys.stdout.isatty():
        _print(Console(highlight=False), parts)
    else:
        sys.stdout.write(plain(parts))


def plain(parts: Iterable[RenderableType], columns: int = _PLAIN) -> str:
    """`parts` as lines, with nothing at their ends."""
    stream = StringIO()
    _print(Console(file=stream, width=columns, color_system=None, highlight=False), parts)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print `parts`; a bare line is not broken, so that paths and commands can be copied."""
    for each in parts:
        console.print(each, soft_wrap=isinstance(each, Text))


def columns() -> int:
    """How wide stdout is."""
    return Console().width if sys.stdout.isatty() else _PLAIN
