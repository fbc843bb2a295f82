"""Statements of policy documents, and the wildcards in them."""

import pytest

from plan.values import UNKNOWN
from policies.nodes import Node
from policies.outcomes import UnknownValueError, WrongTypeError
from policies.statements import any_text, is_anything, statements


def test_a_document_without_statements_is_none() -> None:
    """It names where they should stand; an empty document has none."""
    assert statements(Node({}), "Allow") == []
    with pytest.raises(WrongTypeError) as caught:
        statements(Node({"policy": {"Version": "2012-10-17"}}).node("policy"), "Allow")
    assert str(caught.value) == "policy.Statement should be a list of statements, not null"


def test_a_document_is_a_json_object() -> None:
    """A list of JSON is another thing, and the error says what stands there."""
    with pytest.raises(WrongTypeError) as caught:
        Node({"policy": "[1]"}).document("policy")
    assert str(caught.value) == "policy should be a JSON object, not list"


def test_a_known_text_decides_before_an_unknown_one() -> None:
    """The unknown one matters where no other is as wanted."""
    both = Node({"x": [UNKNOWN, "*"]}).each("x")
    assert any_text(both, is_anything)
    with pytest.raises(UnknownValueError):
        any_text(both, lambda text: text == "other")


@pytest.mark.parametrize(("pattern", "expected"), [("*", True), ("*:*", True), ("", False)])
def test_anything_is_made_of_wildcards(pattern: str, *, expected: bool) -> None:
    """A letter, of whatever case, is not anything."""
    assert is_anything(pattern) is expected
    assert not is_anything(f"{pattern}X")
