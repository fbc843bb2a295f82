"""A page serves a sentence while it says all that the sentence asks for."""

import re
from pathlib import Path

import pytest

from preview.documents import PROOFS, Pages, serving_pages
from preview.proofs import Proof
from standards import requirement
from tests.conftest import PROJECT

PAGES = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for path in (PROJECT / "docs").glob("**/*.md")
}

each_proof = pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.requirement)


@each_proof
def test_the_pages_say_what_is_claimed(proof: Proof[Pages]) -> None:
    """In the tiers that the sentence names."""
    assert list(proof.missing(PAGES)) == []
    assert set(proof.environments) <= set(requirement(proof.requirement).environments)


@each_proof
def test_a_page_without_a_section_does_not_serve(proof: Proof[Pages]) -> None:
    """Nor one whose section says nothing, nor one that is gone."""
    page = PAGES[proof.name]
    sections = re.findall(r"^## .+$", page, re.MULTILINE)
    assert sections
    for section in sections:
        without = page.replace(section, "### Elsewhere")
        assert list(proof.missing({**PAGES, proof.name: without}))
        before, _, after = page.partition(section)
        _, following, rest = after.partition("\n## ")
        hollow = f"{before}{section}\nSee elsewhere.\n{following}{rest}"
        assert list(proof.missing({**PAGES, proof.name: hollow}))
    assert list(proof.missing({}))


def test_the_order_of_the_steps_counts() -> None:
    """Scaling before the bottleneck is known is another procedure."""
    (proof,) = (each for each in PROOFS if each.requirement == "INC-08")
    first, second = "## 1. Find the bottleneck", "## 2. Scale the component"
    page = (
        PAGES[proof.name].replace(first, "##").replace(second, first).replace("##\n", f"{second}\n")
    )
    assert list(proof.missing({**PAGES, proof.name: page}))


def test_a_project_without_pages_is_served_by_none(tmp_path: Path) -> None:
    """There is nothing to read."""
    assert serving_pages(tmp_path) == []
