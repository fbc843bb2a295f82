"""Tests of the one form that records are written in."""

from contextlib import suppress

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretBytes, SecretStr

from scripts.cutover.judgement.decisions import Kind
from scripts.runs.canonical import (
    Json,
    NotCanonicalError,
    SecretRefusedError,
    canonical,
    digest,
    parse,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | st.text("abc xyz é\n"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc"), JSON, max_size=4))
def test_what_is_written_can_be_read_again(value: dict[str, Json]) -> None:
    """And is the same, in the same form."""
    written = canonical(value)
    assert parse(written) == value
    assert canonical(parse(written)) == written


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.floats(-(2**53) + 1, 2**53 - 1)
        | st.floats(-1e-3, 1e-3)
        | st.sampled_from([-0.0, 1e-4, 1e-5, 1e-6, 1e-7, 5e-324, Kind.HOLD])
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
@settings(max_examples=300)
def test_the_form_is_that_of_rfc_8785(value: Json) -> None:
    """Whatever is quicker writes the very same."""
    with suppress(SecretRefusedError):
        assert canonical(value) == rfc8785.dumps(value)  # pyright: ignore[reportArgumentType] - it takes no abstract types


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {1, 2}}, {"a": b"b"}, {"a": "\ud800"}, object()])
def test_what_is_not_json_is_refused(value: Json) -> None:
    """Nothing is turned into something else to fit."""
    with pytest.raises(NotCanonicalError, match="cannot be written"):
        canonical(value)


def test_a_value_has_one_form() -> None:
    """Keys sorted, no blanks, numbers as RFC 8785 has them; so its hash is one, too."""
    assert canonical({"b": 1.0, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"b":1}'.encode()
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


@pytest.mark.parametrize(
    "text",
    [b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1}\n', b"[1]", b"{", b"",
     b'{"a":NaN}', b"\xff", b'{"a":9007199254740993}', b"[" * 100_000],
)  # fmt: skip
def test_any_other_form_is_refused(text: bytes) -> None:
    """Also what means the same: nobody can edit a record and leave it valid."""
    with pytest.raises(NotCanonicalError):
        parse(text)


@pytest.mark.parametrize("number", [2**53, -(2**53), 2.0**53, 1e300, float("nan"), float("inf")])
def test_a_number_that_could_not_be_read_again_is_refused(number: float) -> None:
    """Beyond what JSON holds exactly, whole or not: an entry with it would never verify."""
    with pytest.raises(NotCanonicalError):
        canonical({"amount": number})


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"node": {"urls": ["a", SecretStr("hidden-1")]}}, "node.urls[1] is a secret"),
        (SecretBytes(b"hidden-1"), "the value is a secret"),
        ({"key": [7] * 64}, "a Solana key pair"),
        ({"url": "https://me:hidden-1@node.example"}, "an address with a password"),
        ({"said": "-----BEGIN PRIVATE KEY-----hidden-1"}, "a private key"),
    ],
)
def test_a_secret_is_refused_without_being_told(value: Json, where: str) -> None:
    """By its mark or by its form; the message has its place or kind only."""
    with pytest.raises(SecretRefusedError) as refused:
        canonical(value)
    assert where in str(refused.value)
    assert "hidden-1" not in str(refused.value)
