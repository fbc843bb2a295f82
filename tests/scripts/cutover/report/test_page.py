"""The page of a cutover tells what happened, from the journal alone, whatever stands in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from scripts.cutover.judgement.decisions import Decision
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Answer, Levels, Observations
from scripts.cutover.report.page import page, write_report
from scripts.cutover.report.story import told
from scripts.cutover.running.answers import give_answer
from scripts.cutover.running.back import VERIFIED
from scripts.cutover.running.conductor import Outcome, carry_out
from scripts.cutover.running.hooks import Hooks, Moment
from scripts.cutover.running.record import Noted
from scripts.cutover.running.standing import readable, standing
from scripts.release.smoke.results import Result, judged
from scripts.runs.canonical import digest
from scripts.runs.journal import GENESIS, Entry, Journal
from scripts.runs.lease import Owner
from tests.scripts.cutover.cloud import cloud, cutover, setting, store
from tests.scripts.cutover.report.reading import Page

HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></svg><b>",
    "'}}{{ 7*7 }}{% raw %}",
    "&lt;&#x3c;",
    "javascript:alert(1)",
    "\u202e\u2066]]>-->",
)
_TOLD: Final = {
    "text", "gate", "error", "why", "host", "by", "old", "new", "environment", "stage",
}  # fmt: skip
"""The keys whose texts come from people and products."""


def smoke(_moment: Moment, services: Sequence[str]) -> Decision:
    """Smoke tests that pass, but for one that matters little."""
    one = Result(
        name="headers",
        requirements=("NET-07",),
        critical=False,
        passed=False,
        seconds=0.1,
        asked="GET /",
        came="without x-frame-options",
        allowed="all",
        advice="Look.",
    )
    good = [
        Result(
            name=f"health {name}",
            requirements=("SMOKE-01",),
            critical=is_critical,
            passed=True,
            seconds=0.1,
            asked="GET /health",
            came="status 200",
        )
        for is_critical in (True, False)
        for name in (*services, *map(str, range(10)))
    ]
    return judged([*good, one], is_live=True)


@cache
def entries_of(kind: str) -> tuple[Entry, ...]:
    """The journal of a cutover that is done, was rolled back, or was asked about."""
    made, plan = cloud(("api",)), cutover(("api",), weights=(25, 100))
    if kind == "rolled back":
        made.watch.errors["api"] = lambda sides: 0.03 if sides.share > 25 else 0.001
    with TemporaryDirectory() as folder:
        kept = store(Path(folder))

        journal, answered = Journal(plan.target, kept), set[int]()

        def answer() -> None:
            last = journal.latest("step.note")
            if last is None or last.data.get("kind") != "ask":
                return
            for question in Noted.model_validate(last.data).questions.values():
                if question.number not in answered:
                    answered.add(question.number)
                    give_answer(
                        kept,
                        plan.target,
                        Owner(operator="ben", host="there", process=2, machine=""),
                        run=last.run,
                        number=question.number,
                        answer=Answer.GO_ON,
                        clock=made.clock.utc,
                    )

        if kind == "asked":
            made.clock.slept, made.watch.changed = answer, _hot
        ended = carry_out(plan, made, setting(made.clock, kept), Hooks(smoke=smoke))
        wanted = Outcome.ROLLED_BACK if kind == "rolled back" else Outcome.DONE
        assert ended.outcome is wanted, ended
        return tuple(standing(readable(kept, plan.target)).entries)


@pytest.mark.parametrize("kind", ["done", "rolled back", "asked"])
def test_the_page_needs_nothing_else(kind: str) -> None:
    """No script, no file, no address elsewhere; every link leads to a place on it."""
    text = page(entries_of(kind))
    read = Page.of(text)
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert "src" not in {name for _, names in read.tags for name in names}
    assert "url(" not in text
    assert "@import" not in text
    assert {link[0] for link in read.links} == {"#"}
    assert {link[1:] for link in read.links} <= {*read.ids}
    assert len(read.ids) == len(set(read.ids))


def test_a_rollback_is_told_to_who_was_not_there() -> None:
    """What, who, when, how it ended and why; the times against their bound; the citations."""
    text = Page.of(page(entries_of("rolled back"))).text
    assert "ana started to move api in staging on" in text
    assert "It went back at api 100 %: api had" in text
    assert "requests that fail" in text
    assert "(ROLL-07); the old side was verified 0.0 s later." in text
    assert "0.0 s of the bound of" in text
    assert "and under 15 min" in text
    assert "Decided to roll back (api 100 %)" in text
    assert "an error rate above 1%, P99 latency above 300% of baseline" in text
    assert "without x-frame-options" in text
    assert "limit 1 (ROLL-07 error_rate_above_percent)" in text


def test_a_rollback_beyond_its_bound_is_told_as_one() -> None:
    """In its first sentence, and where its times stand; the bound by its parts."""
    late: list[Entry] = []
    for entry in entries_of("rolled back"):
        is_verified = entry.kind == "step.done" and entry.data["step"] == VERIFIED
        data = {**entry.data, "seconds": 1200} if is_verified else entry.data
        late.append(entry.model_copy(update={"data": data}))
    text = Page.of(page(_chained(late))).text
    assert "the old side was verified 20 min later, beyond its bound of 9 min 30 s" in text
    assert "It took longer than its bound of 9 min 30 s: 20 min ROLL-01 ." in text
    assert "sum of: 1 min 30 s (taking over from a controller that died); 30 s (api: set" in text


def test_each_decision_stands_on_it_with_its_values() -> None:
    """All of the journal's decisions, each gate of each with what was found."""
    entries = entries_of("rolled back")
    decided = [
        entry.data for entry in entries if entry.kind == "step.note" and "sequence" in entry.data
    ]
    read = Page.of(page(entries))
    assert {f"d{place}" for place in range(len(decided))} <= {*read.ids}
    for data in decided:
        for reason in cast("list[dict[str, JsonValue]]", data["reasons"]):
            assert str(reason["gate"]).partition(" (")[0].removeprefix("smoke: ") in read.text


