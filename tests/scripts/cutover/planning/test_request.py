"""A cutover as journals and plan files keep it."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.cutover.planning.request import RequestError, read
from scripts.cutover.planning.saved import save, saved
from scripts.runs.canonical import canonical, parse
from tests.scripts.cutover.cloud import cutover

ONE = cutover(("api",))


def test_a_cutover_is_the_same_when_it_is_read_back() -> None:
    """With all that it is judged by, so that whoever goes on with it does the same."""
    written = canonical(ONE.inputs)
    again = read(parse(written))
    assert again == ONE
    assert canonical(again.inputs) == written


def test_what_has_no_order_is_written_in_one() -> None:
    """Or the same plan would have another hash in another process."""
    many = replace(ONE, alarms=frozenset({"d", "a", "c", "b"}))
    assert many.inputs["alarms"] == ["a", "b", "c", "d"]


def test_a_saved_plan_is_read_back_with_its_hash(tmp_path: Path) -> None:
    """Written whole; anything else is refused."""
    path = tmp_path / "plan.json"
    save(path, ONE, "a" * 64)
    assert saved(path) == (ONE, "a" * 64)
    path.write_bytes(path.read_bytes().replace(b'"api"', b'"spi"', 1)[:-20])
    with pytest.raises(RequestError, match="holds no plan of a cutover"):
        saved(path)
    with pytest.raises(RequestError, match="No such file"):
        saved(tmp_path / "none.json")


def test_what_is_no_cutover_is_refused_by_its_place() -> None:
    """As of a journal that another program wrote."""
    with pytest.raises(RequestError, match=r"no plan of a cutover: settings\.poll: "):
        read({**ONE.inputs, "settings": {"poll": "often"}})
