"""`slipway trace` over this project: what its own stacks and rules serve."""

import json

import pytest

from preview.commands.trace import choose, trace_command, trace_project
from preview.reports import trace as reports
from scripts.serving import serving_gates, serving_steps
from standards import requirements
from tests.conftest import PROJECT


def test_every_requirement_is_traced_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments all requirements are there, with what serves them."""
    monkeypatch.chdir(PROJECT)
    assert trace_command([], as_json=True) == 0
    content = json.loads(capsys.readouterr().out)
    by_id = {entry["id"]: entry for entry in content}
    assert list(by_id) == list(requirements())
    served = {(one["by"], one["name"]) for one in by_id["DB-05"]["served_by"]}
    assert ("rule", "rds-encrypted") in served
    assert any(one["by"] == "resource" for one in by_id["SCALE-01"]["served_by"])


def test_a_sentence_is_quoted_for_an_id_and_listed_for_a_theme(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id shows its sentence, a theme a line for each of its requirements."""
    monkeypatch.chdir(PROJECT)
    trace_command(["svc-01"])
    assert "at least 2 instances in different availability zones" in capsys.readouterr().out
    trace_command(["svc"])
    listed = capsys.readouterr().out
    assert "SVC-05" in listed
    assert "availability zones" not in listed


def test_the_page_of_requirements_is_current() -> None:
    """`docs/requirements.md` says what `make docs` would write: what was lost shows as a change."""
    traced = trace_project(choose([]), PROJECT, [*serving_steps(), *serving_gates()])
    page = (PROJECT / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert page == reports.markdown(traced)
