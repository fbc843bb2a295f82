"""Tests of `slipway preview`, on a small project."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from policies.registry import AnyRule, rules
from tests.environments.records import changed, content_of, write
from tests.preview.commands.run import slipway

VPC = "urn:pulumi:production::slipway::slipway:network:Network$aws:ec2/vpc:Vpc::vpc"


def test_production_is_previewed_unless_another_is_named(project: Path) -> None:
    """The tree, the findings, the verdict, and where the page lies."""
    run = slipway("preview")
    assert run.exit_code == 1
    assert "└─ aws:ec2/vpc:Vpc  vpc" in run.stdout
    assert "✗ vpc-flow-logs  medium, mandatory" in run.stdout
    assert "__main__.py:7" in run.stdout
    assert run.stdout.endswith("\nReport: out/production.html\n")
    assert run.stderr == ""
    assert "vpc-flow-logs" in (project / "out" / "production.html").read_text(encoding="utf-8")


def test_a_project_without_mandatory_finding_is_clear(project: Path) -> None:
    """Exit code 0, whatever is advised."""
    (project / "__main__.py").write_text("", encoding="utf-8")
    run = slipway("preview")
    assert run.exit_code == 0
    assert "✓ production: no mandatory finding" in run.stdout


def test_several_environments_share_a_run_and_a_page(project: Path) -> None:
    """Each is told once, in the order asked for."""
    run = slipway("preview", "staging", "production", "staging")
    assert run.exit_code == 1
    verdicts = [line[2:].partition(":")[0] for line in run.stdout.splitlines() if line[:1] == "✗"]
    assert [each for each in verdicts if each in {"staging", "production"}] == [
        "staging",
        "production",
    ]
    assert (project / "out" / "staging-production.html").is_file()


def test_a_foundation_is_previewed_like_an_environment(project: Path) -> None:
    """Judged as the strictest of what stands on it; a name mistaken is guessed."""
    run = slipway("preview", "foundation-integration", "foundation")
    assert run.exit_code == 1
    assert "✓ foundation-integration: no mandatory finding" not in run.stdout
    assert "✗ vpc-flow-logs  medium, mandatory" in run.stdout
    assert (project / "out" / "foundation-integration-foundation.html").is_file()
    mistaken = slipway("preview", "fundation")
    assert mistaken.exit_code == 2
    assert "no environment 'fundation', did you mean foundation?" in mistaken.stderr


def test_json_is_all_that_stdout_holds(project: Path) -> None:
    """And no page is written that nobody asked for."""
    run = slipway("preview", "--json", "production", "development")
    content = json.loads(run.stdout)
    assert [each["environment"] for each in content["environments"]] == [
        "production",
        "development",
    ]
    assert content["environments"][0]["resources"] == 1
    assert run.exit_code == 1
    assert not (project / "out").exists()


def test_the_page_goes_where_it_is_asked_for(project: Path) -> None:
    """With JSON, too; from a folder below the project as well."""
    below = project / "below"
    below.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        run = slipway("preview", "--json", "--html", "here.html")
    assert json.loads(run.stdout)
    assert (below / "here.html").is_file()


def test_a_page_outside_the_working_directory_is_named_in_full(
    project: Path, tmp_path: Path
) -> None:
    """So that it can be opened from anywhere."""
    page = tmp_path / "page.html"
    assert slipway("preview", "--html", str(page)).stdout.endswith(f"\nReport: {page}\n")
    assert not (project / "out").exists()


@pytest.mark.usefixtures("project")
def test_an_unknown_environment_names_those_there_are() -> None:
    """And the closest one."""
    run = slipway("preview", "prodution")
    assert run.exit_code == 2
    assert run.stdout == ""
    assert "production" in run.stderr
    assert "staging" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("config: [", "Pulumi.production.yaml:2:1: no YAML"),
        (changed(content_of("production"), "owner", ...), "slipway:owner is missing"),
        (changed(content_of("production"), "tyre", "x"), "slipway:tyre is unknown"),
        (
            changed(content_of("production"), "logRetentionDays.access", 30),
            "slipway:logRetentionDays.access: 30 is below 90",
        ),
    ],
)
def test_a_broken_record_is_told_by_file_and_key(project: Path, content: object, said: str) -> None:
    """Nothing is previewed before every record is sound."""
    write(project, "production", content)
    run = slipway("preview", "development", "production")
    assert run.exit_code == 2
    assert said in run.stderr
    assert run.stdout == ""
    assert not (project / "out").exists()


def test_a_staging_with_too_little_capacity_is_refused(project: Path) -> None:
    """It is measured by production's record, where there is a sound one."""
    small = changed(content_of("production"), "services.api.instances.max", 1_000)
    write(project, "production", small)
    run = slipway("preview", "staging")
    assert run.exit_code == 2
    assert "Pulumi.staging.yaml: services.api.instances.max" in run.stderr
    assert "(ENV-08)" in run.stderr
    write(project, "production", "broken: [")
    assert slipway("preview", "staging").exit_code == 1


