"""Patterns for names and ARNs."""

import pytest

from policies.patterns import fits


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("arn:aws:rds:eu-central-1:1:db:api", "arn:aws:rds:*:*:db:*"),
        ("api", "api"),
        ("api", "a?i"),
        ("api", "*"),
        ("a[p]i", "a[p]i"),
        ("a" * 2047, "a" * 2047 + "*"),
    ],
)
def test_a_pattern_takes_stars_and_question_marks(text: str, pattern: str) -> None:
    """As AWS reads it."""
    assert fits(text, pattern)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("api", "API"),
        ("api", "a?"),
        ("api", "a[p]i"),
        ("api", ""),
        ("arn:aws:rds:eu-central-1:1:db:api", "arn:aws:rds:*:*:cluster:*"),
        ("a", "a" + "*" * 2048),
    ],
)
def test_anything_else_does_not_match(text: str, pattern: str) -> None:
    """A bracket stands for itself, and what is longer than an ARN fits none."""
    assert not fits(text, pattern)
