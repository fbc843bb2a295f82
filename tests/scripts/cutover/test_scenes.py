"""Decisions, gates and plans are, word for word, those that were reviewed."""

import pytest

from tests.scripts.cutover.scenes import reviewed, section, sections


@pytest.mark.parametrize("name", sections())
def test_every_scene_is_as_it_was(name: str) -> None:
    """`python -m tests.scripts.cutover.scenes` writes them anew, for review."""
    assert section(name).rstrip("\n").splitlines() == reviewed()[name].splitlines()


def test_nothing_is_reviewed_that_is_no_more() -> None:
    """The file holds each section once."""
    assert list(reviewed()) == list(sections())