def test_a_question_stands_with_its_answer() -> None:
    """Who was asked about what, and who said what."""
    text = Page.of(page(entries_of("asked"))).text
    assert "Questions and answers" in text
    assert "go on by ben" in text
    assert "api/cpu did not, and a person went on; the others passed." in text


def test_a_run_is_drawn_however_far_it_is() -> None:
    """Stopped after any of its entries, the page says that it is not over."""
    entries = entries_of("rolled back")
    for count in range(1, len(entries), 3):
        text = Page.of(page(entries[:count])).text
        assert "This cutover is not over" in text, count
    assert "This cutover is not over" not in Page.of(page(entries)).text
    assert "holds no entry" in Page.of(page([])).text


def test_what_was_seen_again_after_a_stop_stays_drawn() -> None:
    """A run that went on finds its first weights set: they were set before, and are drawn."""
    entries = list(entries_of("done"))
    place = next(
        place
        for place, entry in enumerate(entries)
        if entry.kind == "step.done" and entry.data["step"] == "api weight 25"
    )
    seen = entries[place].model_copy(
        update={"kind": "step.found-done", "data": {"step": "api weight 25"}}
    )
    whole = told(_chained(entries))
    again = told(_chained([*entries[: place + 1], seen, *entries[place + 1 :]]))
    assert again.weights == whole.weights
    assert [point for _, point in whole.weights["api"]] == [25.0, 100.0]
    assert next(did for did in again.steps if did.step == "api weight 25").state == "done"


def test_a_broken_journal_is_said() -> None:
    """An entry that was changed, and one that is missing; the rest is told all the same."""
    entries = entries_of("done")
    changed = entries[5].model_copy(update={"by": "eve"})
    text = Page.of(page([*entries[:5], changed, *entries[6:]])).text
    assert "entry 6 was changed" in text
    text = Page.of(page([*entries[:5], *entries[6:]])).text
    assert "entry 7 does not follow entry 5" in text
    senseless = entries[0].model_copy(update={"data": {"command": "cutover run"}})
    assert "does not say where the cutover stands" in Page.of(page([senseless])).text


@settings(max_examples=10, deadline=None)
@given(said=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)))
def test_what_the_journal_holds_is_text_and_nothing_else(said: str) -> None:
    """Whatever people and products said: no tag and no attribute comes of it."""
    entries = _chained([_saying(entry, said) for entry in entries_of("rolled back")])
    hostile = Page.of(page(entries))
    assert {*hostile.tags} <= _usual()
    assert all(link.startswith("#") for link in hostile.links)


def test_it_is_written_whole(tmp_path: Path) -> None:
    """In place of the one before."""
    path = tmp_path / "cutover.html"
    path.write_text("before")
    write_report(path, entries_of("done"))
    assert path.read_text().startswith("<!doctype html>")


def _hot(seen: Observations, _stage: Stage) -> Observations:
    """As it is, but the new side's processors have more to do than MON-09 has it."""
    cpu = seen.new.get("api/cpu")
    hot = {"api/cpu": replace(cpu, value=tuple(82.0 for _ in cpu.at))} if cpu else {}
    return replace(seen, new={**seen.new, **hot} if isinstance(cpu, Levels) else seen.new)


@cache
def _usual() -> frozenset[tuple[str, tuple[str, ...]]]:
    """The tags of pages of harmless journals, with their attributes."""
    pages = [page(entries_of(kind)) for kind in ("done", "rolled back", "asked")]
    # One with a broken chain, and one that is not over, have their notices.
    pages += [page(entries_of("done")[::2]), page(entries_of("rolled back")[:20])]
    return frozenset(tag for text in pages for tag in Page.of(text).tags)


def _saying(entry: Entry, said: str) -> Entry:
    return entry.model_copy(update={"data": _said(entry.data, said), "by": said or "x"})


def _said(value: object, said: str, key: str = "") -> JsonValue:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {name: _said(item, said, name) for name, item in items}
    if isinstance(value, list):
        return [_said(item, said, key) for item in cast("list[object]", value)]
    if isinstance(value, str) and key in _TOLD:
        return said
    return cast("JsonValue", value)


def _chained(entries: Sequence[Entry]) -> list[Entry]:
    """`entries` with hashes that are right, as somebody who writes the journal would have them."""
    found: list[Entry] = []
    for entry in entries:
        previous = found[-1].hash if found else GENESIS
        linked = entry.model_copy(update={"previous": previous})
        found.append(
            linked.model_copy(update={"hash": digest(linked.model_dump(exclude={"hash"}))})
        )
    return found
