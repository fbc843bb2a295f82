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


WRONG: list[tuple[str, Value, str]] = [
    ("has_text", True, "x should be text, not bool"),
    ("has_texts", [7], "x[0] should be text, not int"),
    ("text", [], "x should be text, not list"),
    ("text", {}, "x should be text, not dict"),
    ("flag", "True", "x should be true or false, not str"),
    ("flag", "yes", "x should be true or false, not str"),
    ("flag", 1, "x should be true or false, not int"),
    ("flag", "", "x should be true or false, not str"),
    ("number", True, "x should be a number, not bool"),
    ("number", "", "x should be a number, not str"),
    ("number", "1_000", "x should be a number, not str"),
    ("number", "٣", "x should be a number, not str"),
    ("number", "nan", "x should be a number, not str"),
    ("number", float("nan"), "x should be a number, not float"),
    ("number", float("inf"), "x should be a number, not float"),
    ("number", 2**53 + 1, "x should be a number, not int"),
    ("number", 10**400, "x should be a number, not int"),
    ("number", "9" * 400, "x should be a number, not str"),
    ("node", "a", "x should be an object, not str"),
    ("node", ["a"], "x[0] should be an object, not str"),
    ("node", [], "x should be an object, not list"),
    ("node", [{}, {}], "x should be an object, not list"),
    ("texts", [1], "x[0] should be text, not int"),
    ("texts", {"a": "b"}, "x should be text, not dict"),
    ("texts", [None], "x[0] should be text, not null"),
    ("names", "a", "x[0] should be an object, not str"),
    ("document", "[", "x should be a JSON document, not str"),
    ("document", "[]", "x should be a JSON object, not list"),
    ("document", "[" * 100_000, "x should be a JSON document, not str"),
    ("document", 7, "x should be a JSON object, not int"),
    ("documents", "{}", "x should be a JSON list, not dict"),
    ("documents", '"text"', "x should be a JSON list, not str"),
    ("documents", "[{}, 1]", "x[1] should be an object, not int"),
    ("documents", "text", "x should be a JSON document, not str"),
]


@pytest.mark.parametrize(("reader", "value", "sentence"), WRONG)
def test_a_wrong_type_raises(reader: str, value: Value, sentence: str) -> None:
    """A value that AWS would refuse is no value to compare with; the sentence says what is."""
    readers: dict[str, Callable[[Node], object]] = {
        **READERS,
        "has_text": lambda each: each.has_text("x"),
        "has_texts": lambda each: each.has_texts("x"),
        "names": lambda each: each.nodes("x")[0].names(),
    }
    value = [value] if reader == "names" else value
    with pytest.raises(WrongTypeError) as raised:
        readers[reader](node(value))
    assert str(raised.value) == sentence


@pytest.mark.parametrize(("value", "what"), [(UNKNOWN, "known after apply"), (SECRET, "secret")])
def test_why_a_value_cannot_be_read_is_said(value: Value, what: str) -> None:
    """Whoever reads that a rule was not evaluated learns whether an apply will change that."""
    for reads in (
        lambda: node(value).text("x"),
        lambda: node([value]).texts("x"),
        node([value]).nodes("x")[0].names,
        node(value).each("x")[0].as_text,
    ):
        with pytest.raises(UnknownValueError, match=rf"^x(\[0\])? is {what}$"):
            reads()


def test_the_largest_number_is_one_that_json_keeps() -> None:
    """Beyond it two numbers may read alike."""
    assert node(2**53).number("x") == 2**53


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
