"""Tests of the file that declares a change: what is wrong with it is told before anything runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.cutover.database.change import ChangeError, Class, read_change

GOOD: dict[str, Any] = {
    "name": "orders-status",
    "class": "additive",
    "from": "base1",
    "to": "next1",
    "migrations": {"config": "alembic.ini"},
}
LOSES = {"tables": ["orders"], "atMostRows": 10, "why": "no room"}


def written(folder: Path, **more: object) -> Path:
    """The file."""
    path = folder / "change.yaml"
    content = {key: value for key, value in {**GOOD, **more}.items() if value is not None}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_read(tmp_path: Path) -> None:
    """A change is read with its class and its limits; another one has another hash."""
    change = read_change(written(tmp_path))
    assert change.kind is Class.ADDITIVE
    assert change.limits.lock_timeout_seconds == 2
    assert not change.is_restored
    other = read_change(written(tmp_path, limits={"lockTimeoutSeconds": 1}))
    assert len({change.hash, other.hash}) == 2
    assert read_change(written(tmp_path, **{"class": "breaking", "loses": LOSES})).is_restored


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"class": None}, "class: Field required"),
        ({"class": "harmless"}, "class: Input should be 'additive', 'data' or 'breaking'"),
        ({"to": "base1"}, "from and to are the same revision"),
        ({"class": "breaking"}, "a breaking change says either contract"),
        ({"class": "breaking", "contract": "a", "loses": LOSES}, "says either contract"),
        ({"contract": "after"}, "contract and loses are of breaking changes"),
        ({"class": "breaking", "contract": "next1"}, "contract is a revision after `to`"),
        ({"limits": {"lockTimeoutSeconds": 0}}, "lockTimeoutSeconds: Input should be greater"),
        ({"limits": {"lockTimeoutSeconds": 3600}}, "Input should be less than or equal to 30"),
        ({"typo": 1}, "typo: Extra inputs are not permitted"),
        ({"from": "a; DROP TABLE b"}, "from: String should match pattern"),
        ({"allow": [{"rule": "unbatched-write", "on": "t", "reason": ""}]}, "at least 1 character"),
    ],
)
def test_refused(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    """What cannot be carried out is refused with file, key and reason."""
    path = written(tmp_path, **more)
    with pytest.raises(ChangeError) as refused:
        read_change(path)
    assert why in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")


def test_unreadable(tmp_path: Path) -> None:
    """A file that is not there, or is no YAML, is named."""
    with pytest.raises(ChangeError, match=r"none\.yaml: cannot be read: No such file"):
        read_change(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(ChangeError, match=r"bad\.yaml: cannot be read"):
        read_change(tmp_path / "bad.yaml")
