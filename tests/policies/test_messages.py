"""What people read of a finding: every sentence stands in a file, so that a change is seen."""

from tests.policies.messages import FILE, messages


def test_each_sentence_is_as_reviewed() -> None:
    """Where a sentence is meant to change, `make messages` writes the file anew for review."""
    assert messages() == FILE.read_text(encoding="utf-8")
