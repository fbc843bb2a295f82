"""The page of a cutover: one file that needs nothing else, for people who were not there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from itertools import groupby
from pathlib import Path
from typing import Final, cast

from markupsafe import Markup

import preview.reports
from preview.files import replace
from preview.reports.templates import templates
from preview.reports.wording import plural
from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.report import words
from scripts.cutover.report.charts import Chart, Line, svg
from scripts.cutover.report.headline import headline
from scripts.cutover.report.story import Curve, Did, Story, told
from scripts.cutover.running.record import Noted, NotedQuestion
from scripts.cutover.running.standing import State
from scripts.runs.evidence import Evidence
from scripts.runs.journal import Entry
from standards import figure, requirement

_FOLDERS: Final = (Path(__file__).parent, Path(preview.reports.__file__).parent)
"""Where the page's parts lie; its style is that of the preview's report."""
_PERCENT: Final = 100
_SMOKE: Final = "smoke: "


@dataclass(frozen=True, kw_only=True)
class Group:
    """Decisions one after the other that came to the same."""

    decisions: tuple[tuple[int, Noted], ...]
    """Each with its place among all, which links lead to."""

    @property
    def first(self) -> Noted:
        """The one that says most: later ones hold what changed since."""
        return self.decisions[0][1]


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A file of evidence beside the page."""

    name: str
    hash: str
    signed_by: tuple[str, ...]


def write_report(path: Path, entries: Sequence[Entry], evidence: Sequence[Path] = ()) -> None:
    """Write the page on `entries` to `path`; `evidence` are the signed files beside it."""
    replace(path, page(entries, [_sealed(each) for each in evidence]).encode(), mode=0o644)


def page(entries: Sequence[Entry], evidence: Sequence[Sealed] = ()) -> str:
    """The page on `entries`: those of a cutover's forward run and of its way back."""
    story = told(entries)
    environment = templates(*_FOLDERS)
    own: dict[str, Callable[..., object]] = {
        "moment": words.moment,
        "day": words.day,
        "duration": words.lasted,
        "plural": plural,
        "sentence": words.sentence,
        "cited": words.cited,
        "fact": _fact,
        "tested": _tested,
        "bare": _bare,
    }
    cast("dict[str, Callable[..., object]]", environment.filters).update(own)
    return environment.get_template("page_of_cutover.html.j2").render(
        story=story,
        good=story.state is State.DONE,
        headline=headline(story),
        charts=_Charts(story),
        groups=list(_groups(story)),
        smoke=[each for each in story.decisions if each.stage.startswith("smoke tests")],
        questions=list(_questions(story)),
        database=[did for did in story.steps if did.step.startswith("database")],
        measured=list(_measured(story)),
        rollback_limit=figure("ROLL-01", "duration_below_minutes"),
        number=words.number,
        requirement=requirement,
        evidence=evidence,
    )


class _Charts:
    """The charts of a page, each numbered as it is drawn."""

    def __init__(self, story: Story) -> None:
        self._story: Final = story
        self._count = 0

    def weights(self) -> Markup:
        """How much of each service's traffic its new side got."""
        story = self._story
        lines = [
            Line(
                name=name,
                points=[(story.began, 0.0), *points],
                kind=f"s{place % 4}",
                is_stepped=True,
            )
            for place, (name, points) in enumerate(story.weights.items())
        ]
        return self._drawn(self._chart("Traffic on the new side", "% of requests", lines, top=100))

    def of(self, curve: Curve) -> Markup:
        """One series of both sides."""
        new = [Line(name="new side", points=_percent(points), kind="new") for points in curve.new]
        old = Line(name="old side", points=_percent(curve.old), kind="old")
        limits = {name: limit * _PERCENT for name, limit in curve.limits.items()}
        title = f"{curve.service}: {self.name(curve)}"
        chart = self._chart(title, "% of requests", [old, *new], limits=limits)
        times = [at for points in curve.new for at, _ in points]
        if len(set(times)) > 1:
            chart = replaced(chart, began=min(times), ended=max(times))
        return self._drawn(chart)

    def beyond(self, curve: Curve) -> str:
        """The limits that are too far away to be drawn."""
        limits = {name: limit * _PERCENT for name, limit in curve.limits.items()}
        points = [point for some in curve.new for point in some]
        lines = [
            Line(name="new side", points=_percent(points), kind="new"),
            Line(name="old side", points=_percent(curve.old), kind="old"),
        ]
        beyond = self._chart("", "", lines, limits=limits).beyond
        return ", ".join(f"{limit:,.3g} % ({words.cited(name)})" for name, limit in beyond.items())

    def name(self, curve: Curve) -> str:
        """What people call a series."""
        if curve.series == "errors":
            return "requests that fail"
        if curve.series.startswith("slower than "):
            return f"requests {curve.series} ms"
        return curve.series

    def shown(self) -> Iterator[tuple[str, list[Curve]]]:
        """By service: the series that can roll back by themselves, then the others."""
        for service, own in groupby(self._story.curves, key=lambda curve: curve.service):
            yield service, list(own)

    def _chart(
        self,
        title: str,
        unit: str,
        lines: Sequence[Line],
        *,
        limits: Mapping[str, float] | None = None,
        top: float | None = None,
    ) -> Chart:
        story = self._story
        return Chart(
            title=title,
            unit=unit,
            lines=lines,
            limits=dict(limits or {}),
            began=story.began,
            ended=story.ended,
            decided_back=story.decided_back,
            top=top,
        )

    def _drawn(self, chart: Chart) -> Markup:
        self._count += 1
        return svg(chart, self._count)


def _percent(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(at, value * _PERCENT) for at, value in points]


def _groups(story: Story) -> Iterator[Group]:
    """Decisions, with those to wait that came one after the other as one."""
    for _, own in groupby(enumerate(story.decisions), key=_alike):
        yield Group(decisions=tuple(own))


def _alike(found: tuple[int, Noted]) -> tuple[str, int]:
    place, noted = found
    return noted.step, -1 if noted.kind is Kind.HOLD else place


def _questions(story: Story) -> Iterator[tuple[str, NotedQuestion, float | None]]:
    """Each question as it stood last, with when its answer came."""
    found: dict[int, tuple[str, NotedQuestion, float | None]] = {}
    for noted in story.decisions:
        for stage, question in noted.questions.items():
            before = found.get(question.number)
            is_answered = question.answer is not None
            at = (before and before[2]) or (noted.at if is_answered else None)
            found[question.number] = (stage, question, at)
    yield from found.values()


def _measured(story: Story) -> Iterator[tuple[Did, float]]:
    """Each step of the way back, and how long after the decision it was over."""
    if story.decided_back is None:
        return
    for did in story.steps:
        is_of_back = did.run != story.runs[0] if story.runs else False
        if is_of_back and did.ended is not None:
            yield did, did.ended - story.decided_back


def _tested(gate: str) -> str:
    """The name of the smoke test that a decision calls `gate`."""
    return gate.removeprefix(_SMOKE)


def _bare(gate: str) -> str:
    """The name of a gate without the figure that it comes from."""
    return gate.partition(" (")[0]


def _fact(value: object) -> str:
    """A fact of a step, on one line."""
    match value:
        case float():
            return f"{value:,.6g}"
        case _:
            return str(value)


def _sealed(path: Path) -> Sealed:
    evidence = Evidence.model_validate_json(path.read_bytes())
    names = tuple(f"{one.by} ({one.role.value})" for one in evidence.signatures)
    return Sealed(name=path.name, hash=evidence.hash, signed_by=names)
