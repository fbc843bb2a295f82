"""What an environment's file may say of how its traffic moves."""

from pathlib import Path

import pytest

from environments import ConfigurationError, load
from tests.environments.records import changed, content_of, write


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("weights", [5, 25], "weights 5, 25 do not rise to 100"),
        ("weights", [25, 5, 100], "do not rise to 100"),
        ("weights", [0, 100], "greater than or equal to 1"),
        ("pollSeconds", 120, "less than or equal to 60"),
        ("bakeSeconds", 3600, "do not rise"),
        ("startingSeconds", 600, "600 is above 180, the most allowed (SVC-02)"),
        ("order", ["web"], "cutover.order: web is none of services"),
        ("watch", {"proofs": ["web"]}, "cutover.watch.proofs: web is none of services"),
        (
            "freezes",
            [{"from": "2026-12-24T00:00:00Z", "until": "2026-12-20T00:00:00Z", "why": "rest"}],
            "is not after from",
        ),
        (
            "freezes",
            [{"from": "2026-12-20T00:00:00", "until": "2026-12-24T00:00:00Z", "why": "rest"}],
            "timezone",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, key: str, value: object, said: str) -> None:
    """With the key, and what is allowed."""
    write(tmp_path, "staging", changed(content_of("staging"), f"cutover.{key}", value))
    with pytest.raises(ConfigurationError, match=r"Pulumi\.staging\.yaml: ") as refused:
        load("staging", tmp_path)
    assert said in str(refused.value)
