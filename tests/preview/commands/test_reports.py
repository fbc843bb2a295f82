"""Tests of the files that `preview` and `check` write beside what they print."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plan.file import dumps
from tests.preview.commands.run import slipway
from tests.preview.plans import VPC, alarm, plan, resource

FILES = ("--sarif", "r/a.sarif", "--junit", "r/a.xml", "--matrix", "r/a.csv")


def test_a_preview_writes_what_it_is_asked_for(project: Path) -> None:
    """In folders that it makes, for all environments in one run; stdout is as ever."""
    run = slipway("preview", "production", "staging", *FILES)
    assert run.exit_code == 1
    assert run.stdout.endswith("\nReport: out/production-staging.html\n")
    runs = _runs(project / "r" / "a.sarif")
    assert [each["automationDetails"]["id"] for each in runs] == [
        "slipway/production/",
        "slipway/staging/",
    ]
    assert '<testsuite name="staging"' in (project / "r" / "a.xml").read_text(encoding="utf-8")
    assert "\nstaging,CIS" in (project / "r" / "a.csv").read_text(encoding="utf-8")


def test_nothing_is_written_that_nobody_asked_for(project: Path) -> None:
    """Apart from the page."""
    slipway("preview")
    assert [path.name for path in (project / "out").iterdir()] == ["production.html"]


def test_places_are_relative_to_the_repository(project: Path) -> None:
    """Its root is where git is; the project may be a folder below it."""
    uris = {_uri(project), _moved_uri(project)}
    assert uris == {"__main__.py", "project/__main__.py"}
    regions = [
        result["locations"][0]["physicalLocation"]["region"]
        for run in _runs(project / "a.sarif")
        for result in run["results"]
    ]
    assert {region["startLine"] for region in regions} == {7}


def test_findings_without_a_line_are_at_the_plans_file(project: Path) -> None:
    """It is what was read."""
    (project / "plan.json").write_text(_bare("production"), encoding="utf-8")
    slipway("check", "plan.json", "--sarif", "a.sarif")
    assert _uris(project / "a.sarif") == {"plan.json"}


def test_a_check_writes_the_same_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several files, each under its name; outside a project, too."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path(f"{name}.json").write_text(dumps(plan(resource(VPC, "vpc"), alarm())), "utf-8")
    run = slipway("check", "one.json", "two.json", "--json", *FILES)
    assert run.exit_code == 1
    assert len(_runs(tmp_path / "r" / "a.sarif")) == 2
    assert '<testsuite name="two.json"' in Path("r/a.xml").read_text(encoding="utf-8")
    assert "\ntwo.json,CIS" in Path("r/a.csv").read_text(encoding="utf-8")


def test_the_matrix_is_json_where_its_name_says_so(project: Path) -> None:
    """In any case of letters; another name is wrong usage, told before anything runs."""
    slipway("preview", "--matrix", "a.JSON")
    assert json.loads((project / "a.JSON").read_text(encoding="utf-8"))["environments"]
    run = slipway("preview", "--matrix", "a.xlsx")
    assert run.exit_code == 2
    assert ".csv or .json" in run.stderr
    assert run.stdout == ""


def test_rules_link_to_their_pages_where_asked(project: Path) -> None:
    """Only whoever runs the command knows where the repository is shown."""
    slipway("preview", "--sarif", "a.sarif", "--docs-url", "https://example.org/blob/main")
    (run,) = _runs(project / "a.sarif")
    links = [rule["helpUri"] for rule in run["tool"]["driver"]["rules"]]
    assert "https://example.org/blob/main/docs/policies/vpc-flow-logs.md" in links


def test_a_report_that_cannot_be_written_is_told(project: Path) -> None:
    """By its name, with exit code 1; a folder of that name is usage."""
    (project / "file").write_text("", encoding="utf-8")
    run = slipway("preview", "--sarif", "file/a.sarif")
    assert run.exit_code == 1
    assert "file" in run.stderr
    assert slipway("preview", "--junit", str(project)).exit_code == 2


@pytest.mark.parametrize(("days", "said"), [(7, "expires on"), (60, None)])
def test_a_waiver_is_in_every_report_and_warns_when_its_end_is_near(
    project: Path, days: int, said: str | None
) -> None:
    """Text, JSON, page, SARIF, JUnit, matrix: with its last day."""
    expires = datetime.now(UTC).date() + timedelta(days=days)
    urn = "urn:pulumi:production::slipway::slipway:network:Network$aws:ec2/vpc:Vpc::vpc"
    (project / "policies").mkdir()
    (project / "policies" / "waivers.yaml").write_text(
        f"- rule: vpc-flow-logs\n  resource: {urn}\n"
        "  reason: The old network goes away next month.\n"
        f"  owner: ada@example.com\n  approver: grace@example.com\n  expires: {expires}\n",
        encoding="utf-8",
    )
    text = slipway("preview", *FILES, "--html", "r/a.html").stdout
    printed = slipway("preview", "--json", "--matrix", "r/a.json").stdout
    written = [path.read_text(encoding="utf-8") for path in sorted((project / "r").iterdir())]
    assert len(written) == 5
    for report in (text, printed, *written):
        assert str(expires) in report
    told = (
        [said in " ".join(report.split()) for report in (text, printed, *written)] if said else []
    )
    # The table has no place for a warning, only for the last day.
    assert told.count(False) == (1 if said else 0)


def _uri(project: Path) -> str:
    """Where the program lies, seen from the project's folder."""
    slipway("preview", "--sarif", "a.sarif")
    (uri,) = _uris(project / "a.sarif")
    return uri


def _moved_uri(project: Path) -> str:
    """The same where the folder above is the repository."""
    (project.parent / ".git").mkdir()
    return _uri(project)


def _uris(path: Path) -> set[str]:
    return {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for run in _runs(path)
        for result in run["results"]
    }


def _runs(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["runs"]


def _bare(stack: str) -> str:
    """A plan of `stack` that says of no resource where it is declared."""
    content = json.loads(dumps(plan(resource(VPC, "vpc"))))
    for each in content["resources"]:
        each.pop("source", None)
    return json.dumps({**content, "stack": stack})
