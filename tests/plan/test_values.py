"""Property values and the paths that point into them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plan import SECRET, UNKNOWN, UNKNOWN_SECRET, Resource, Source, Value
from plan.values import Path, leaves, parse_path, path_text
from tests.plan.strategies import keys, properties

paths = st.lists(keys | st.integers(0, 10**6), max_size=5).map(tuple)


@given(paths)
@example(("",))
@example((0, "a", "b.c", 'quote"', "back\\slash", "]", "line\nbreak"))
def test_a_path_reads_back_as_written(path: Path) -> None:
    """Whatever the keys hold, the text of a path stands for it and no other."""
    assert parse_path(path_text(path)) == path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("ingress", 0, "cidrBlocks"), "ingress[0].cidrBlocks"),
        (("tags", "a.b"), 'tags["a.b"]'),
        ((0, "x"), "[0].x"),
        (("a", ""), 'a[""]'),
    ],
)
def test_paths_are_written_as_pulumi_writes_them(path: Path, text: str) -> None:
    """The syntax is that of Pulumi's property paths."""
    assert path_text(path) == text


@pytest.mark.parametrize(
    "text",
    [
        *(".", ".a", "a.", "a..b", "a.[0]", "[", "]", "a]", "[]", "a[", "a[0", "a[0]b"),
        *("a[x]", "a[-1]", "a[ 1]", "a[1_0]", "a[01]", "a[\N{ARABIC-INDIC DIGIT ONE}]"),
        *('a["x]', 'a["x"', 'a["x\\"]', 'a["x"]y', '"a"', 'a"b', "a[" + "9" * 5000 + "]"),
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """A malformed path is a ValueError that says where it goes wrong."""
    with pytest.raises(ValueError, match="is not a property path from character"):
        parse_path(text)


@given(st.text(max_size=12))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    """No text makes the parser fail in another way."""
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert parse_path(path_text(path)) == path


@given(properties)
def test_leaves_are_all_and_only_what_is_not_nested(inputs: dict[str, Value]) -> None:
    """Each leaf is where its path says, and together they rebuild what is there."""
    for path, value in leaves(inputs):
        found: Any = inputs
        for segment in path:
            found = found[segment]
        assert found is value
        assert isinstance(value, str) or not isinstance(value, Mapping | Sequence) or not value


def test_leaves_come_in_order_and_take_any_depth() -> None:
    """Objects keep the order of their keys; depth cannot exhaust the stack."""
    assert list(leaves({"b": [1, 2], "a": {}})) == [(("b", 0), 1), (("b", 1), 2), (("a",), {})]
    deep: Value = UNKNOWN
    for _ in range(5000):
        deep = [deep]
    assert [value for _, value in leaves(deep)] == [UNKNOWN]


def test_a_resource_knows_its_secret_and_unknown_paths() -> None:
    """An unknown secret is both."""
    resource = Resource(
        urn="urn:pulumi:s::p::t::n",
        type="t",
        name="n",
        inputs={"a": [UNKNOWN, 1], "b": {"c": SECRET}, "d": UNKNOWN_SECRET},
    )
    assert resource.unknowns == ("a[0]", "d")
    assert resource.secrets == ("b.c", "d")


def test_components_are_told_from_what_a_provider_manages() -> None:
    """A component and a provider have no provider; only the component groups others."""
    component = Resource(urn="urn:a", type="slipway:network:Network", name="a")
    provider = Resource(urn="urn:b", type="pulumi:providers:aws", name="b")
    bucket = Resource(urn="urn:c", type="aws:s3/bucketV2:BucketV2", name="c", provider="urn:b::id")
    assert [found.is_component for found in (component, provider, bucket)] == [True, False, False]
    assert str(Source("stacks/edge.py", 12)) == "stacks/edge.py:12"


def test_placeholders_name_themselves_and_hide_nothing_else() -> None:
    """What stands for a value shows as such in a failing test or a log."""
    assert [repr(found) for found in (UNKNOWN, UNKNOWN_SECRET, SECRET)] == [
        "UNKNOWN",
        "UNKNOWN_SECRET",
        "SECRET",
    ]
