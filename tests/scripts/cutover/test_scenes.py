"""Decisions are, word for word, those that were reviewed."""

from tests.scripts.cutover.scenes import FILE, scenes


def test_every_scene_is_decided_as_it_was() -> None:
    """`python -m tests.scripts.cutover.scenes` writes them anew, for review."""
    assert FILE.read_text(encoding="utf-8").splitlines() == "\n".join(scenes()).splitlines()
