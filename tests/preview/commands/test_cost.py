"""`slipway cost`, as people and programs call it."""

import json
from pathlib import Path

import pytest

from plan import Plan
from plan.errors import PlanFileError
from plan.file import dumps
from preview.commands.cost import cost
from tests.preview.plans import plan, resource


def written(path: Path, declared: Plan) -> str:
    """The name of a file that holds `declared`."""
    path.write_text(dumps(declared), encoding="utf-8")
    return str(path)


def test_it_prints_what_each_part_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a plan in a file; what has no price, and what is billed by use, is told."""
    key, queue = resource("aws:kms/key:Key", "key"), resource("aws:sqs/queue:Queue", "queue")
    odd = resource("aws:quantum/computer:Computer", "odd")
    name = written(tmp_path / "plan.json", plan(key, queue, odd))
    assert cost(name) == 0
    told = capsys.readouterr().out
    assert "1 a month" in told
    assert "network  1" in told
    assert "per million requests" in told
    assert "no price of aws:quantum/computer:Computer" in told


def test_it_prints_what_a_change_adds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and as JSON, with a sign."""
    one, two = (resource("aws:kms/key:Key", name) for name in ("one", "two"))
    before = written(tmp_path / "before.json", plan(one))
    after = written(tmp_path / "after.json", plan(one, two))
    assert cost(after, against=before) == 0
    assert "network  1 → 2  +1.00" in capsys.readouterr().out
    assert cost(before, against=before) == 0
    assert "in all  the same" in capsys.readouterr().out
    assert cost(after, against=before, as_json=True) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert change["after"] == {"least": 2.0, "most": 2.0}


def test_a_file_that_holds_no_plan_is_refused(tmp_path: Path) -> None:
    """As every command that reads plans does."""
    path = tmp_path / "empty.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(PlanFileError):
        cost(str(path))
