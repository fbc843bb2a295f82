"""Rule files of Prometheus are read as they are, and what is none is refused, not guessed."""

import pytest

from plan.values import Unknown
from policies.nodes import Node
from policies.outcomes import UnknownValueError, WrongTypeError
from policies.prometheus import read, rules_of

RULES = """
groups:
- name: a
  rules:
  - record: job:requests:rate1m
    expr: sum by (job) (rate(requests_count[1m]))
  - alert: Down
    expr: up == 0
    labels: {severity: critical, level: 1}
- name: b
"""


def test_rules_of_all_groups_are_found() -> None:
    """Recorded or told of, with labels as text."""
    recorded, told = rules_of(Node({"data": RULES}))
    assert (recorded.name, recorded.is_alert, recorded.labels) == ("job:requests:rate1m", False, {})
    assert (told.name, told.is_alert) == ("Down", True)
    assert told.labels == {"severity": "critical", "level": "1"}
    assert told.expression == "up == 0"


def test_words_are_looked_for_in_name_and_expression() -> None:
    """All of them, in whatever case."""
    (recorded, _) = rules_of(Node({"data": RULES}))
    assert recorded.looks_at(["RATE(", "job:requests"])
    assert not recorded.looks_at(["rate(", "p95"])


@pytest.mark.parametrize(
    "text", ["groups: [", "- a\n- b", "just words", "a: &x [*x]", "\x00", "[" * 5000]
)
def test_what_is_no_rule_file_is_refused_or_empty(text: str) -> None:
    """Broken, hostile or another thing: never an exception of the parser."""
    try:
        assert rules_of(Node({"data": text})) == []
    except WrongTypeError as wrong:
        assert "YAML" in str(wrong)  # noqa: PT017 - either is right


@pytest.mark.parametrize("text", ["", "groups:", "groups: {}", "groups: [null, 1]"])
def test_nothing_holds_no_rules(text: str) -> None:
    """An empty namespace is one without rules."""
    assert rules_of(Node({"data": text})) == []


def test_too_long_a_text_is_not_read() -> None:
    """AWS would not take it either."""
    assert read("a: b\n" * 300_000) is None


def test_rules_known_after_an_apply_are_not_guessed() -> None:
    """Whoever reads them learns that they are not known."""
    with pytest.raises(UnknownValueError):
        rules_of(Node({"data": Unknown()}))
