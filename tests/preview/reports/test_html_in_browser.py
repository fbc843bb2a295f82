"""The page in a real browser: what its filter shows, offline, from a file."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from preview.reports.html import render
from tests.preview.plans import VPC, alarm, resource, verdict
from tests.preview.reports.test_html import HOSTILE, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is on the PATH")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Findings of two severities, on networks and an alarm, in a file."""
    judged = verdict(resource(VPC, "main"), resource(VPC, HOSTILE), alarm())
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render([judged], datetime(2026, 5, 4, tzinfo=UTC)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("asked", "rules"),
    [
        ("", {"alarm-actions", "vpc-default-sg-closed", "vpc-flow-logs"}),
        ("severity=medium", {"vpc-flow-logs"}),
        ("standard=cis", {"vpc-default-sg-closed", "vpc-flow-logs"}),
        ("resource=aws:ec2/vpc", {"vpc-default-sg-closed", "vpc-flow-logs"}),
        ("text=AUD-03+traffic", {"vpc-flow-logs"}),
        ("severity=high&standard=cis&resource=main", {"vpc-default-sg-closed"}),
        ("e1-findings", {"alarm-actions", "vpc-default-sg-closed", "vpc-flow-logs"}),
    ],
)
def test_the_address_filters_the_findings(page: Path, asked: str, rules: set[str]) -> None:
    """By severity, standard, resource and words, alone and together; no other hash does."""
    text = _opened(page, asked)
    articles = re.findall(r"<article class=\"finding\".*?</article>", text, re.DOTALL)
    shown = {
        re.findall(r"<code>([\w-]+)</code>", article)[0]
        for article in articles
        if not _is_hidden(article)
    }
    assert len(articles) == 3
    assert shown == rules


def test_a_resource_leaves_its_rows_alone(page: Path) -> None:
    """The other resources of a rule are hidden."""
    rows = re.findall(r"<tr data-resource=.*?>", _opened(page, "resource=main"), re.DOTALL)
    assert {"main" in row for row in rows if not _is_hidden(row)} == {True}
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("asked", "families", "ids"),
    [
        ("standard=fsbp", {"fsbp"}, {"CloudWatch.15", "CloudWatch.17", "EC2.2", "EC2.6"}),
        ("standard=cis&resource=main", {"cis"}, {"3.7", "5.5"}),
        ("standard=cis&resource=aws:cloudwatch", {"cis"}, set[str]()),
    ],
)
def test_the_controls_follow_the_filter(
    page: Path, asked: str, families: set[str], ids: set[str]
) -> None:
    """A standard leaves its own tables and rows."""
    text = _opened(page, asked)
    tables = re.findall(r"<details class=\"matrix\".*?>", text)
    named = {re.findall('data-matrix="(.*?)"', one)[0] for one in tables if not _is_hidden(one)}
    rows = re.findall(r"<tr data-control=.*?</td>", text, re.DOTALL)
    shown = {re.findall(r"<span .*?>(.*?)</span>", row)[0] for row in rows if not _is_hidden(row)}
    assert named == families
    assert shown == ids


def test_the_fields_show_what_the_address_asks_for(page: Path) -> None:
    """And how many rules are left."""
    text = _opened(page, "severity=medium")
    assert "1 of 3 rules shown" in Page(text).text


def test_a_printed_page_has_what_the_screen_folds(page: Path, tmp_path: Path) -> None:
    """The tables of controls are open on paper; Chromium makes a document of it."""
    text = page.read_text(encoding="utf-8")
    printing = tmp_path / "printing.html"
    event = "dispatchEvent(new Event('beforeprint'));</script>"
    printing.write_text(text.replace("</script>", event), encoding="utf-8")
    assert _folded(_opened(page, "")) == {"matrix": True}
    assert _folded(_opened(printing, "")) == {"matrix": False}
    printed = tmp_path / "page.pdf"
    _run(f"--print-to-pdf={printed}", page.as_uri())
    assert printed.read_bytes().startswith(b"%PDF")


def _folded(text: str) -> dict[str, bool]:
    """Whether each kind of section is folded, all of a kind alike."""
    return {
        re.findall('class="(.*?)"', each)[0]: " open" not in each
        for each in re.findall(r"<details class=\"matrix\".*?>", text)
    }


def _is_hidden(element: str) -> bool:
    return re.search(r"\shidden\b", element.partition(">")[0]) is not None


def _opened(page: Path, asked: str) -> str:
    """The page as the browser has it after its script ran."""
    return _run("--dump-dom", f"{page.as_uri()}#{asked}")


@cache
def _run(*arguments: str) -> str:
    assert BROWSER is not None
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    done = subprocess.run(  # noqa: S603 - our own page in a browser of this machine
        [BROWSER, *options, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout
