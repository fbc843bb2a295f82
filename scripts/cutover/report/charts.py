"""Charts as SVG: lines over time with their limits, to be read without a script."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil, floor, isfinite, log10
from typing import Final

from markupsafe import Markup

from scripts.cutover.report.story import Point
from scripts.cutover.report.words import cited

_WIDTH, _HEIGHT = 600, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 22, 40
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200)
"""Seconds between marks of time."""
_MARKS_OF_TIME: Final = 6
_MARKS: Final = 4
_BEYOND: Final = 4.0
"""A limit so many times above everything else would press the lines flat; it is told instead."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart."""

    name: str
    points: Sequence[Point]
    kind: str
    """Its class: `new`, `old`, or `s0`, `s1` … for services."""
    is_stepped: bool = False
    """Whether a value holds until the next."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over time."""

    title: str
    unit: str
    """What the vertical axis counts."""
    lines: Sequence[Line]
    limits: dict[str, float] = field(default_factory=dict[str, float])
    """By name; drawn across."""
    began: float
    ended: float
    decided_back: float | None = None
    top: float | None = None
    """The largest value, where it is known."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(line.points for line in self.lines)

    @property
    def drawn(self) -> dict[str, float]:
        """The limits that fit beside the lines."""
        values = [value for line in self.lines for _, value in line.points if isfinite(value)]
        least = min(self.limits.values(), default=0.0)
        highest = max([*values, least])
        return {name: limit for name, limit in self.limits.items() if limit <= highest * _BEYOND}

    @property
    def beyond(self) -> dict[str, float]:
        """The others."""
        return {name: limit for name, limit in self.limits.items() if name not in self.drawn}


def svg(chart: Chart, number: int) -> Markup:
    """`chart` as an image; `number` tells it from others on its page."""
    values = [value for line in chart.lines for _, value in line.points if isfinite(value)]
    highest = chart.top or max([*values, *chart.drawn.values()], default=0.0) * 1.15
    scale = _Scale(chart.began, max(chart.ended, chart.began + 1), highest or 1.0)
    body = Markup("").join(
        [
            *_axes(chart, scale),
            *_limits(chart, scale),
            *(_line(line, scale, chart.unit) for line in chart.lines if line.points),
            *_turn(chart, scale),
        ]
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="c{}">'
        '<title id="c{}">{}</title>{}</svg>'
    ).format(_WIDTH, _HEIGHT, number, number, _said(chart), body)


@dataclass(frozen=True)
class _Scale:
    began: float
    ended: float
    highest: float

    def x(self, at: float) -> float:
        part = (min(max(at, self.began), self.ended) - self.began) / (self.ended - self.began)
        return round(_LEFT + part * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        part = min(max(value, 0.0), self.highest) / self.highest
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM), 1)


def _said(chart: Chart) -> str:
    """What the image shows, for who does not see it."""
    parts = [f"{chart.title}, in {chart.unit}."]
    for line in chart.lines:
        if line.points:
            last = line.points[-1][1]
            most = max(value for _, value in line.points)
            parts.append(f"{line.name}: at most {_amount(most)}, at last {_amount(last)}.")
    parts += [f"Limit {_amount(limit)} ({name})." for name, limit in chart.limits.items()]
    return " ".join(parts)


def _axes(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    for value in _marks(scale.highest):
        y = scale.y(value)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _LEFT, _WIDTH - _RIGHT, y, y
        )
        yield Markup('<text class="mark end" x="{}" y="{}">{}</text>').format(
            _LEFT - 6, y + 4, _amount(value)
        )
    for at, text in _times(scale.began, scale.ended):
        yield Markup('<text class="mark middle" x="{}" y="{}">{}</text>').format(
            scale.x(at), _HEIGHT - _BOTTOM + 16, text
        )
    yield Markup('<text class="axis end" x="{}" y="{}">time (UTC)</text>').format(
        _WIDTH - _RIGHT, _HEIGHT - 6
    )
    yield Markup('<text class="axis" x="{}" y="{}">{}</text>').format(2, _HEIGHT - 6, chart.unit)


def _limits(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    taken: list[float] = []
    for name, limit in sorted(chart.drawn.items(), key=lambda it: it[1]):
        y = scale.y(limit)
        label = y - 4
        while any(abs(label - other) < 12 for other in taken):  # noqa: PLR2004 - a line of text
            label -= 12
        taken.append(label)
        yield Markup(
            '<g class="limit"><title>limit {} ({})</title><line x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<text x="{}" y="{}">{} % ({})</text></g>'
        ).format(
            _amount(limit), name, _LEFT, _WIDTH - _RIGHT, y, y, _LEFT + 4, label,
            _amount(limit), cited(name),
        )  # fmt: skip


def _line(line: Line, scale: _Scale, unit: str) -> Markup:
    places = [(scale.x(at), scale.y(value)) for at, value in line.points if isfinite(value)]
    drawn = list(_stepped(places, scale) if line.is_stepped else places)
    path = " ".join(f"{x},{y}" for x, y in drawn)
    dots = Markup("").join(
        Markup('<circle cx="{}" cy="{}" r="{}"><title>{} {}: {} {}</title></circle>').format(
            scale.x(at), scale.y(value), 2.5, _clock(at), line.name, _amount(value), unit
        )
        for at, value in line.points
        if isfinite(value)
    )
    return Markup('<g class="line {}"><polyline points="{}"/>{}</g>').format(line.kind, path, dots)


def _stepped(places: Iterable[tuple[float, float]], scale: _Scale) -> Iterator[tuple[float, float]]:
    last: tuple[float, float] | None = None
    for x, y in places:
        if last:
            yield x, last[1]
        yield x, y
        last = (x, y)
    if last:
        yield scale.x(scale.ended), last[1]


def _turn(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    """The moment when it was decided to go back."""
    if chart.decided_back is not None:
        x = scale.x(chart.decided_back)
        is_late = x > _WIDTH * 0.8
        yield Markup(
            '<g class="turn"><title>{} decided to roll back</title>'
            '<line x1="{}" x2="{}" y1="{}" y2="{}"/><text class="{}" x="{}" y="{}">roll back</text>'
            "</g>"
        ).format(
            _clock(chart.decided_back), x, x, _TOP, _HEIGHT - _BOTTOM,
            "end" if is_late else "start", x + 4 if is_late else x - 4, _TOP - 6,
        )  # fmt: skip


def _marks(highest: float) -> Iterator[float]:
    """Round values from 0 up to `highest`."""
    raw = highest / _MARKS
    size = 10 ** floor(log10(raw)) if raw > 0 else 1.0
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw * 0.999)
    for count in range(floor(highest / step + 1e-9) + 1):
        yield count * step


def _times(began: float, ended: float) -> Iterator[tuple[float, str]]:
    """Round times between."""
    span = ended - began
    step = next((step for step in _STEPS if span / step <= _MARKS_OF_TIME), 86_400)
    form = "%H:%M:%S" if step < 60 else "%H:%M"  # noqa: PLR2004 - a minute
    at = ceil(began / step) * step
    while at <= ended:
        yield at, datetime.fromtimestamp(at, UTC).strftime(form)
        at += step * max(1, ceil(span / step / _MARKS_OF_TIME))


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _amount(value: float) -> str:
    return f"{value:,.3g}"
