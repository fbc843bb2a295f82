"""The requirements are complete, well formed and found by id."""

import re
import tomllib
from collections import Counter, defaultdict
from itertools import accumulate, chain

import pytest

from standards import (
    Kind,
    Requirement,
    Tier,
    UnknownRequirementError,
    figure,
    requirement,
    requirements,
)
from standards.catalogue import FOLDER

KEYS = {
    *("id", "title", "text", "values", "sources"),
    *("kind", "also", "environments", "conflicts"),
}
ENTRIES = {
    path.stem.upper(): tomllib.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.toml"))
}


def test_there_are_307_requirements_with_202_figures() -> None:
    """Nothing of the five documents is lost: the counts that the README states hold."""
    found = requirements()
    assert len(found) == 307
    assert sum(len(entry.values) for entry in found.values()) == 202
    assert sum(bool(entry.values) for entry in found.values()) == 101
    assert sum(entry.conflicts is not None for entry in found.values()) == 63


def test_ids_are_unique_and_numbered_within_their_file() -> None:
    """A theme's file holds its own ids alone, numbered from 1 in order."""
    for theme, document in ENTRIES.items():
        ids = [entry["id"] for entry in document["requirement"]]
        assert ids == [f"{theme}-{number:02}" for number in range(1, len(ids) + 1)]


def test_entries_have_no_unknown_key() -> None:
    """A mistyped key cannot pass for a missing one."""
    for document in ENTRIES.values():
        assert set(document) == {"requirement"}
        assert all(set(entry) <= KEYS for entry in document["requirement"])


@pytest.mark.parametrize("entry", requirements().values(), ids=lambda found: found.id)
def test_a_requirement_says_what_where_and_from_whom(entry: Requirement) -> None:
    """Sentence, environments and sources are there, without repetition."""
    assert entry.title
    assert entry.text.endswith(".")
    assert entry.environments == tuple(tier for tier in Tier if tier in entry.environments)
    assert entry.environments
    assert entry.kind not in entry.also
    assert len(set(entry.also)) == len(entry.also)
    assert entry.sources
    assert len(set(entry.sources)) == len(entry.sources)
    assert all(isinstance(amount, int | float) for amount in entry.values.values())
    assert not any(isinstance(amount, bool) for amount in entry.values.values())


def test_coverage_is_the_sources_turned_round() -> None:
    """Each heading names the requirements that cite it; a group, those below it too."""
    path = FOLDER.parent / "coverage.toml"
    coverage: dict[str, dict[str, list[str]]] = tomllib.loads(path.read_text("utf-8"))["coverage"]
    cited: defaultdict[str, set[str]] = defaultdict(set)
    for entry in requirements().values():
        for source in entry.sources:
            cited[source].add(entry.id)
    headings = {
        f"{document} {heading}": set(identifiers)
        for document, sections in coverage.items()
        for heading, identifiers in sections.items()
    }
    assert len(headings) == 193
    assert set(cited) <= set(headings)
    assert set(chain.from_iterable(headings.values())) == set(requirements())
    names = list(headings)
    for number, name in enumerate(names):
        below = (headings[other] for other in names[number + 1 :])
        groups = accumulate(below, lambda union, more: union | more, initial=cited[name])
        assert headings[name] in groups, name


def test_the_readme_counts_what_is_there() -> None:
    """The README's tables of kinds, themes and documents are those of the files."""
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    main = Counter(entry.kind for entry in requirements().values())
    every = main + Counter(chain.from_iterable(entry.also for entry in requirements().values()))
    for kind in Kind:
        assert re.search(
            rf"^\| {kind} \|.*\| {main[kind]} \| {every[kind]} \|$", readme, re.MULTILINE
        )
    for theme, document in ENTRIES.items():
        assert re.search(
            rf"^\| {theme} \|.*\| {len(document['requirement'])} \|$", readme, re.MULTILINE
        )
    cited = Counter(
        chain.from_iterable(
            {source[:3] for source in entry.sources} for entry in requirements().values()
        )
    )
    for document, count in cited.items():
        assert re.search(rf"^\| {document} \|.*\| {count} \| \d+ \|$", readme, re.MULTILINE)


def test_a_requirement_is_found_by_id() -> None:
    """One requirement is the same whether asked for by id or found among all."""
    assert all(requirement(identifier) is entry for identifier, entry in requirements().items())
    assert requirement("SCALE-01").theme == "SCALE"
    assert Kind.POLICY in requirement("SCALE-01").also


@pytest.mark.parametrize("identifier", ["SCALE-1", "scale-01", "SCALE-001", "SCALE-01-01"])
def test_an_unknown_id_names_the_closest(identifier: str) -> None:
    """A mistyped id is refused with those it may stand for."""
    with pytest.raises(UnknownRequirementError, match=r"no requirement .*; closest: .*SCALE-01"):
        requirement(identifier)


@pytest.mark.parametrize("identifier", ["", "-", "../README-1", "\0", "ZZZZZZZ"])
def test_a_hostile_id_is_unknown(identifier: str) -> None:
    """Whatever is asked for, nothing outside the standards is read."""
    with pytest.raises(UnknownRequirementError, match="no requirement"):
        requirement(identifier)


def test_an_unknown_figure_names_those_there_are() -> None:
    """A mistyped key is refused with the requirement's own."""
    with pytest.raises(UnknownRequirementError, match=r"it has: watch_minutes$"):
        figure("POST-04", "watch_hours")
    with pytest.raises(UnknownRequirementError, match=r"it has: none$"):
        figure("ENV-01", "count")