def test_a_program_that_raises_is_told_by_its_line(project: Path) -> None:
    """Message, our file and line; the traceback only for who asks."""
    (project / "__main__.py").write_text("\nraise ValueError('no zone')\n", encoding="utf-8")
    run = slipway("preview")
    assert run.exit_code == 1
    assert "__main__.py:2: ValueError: no zone" in run.stderr
    assert "Traceback" not in run.stderr
    assert "Traceback" in slipway("preview", "--debug").stderr


def test_a_rule_that_raises_is_an_error_of_that_rule(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On that resource; the other rules go on, and the run fails."""

    def broken(_rule: AnyRule, *_: object) -> None:
        message = "a defect"
        raise KeyError(message)

    (project / "__main__.py").write_text(
        "import pulumi\n"
        "provider = pulumi.ProviderResource('aws', 'main', {})\n"
        "inside = pulumi.ResourceOptions(provider=provider)\n"
        "pulumi.CustomResource('aws:ec2/vpc:Vpc', 'vpc', {}, inside)\n",
        encoding="utf-8",
    )
    rule = rules()["vpc-flow-logs"]
    monkeypatch.setitem(rule.__dict__, "judge", broken.__get__(rule))
    run = slipway("preview", "--json")
    (environment,) = json.loads(run.stdout)["environments"]
    assert run.exit_code == 1
    assert [(each["rule"], each["message"]) for each in environment["errors"]] == [
        ("vpc-flow-logs", "KeyError: 'a defect'")
    ]
    assert {each["rule"] for each in environment["findings"]} >= {"vpc-default-sg-closed"}


def test_a_waiver_takes_its_finding_out_of_the_count(project: Path) -> None:
    """It is in force for its resource alone, and shown."""
    _waive(project, "vpc-flow-logs", days=30)
    run = slipway("preview", "--json")
    (environment,) = json.loads(run.stdout)["environments"]
    waived = {each["rule"] for each in environment["findings"] if each["waived"]}
    assert waived == {"vpc-flow-logs"}
    assert [each["rule"] for each in environment["waivers"]] == ["vpc-flow-logs"]


@pytest.mark.parametrize(
    ("rule", "resource", "days", "said"),
    [
        ("vpc-flow-logs", VPC, -1, "expired"),
        ("vpc-flow-logs", VPC.replace("::vpc", "::gone"), 30, "covers nothing"),
        ("vpc-flow-logs", VPC.replace("::vpc", "::*"), 30, "too broad"),
        ("no-such-rule", VPC, 30, "there is no rule"),
    ],
)
def test_a_waiver_that_nobody_stands_for_fails_the_run(
    project: Path, rule: str, resource: str, days: int, said: str
) -> None:
    """Expired, unused, too broad or for no rule."""
    _waive(project, rule, resource, days=days)
    run = slipway("preview")
    assert run.exit_code == 1
    assert said in " ".join((run.stdout + run.stderr).split())


def test_a_page_that_cannot_be_written_is_told(project: Path) -> None:
    """A folder of that name is usage; a file in the way of the folder is a failure."""
    assert slipway("preview", "--html", str(project)).exit_code == 2
    (project / "out").write_text("a file", encoding="utf-8")
    run = slipway("preview")
    assert run.exit_code == 1
    assert "out" in run.stderr
    assert (project / "out").read_text(encoding="utf-8") == "a file"


def test_outside_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do."""
    monkeypatch.chdir(tmp_path)
    run = slipway("preview")
    assert run.exit_code == 2
    assert "no Pulumi.yaml" in run.stderr


def test_a_new_environment_is_previewed_without_touching_code(project: Path) -> None:
    """One file is all that it takes."""
    write(project, "rehearsal", content_of("development"))
    run = slipway("preview", "rehearsal")
    assert "✓ rehearsal" in run.stdout or "✗ rehearsal" in run.stdout
    assert "judged as development" in run.stdout


def _waive(project: Path, rule: str, resource: str = VPC, *, days: int) -> None:
    expires = datetime.now(UTC).date() + timedelta(days=days)
    (project / "policies").mkdir()
    (project / "policies" / "waivers.yaml").write_text(
        f"- rule: {rule}\n"
        f"  resource: {resource}\n"
        "  reason: The old network goes away next month.\n"
        "  owner: ada@example.com\n"
        "  approver: grace@example.com\n"
        f"  expires: {expires}\n",
        encoding="utf-8",
    )
