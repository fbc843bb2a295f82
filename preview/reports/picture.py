"""The picture of an environment as SVG: for the report, and for the documentation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from preview.picture import INTERNET, Arrow, Part, Picture
from preview.reports.wording import plural, shown

_WIDE: Final = 210
_GAP: Final = 90
_LINE: Final = 16
_HEAD: Final = 26
_MARGIN: Final = 24
_ABOVE: Final = 64
_BETWEEN: Final = 22
_AROUND_ACROSS: Final = 4
_LETTERS: Final = 31
"""How many letters a line of a box takes."""

_STYLE: Final = """
.picture .paper { fill: #ffffff } .picture .outside { fill: #ddf4ff; stroke: #0969da }
.picture .frame { fill: #f6f8fa; stroke: #8c959f; stroke-dasharray: 5 4 }
.picture .box { fill: #ffffff; stroke: #57606a } .picture .around { fill: #f6f8fa; stroke: #afb8c1 }
.picture text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.picture .title { font-size: 16px; font-weight: 600 } .picture .name { font-weight: 600 }
.picture .aside { fill: #57606a } .picture .head { fill: #0969da }
.picture .arrow { fill: none; stroke: #0969da; stroke-width: 1.5 }
.picture .port { font-size: 11px; fill: #0969da; paint-order: stroke; stroke: #ffffff;
  stroke-width: 3 }
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box lies."""

    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + _WIDE


def document(picture: Picture) -> str:
    """The SVG of `picture` as a file."""
    return str(render(picture)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def render(picture: Picture) -> Markup:
    """The SVG of `picture` in a page; a person who listens hears its arrows."""
    internet = Part(name=INTERNET, lines=(), others=0, distance=0, in_network=False)
    outside, *inward = picture.columns
    columns = [[internet, *outside], *inward]
    places: dict[str, _Place] = {}
    for number, column in enumerate(columns):
        y = float(_ABOVE + _HEAD)
        for part in column:
            height = _height(part)
            places[part.name] = _Place(_MARGIN + number * (_WIDE + _GAP), y, height)
            y += height + _BETWEEN
    inside = max((place.y + place.height for place in places.values()), default=_ABOVE)
    around, bottom = _around(picture.around, inside + _HEAD + 2 * _BETWEEN)
    across = max(len(columns) * (_WIDE + _GAP) - _GAP, _AROUND_ACROSS * (_WIDE + _BETWEEN))
    width, height = across + 2 * _MARGIN, bottom + _MARGIN
    parts = {part.name: part for column in columns for part in column}
    shapes = [
        *_frame(picture, columns, inside, width),
        *(_arrow(arrow, places) for arrow in picture.arrows),
        *(_box(part, places[name], "box") for name, part in parts.items()),
        *(_box(part, place, "around") for part, place in around),
    ]
    return Markup(
        '<svg class="picture" viewBox="0 0 {w:g} {h:g}" role="img" aria-label="{label}">\n'
        "<style>{style}</style>\n"
        '<rect class="paper" width="{w:g}" height="{h:g}"/>\n'
        '<text class="title" x="{x}" y="{y}">{title}</text>\n{shapes}\n</svg>\n'
    ).format(
        w=width,
        h=height,
        label=_label(picture),
        style=Markup(_STYLE),  # noqa: S704 - our own text
        x=_MARGIN,
        y=_MARGIN + 8,
        title=shown(picture.title),
        shapes=Markup("\n").join(shapes),
    )


def _label(picture: Picture) -> str:
    """The picture in words."""
    told = (f"{one.source} reaches {one.target} on {_ports(one)}" for one in picture.arrows)
    return f"{picture.title}: {'; '.join(told) or 'no traffic'}"


def _ports(arrow: Arrow) -> str:
    return ", ".join(arrow.ports)


def _height(part: Part) -> float:
    return _HEAD + _LINE * (len(part.lines) + bool(part.others)) + 8


def _around(parts: Sequence[Part], top: float) -> tuple[list[tuple[Part, _Place]], float]:
    """The boxes that no traffic reaches, in rows; and where they end."""
    placed: list[tuple[Part, _Place]] = []
    bottom = top
    for start in range(0, len(parts), _AROUND_ACROSS):
        row = parts[start : start + _AROUND_ACROSS]
        top = bottom
        for number, part in enumerate(row):
            place = _Place(_MARGIN + number * (_WIDE + _BETWEEN), top, _height(part))
            placed.append((part, place))
            bottom = max(bottom, top + place.height + _BETWEEN)
    return placed, bottom


def _frame(
    picture: Picture, columns: Sequence[Sequence[Part]], bottom: float, width: float
) -> Iterator[Markup]:
    """The network's frame, around everything but the internet."""
    if not picture.network or len(columns) == 1:
        return
    left = _MARGIN + _WIDE + _GAP / 2
    yield Markup(
        '<rect class="frame" x="{x:g}" y="{y}" width="{w:g}" height="{h:g}" rx="8"/>'
        '<text class="aside" x="{t:g}" y="{u}">{network}</text>'
    ).format(
        x=left,
        y=_ABOVE - 12,
        w=width - left - _MARGIN / 2,
        h=bottom - _ABOVE + 28,
        t=left + 12,
        u=_ABOVE + 8,
        network=shown(picture.network),
    )


def _box(part: Part, place: _Place, kind: str) -> Markup:
    outside = part.name == INTERNET
    lines = [*part.lines, *([plural(part.others, "more resource")] if part.others else [])]
    texts = [
        Markup('<text class="{kind}" x="{x:g}" y="{y:g}">{line}</text>').format(
            kind="aside" if number == len(part.lines) else "line",
            x=place.x + 12,
            y=place.y + _HEAD + 8 + number * _LINE,
            line=shown(line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"),
        )
        for number, line in enumerate(lines)
    ]
    return Markup(
        '<rect class="{kind}" x="{x:g}" y="{y:g}" width="{w}" height="{h:g}" rx="6"/>'
        '<text class="name" x="{t:g}" y="{u:g}">{name}</text>{texts}'
    ).format(
        kind="outside" if outside else kind,
        x=place.x,
        y=place.y,
        w=_WIDE,
        h=place.height,
        t=place.x + 12,
        u=place.y + 20,
        name=shown(part.name),
        texts=Markup("").join(texts),
    )


def _arrow(arrow: Arrow, places: dict[str, _Place]) -> Markup:
    """A curve from one box to another, with its ports where it arrives."""
    source, target = places[arrow.source], places[arrow.target]
    from_x, from_y, to_x, to_y = source.right, source.middle, target.x, target.middle
    if target.x <= source.x:  # back, or to a neighbour above or below: around their left
        from_x, bend = source.x, source.x - _GAP / 2
    else:
        bend = (from_x + to_x) / 2
    return Markup(
        '<path class="arrow" d="M{a:g} {b:g} C{c:g} {b:g} {c:g} {e:g} {d:g} {e:g}"/>'
        '<path class="head" d="M{d:g} {e:g} l-8 -4 v8 z"/>'
        '<text class="port" x="{x:g}" y="{y:g}" text-anchor="end">{ports}</text>'
    ).format(
        a=from_x,
        b=from_y,
        c=bend,
        d=to_x,
        e=to_y,
        x=to_x - 12,
        y=to_y - 6,
        ports=_ports(arrow),
    )
