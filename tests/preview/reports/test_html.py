"""Tests of the report as a page."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Final

from plan import SECRET, UNKNOWN, Cited
from policies.judgement import RuleError, Undecided
from preview.reports.html import render, sentences
from preview.verdict import Verdict
from standards import requirement
from tests.preview.plans import SUBNET, TODAY, VPC, alarm, resource, verdict, waiver

NOW: Final = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
HOSTILE: Final = "<script>alert('1')</script>\"&"
_VOID: Final = {"meta", "input", "br", "link"}


class Page(HTMLParser):
    """A page that was read: its elements, whether they close in order, its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element; it stays open until its end."""
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """End the element that was opened last: no other may end here."""
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.texts.append(data)

    def count(self, tag: str) -> int:
        """How many elements of this name there are."""
        return sum(each == tag for each, _ in self.elements)

    @property
    def text(self) -> str:
        """All text, whatever its gaps."""
        return " ".join(" ".join(self.texts).split())


def full() -> Verdict:
    """A verdict with everything that a page can show."""
    judged = verdict(
        resource(VPC, "vpc", protect=True),
        resource(SUBNET, HOSTILE, {"x": SECRET, "y": UNKNOWN}),
        alarm(),
    )
    rule = judged.judgement.findings[0].rule
    judged.judgement.errors.append(RuleError(rule=rule, resource=alarm(), message=HOSTILE))
    judged.judgement.not_evaluated.extend(
        Undecided(rule=rule, resource=resource(VPC, name), reason=HOSTILE) for name in "ab"
    )
    accepted = waiver("alarm-actions", alarm())
    unused = waiver("vpc-flow-logs", resource(VPC, "gone"))
    return judged.with_waivers([accepted, unused], TODAY)


def test_the_page_is_well_formed() -> None:
    """Every element closes, in order, with one or several environments."""
    for verdicts in ([full()], [full(), verdict()], [verdict()]):
        page = Page(render(verdicts, NOW))
        assert page.open == []
        assert page.count("h1") == len(verdicts)


def test_the_page_needs_nothing_else() -> None:
    """No address is loaded, and the page itself forbids it."""
    text = render([full()], NOW)
    page = Page(text)
    loaded = [
        value
        for _, attributes in page.elements
        for key, value in attributes.items()
        if key in {"src", "href"} and not str(value).startswith("#")
    ]
    assert loaded == []
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


def test_a_hostile_name_stays_text() -> None:
    """Markup in names, messages and reasons is shown, never run."""
    text = render([full()], NOW)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert Page(text).count("script") == 1


def test_a_finding_has_all_that_a_reviewer_asks_for() -> None:
    """Severity, level, sentence of the standard, controls, resource, line, remedy."""
    page = Page(render([verdict(resource(VPC, "main"))], NOW))
    assert requirement("AUD-03").text in page.text
    for said in (
        "medium",
        "mandatory",
        "CIS 3.7",
        "FSBP EC2.6",
        "Checkov CKV2_AWS_11",
        "no flow log records the traffic of this VPC",
        "stacks/network.py:7",
        "What to do",
    ):
        assert said in page.text
    articles = [attributes for tag, attributes in page.elements if tag == "article"]
    assert {
        "class": "finding",
        "data-severity": "medium",
        "data-standards": "requirement fsbp cis checkov ",
    } in articles


def test_every_control_has_a_label() -> None:
    """Each field of the filters stands in a label, each section names its heading."""
    page = Page(render([full()], NOW))
    fields = page.count("input") + page.count("select")
    assert fields == page.count("label")
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    named = {
        attributes["aria-labelledby"]
        for _, attributes in page.elements
        if "aria-labelledby" in attributes
    }
    assert named <= ids
    assert ("html", {"lang": "en"}) in page.elements


def test_a_sentence_leads_to_the_settings_built_from_it() -> None:
    """Its numbers are marked, and each value stands below the number that it came from."""
    (sentence,) = sentences(verdict(alarm()))
    assert "above <mark>70</mark>% for <mark>10</mark> minutes" in sentence.text
    assert "more than 100 jobs" in sentence.text
    assert [(each.key, each.amount, len(each.uses)) for each in sentence.figures] == [
        ("cpu_above_percent", 70, 1),
        ("cpu_window_minutes", 10, 1),
    ]
    page = Page(render([verdict(alarm())], NOW))
    assert "threshold 70 ← SCALE-01" in page.text


def test_a_number_inside_another_is_not_marked() -> None:
    """A figure of 10 does not mark the start of 100."""
    cited = Cited("evaluationPeriods", "SCALE-01", "cpu_window_minutes")
    (sentence,) = sentences(verdict(replace(alarm(), figures=(cited,))))
    assert sentence.text.count("<mark>") == 1


def test_values_that_must_not_or_cannot_be_shown_are_words() -> None:
    """In the inputs of a resource, too."""
    text = render([full()], NOW)
    assert "&#34;x&#34;: &#34;[secret]&#34;" in text
    assert "&#34;y&#34;: &#34;known after apply&#34;" in text


def test_waivers_are_shown_with_their_people_and_their_end() -> None:
    """And those to correct, with what to do."""
    page = Page(render([full()], NOW))
    assert "ada@example.com grace@example.com 2026-07-03" in page.text
    assert "covers nothing" in page.text
    assert "1 waiver has to be corrected" in page.text


def test_a_clear_run_says_what_was_checked() -> None:
    """No finding is a result, not an empty page."""
    page = Page(render([verdict()], NOW))
    assert "✓ Clear" in page.text
    assert "None: 0 checks by 0 rules found nothing wrong." in page.text


def test_the_page_says_when_it_was_made() -> None:
    """A printed page has no other date."""
    page = Page(render([verdict()], NOW))
    assert "4 May 2026, 12:30 UTC" in page.text
    assert ("time", {"datetime": "2026-05-04T12:30:00+00:00"}) in page.elements


def test_several_environments_have_a_way_to_each() -> None:
    """Each link leads to a section of the page."""
    page = Page(render([full(), replace(verdict(), title="staging")], NOW))
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert links == {"#e1", "#e2"}
    ids = {attributes.get("id") for tag, attributes in page.elements if tag == "section"}
    assert {"e1", "e2"} <= ids


def test_a_deep_tree_closes_every_level() -> None:
    """Hundreds of levels are neither too deep for the template nor left open."""
    chain = [resource(VPC, "0")]
    for depth in range(1, 400):
        chain.append(resource(VPC, str(depth), parent=chain[-1]))
    assert Page(render([verdict(*chain)], NOW)).open == []
