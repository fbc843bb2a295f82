"""Reading inputs: typed, and honest about what is absent, unknown or of a wrong type."""

from collections.abc import Callable

import pytest

from plan.model import Resource
from plan.values import SECRET, UNKNOWN, Value
from policies.nodes import Node, Subject
from policies.outcomes import UnknownValueError, WrongTypeError


def node(value: Value) -> Node:
    """An object that holds `value` under `x`."""
    return Node({"x": value})


READERS: dict[str, Callable[[Node], object]] = {
    "text": lambda each: each.text("x"),
    "flag": lambda each: each.flag("x"),
    "number": lambda each: each.number("x"),
    "node": lambda each: each.node("x").names(),
    "nodes": lambda each: each.nodes("x"),
    "each": lambda each: each.each("x"),
    "texts": lambda each: each.texts("x"),
    "document": lambda each: each.document("x").names(),
    "documents": lambda each: each.documents("x"),
}


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("text", "a", "a"),
        ("text", 5, "5"),
        ("text", -1.0, "-1"),
        ("text", 0.5, "0.5"),
        ("text", True, "true"),
        ("text", False, "false"),
        ("flag", True, True),
        ("flag", "false", False),
        ("number", 5, 5),
        ("number", "-1.5", -1.5),
        ("node", {"a": 1}, ["a"]),
        ("node", [{"a": 1}], ["a"]),
        ("texts", "a", ["a"]),
        ("texts", ["a", "b"], ["a", "b"]),
        ("document", '{"a": 1}', ["a"]),
        ("document", {"a": 1}, ["a"]),
    ],
)
def test_a_value_is_read_as_what_it_should_be(reader: str, value: Value, expected: object) -> None:
    """AWS takes numbers and truth values as text, and one item for a list of one."""
    assert READERS[reader](node(value)) == expected


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("inputs", [{}, {"x": None}])
def test_absent_and_null_read_alike(reader: str, inputs: dict[str, Value]) -> None:
    """Nothing is there: no value, no items, no keys."""
    assert READERS[reader](Node(inputs)) in (None, [])


@pytest.mark.parametrize("reader", [name for name in READERS if name != "each"])
@pytest.mark.parametrize("value", [UNKNOWN, SECRET])
def test_reading_what_is_not_known_raises(reader: str, value: Value) -> None:
    """No rule compares with a value that it cannot see."""
    with pytest.raises(UnknownValueError, match=r"^x is (known after apply|secret)$"):
        READERS[reader](node(value))


WRONG: list[tuple[str, Value]] = [
    ("text", []),
    ("text", {}),
    ("flag", "True"),
    ("flag", "yes"),
    ("flag", 1),
    ("flag", ""),
    ("number", True),
    ("number", ""),
    ("number", "1_000"),
    ("number", "٣"),
    ("number", "nan"),
    ("number", float("nan")),
    ("number", float("inf")),
    ("number", 10**400),
    ("number", "9" * 400),
    ("node", "a"),
    ("node", []),
    ("node", [{}, {}]),
    ("texts", [1]),
    ("texts", {"a": "b"}),
    ("texts", [None]),
    ("document", "["),
    ("document", "[]"),
    ("document", "[" * 100_000),
    ("document", 7),
    ("documents", "{}"),
    ("documents", "[1]"),
    ("documents", "text"),
]


@pytest.mark.parametrize(("reader", "value"), WRONG)
def test_a_wrong_type_raises(reader: str, value: Value) -> None:
    """A value that AWS would refuse is no value to compare with."""
    with pytest.raises(WrongTypeError, match=r"^x.* should be "):
        READERS[reader](node(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        ("", False),
        ([], False),
        ({}, False),
        ("a", True),
        (0, True),
        (False, True),
        (UNKNOWN, True),
        (SECRET, True),
    ],
)
def test_an_unknown_value_is_set_and_an_empty_one_is_not(value: Value, expected: object) -> None:
    """That something will stand there is known before what it will be."""
    assert node(value).has("x") is expected


def test_a_text_that_is_set_is_a_text() -> None:
    """A blank text is not set, and what is no text raises."""
    assert node("a").has_text("x")
    assert node(UNKNOWN).has_text("x")
    assert not node(" ").has_text("x")
    assert not node(None).has_text("x")
    with pytest.raises(WrongTypeError):
        node(True).has_text("x")  # noqa: FBT003 - the wrong type
    assert node([UNKNOWN]).has_texts("x")
    assert node(SECRET).has_texts("x")
    assert node(["", "a"]).has_texts("x")
    assert not node([" "]).has_texts("x")
    assert not node(None).has_texts("x")
    with pytest.raises(WrongTypeError):
        node([7]).has_texts("x")


def test_nothing_is_known_of_what_an_unknown_object_holds() -> None:
    """Not even whether a key is set."""
    with pytest.raises(UnknownValueError):
        Node(UNKNOWN).has("x")
    with pytest.raises(WrongTypeError):
        Node("text").has("x")


def test_an_unknown_list_is_one_unknown_item() -> None:
    """What must hold of every item is then undecided, and what is known is still seen."""
    (item,) = node(UNKNOWN).each("x")
    with pytest.raises(UnknownValueError):
        item.as_text()
    known, unknown = node(["a", UNKNOWN]).each("x")
    assert known.as_text() == "a"
    with pytest.raises(UnknownValueError, match=r"^x\[1\] is"):
        unknown.as_text()


def test_every_place_has_a_path() -> None:
    """A violation names the input, down to the item of a list."""
    inner = Node({"a": [{"b": {}}]}).nodes("a")[0].node("b")
    assert inner.here == "a[0].b"
    assert inner.at("c.d") == 'a[0].b["c.d"]'
    assert inner.path == ("a", 0, "b")
    assert Node({"a": [{"b": 1}]}).node("a").at("b") == "a[0].b"
    assert inner.is_object
    assert not node("a").nodes("x")[0].is_object


def test_a_subject_is_the_inputs_of_a_resource_and_what_is_known_of_it() -> None:
    """A rule can ask for type, name and options, too."""
    resource = Resource(urn="urn", type="aws:s3/bucket:Bucket", name="data", inputs={"x": 1})
    subject = Subject(resource)
    assert (subject.type, subject.name, subject.number("x")) == ("aws:s3/bucket:Bucket", "data", 1)
    assert not subject.options.protect
