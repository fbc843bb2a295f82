"""The page of the statistics of cutovers, and its picture."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = DOCS / "cutover-statistics.md"
PICTURE: Final = DOCS / "diagrams" / "cutover-statistics.svg"
HEADING: Final = "## Measured\n"
END: Final = "<!-- the command writes what is above -->\n"

_WIDE, _HIGH = 460, 300
_STYLE: Final = """<style>
.plot { --ink: #1f2328; --aside: #57606a; --line: #d0d7de; --paper: #ffffff; --promise: #cf222e }
@media (prefers-color-scheme: dark) {
  .plot { --ink: #e6edf3; --aside: #9198a1; --line: #3d444d; --paper: #0d1117; --promise: #ff7b72 }
}
.plot .paper { fill: var(--paper) } .plot .grid { stroke: var(--line) }
.plot text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.plot .aside { fill: var(--aside) } .plot .title { font-weight: 600 }
.plot .promise { stroke: var(--promise); stroke-dasharray: 5 4 }
.plot path, .plot .bar { fill: none; stroke-width: 2 }
</style>"""
_COLOURS: Final = (
    "#0969da", "#1a7f9c", "#8250df", "#bf3989", "#1a7f37", "#9a6700", "#bc4c00", "#6e7781",
)  # fmt: skip


def write(
    lines: Sequence[str],
    curves: Sequence[tuple[str, Sequence[float], int]],
    intervals: Sequence[tuple[str, float, float]],
) -> None:
    """Write the tables into the page, and draw the picture.

    Each of `curves` has a name, the seconds after which each was detected, and how many there were;
    each of `intervals` a name and a share's lowest and highest.
    """
    before, heading, rest = PAGE.read_text("utf-8").partition(HEADING)
    _, end, after = rest.partition(END)
    page = "\n".join([f"{before}{heading}", *lines, "", f"{end}{after}"])
    PAGE.write_text(page, "utf-8")
    PICTURE.write_text("\n".join(_picture(curves, intervals)) + "\n", "utf-8")


def _picture(
    curves: Sequence[tuple[str, Sequence[float], int]],
    intervals: Sequence[tuple[str, float, float]],
) -> Iterator[str]:
    wide = 2 * _WIDE + 260
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {wide} {_HIGH + 70}" '
        'role="img" aria-label="Bad releases that are rolled back, by time; healthy ones stopped">'
    )
    yield _STYLE
    yield f'<rect class="paper" width="{wide}" height="{_HIGH + 70}"/>'
    yield from _detection(curves)
    yield f'<g transform="translate({_WIDE + 260} 0)">'
    yield from _stopped(intervals)
    yield "</g>\n</svg>"


def _detection(curves: Sequence[tuple[str, Sequence[float], int]]) -> Iterator[str]:
    """The share that is rolled back, by minutes since the errors began."""
    left, top, wide, high = 46, 40, _WIDE - 60, _HIGH - 40
    yield f'<text class="title" x="{left}" y="22">Rolled back, by minutes of errors</text>'
    for share in (0, 0.25, 0.5, 0.75, 0.95, 1):
        y = top + high * (1 - share)
        kind = "promise" if share == 0.95 else "grid"
        yield f'<path class="{kind}" d="M{left} {y:.1f} h{wide}"/>'
        yield f'<text class="aside" x="4" y="{y + 4:.1f}">{share:.0%}</text>'
    for minute in range(0, 11, 5):
        x = left + wide * minute / 10
        kind = "promise" if minute == 5 else "grid"
        yield f'<path class="{kind}" d="M{x:.1f} {top} v{high}"/>'
        yield f'<text class="aside" x="{x - 4:.1f}" y="{top + high + 18}">{minute}</text>'
    for number, (name, seconds, of) in enumerate(curves):
        ordered = sorted(seconds)
        points = [
            (left + wide * at / 600, top + high * (1 - bisect_right(ordered, at) / of))
            for at in range(0, 601, 15)
        ]
        drawn = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        colour = f'style="stroke: {_COLOURS[number]}"'
        yield f'<path d="M{drawn}" {colour}/>'
        y = top + 16 + 20 * number
        yield f'<path d="M{left + wide + 12} {y - 4} h18" {colour}/>'
        yield f'<text x="{left + wide + 36}" y="{y}">{name}</text>'


def _stopped(intervals: Sequence[tuple[str, float, float]]) -> Iterator[str]:
    """The interval of each share of healthy cutovers that are stopped, against what is promised."""
    left, top, wide = 110, 40, _WIDE - 150
    most = 0.003
    yield f'<text class="title" x="{left}" y="22">Healthy cutovers stopped (95 %)</text>'
    bottom = top + 40 * len(intervals)
    for share in (0, 0.001, 0.002, 0.003):
        x = left + wide * share / most
        kind = "promise" if share == 0.001 else "grid"
        yield f'<path class="{kind}" d="M{x:.1f} {top} V{bottom}"/>'
        yield f'<text class="aside" x="{x - 14:.1f}" y="{bottom + 18}">{share:.1%}</text>'
    for number, (name, low, high) in enumerate(intervals):
        y = top + 20 + 40 * number
        first, last = (left + wide * min(share, most) / most for share in (low, high))
        yield f'<text x="4" y="{y + 4}">{name}</text>'
        line = f"stroke: {_COLOURS[0]}; stroke-width: 6"
        yield f'<path style="{line}" d="M{first:.1f} {y} H{last:.1f}"/>'
