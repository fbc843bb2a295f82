"""`slipway preview --compare`: each difference of two environments, and whether it may be."""

import json
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.preview.commands.run import slipway

PAIR = ("preview", "--compare", "staging", "production")
PROGRAM = """\
import hashlib
import pulumi

provider = pulumi.ProviderResource("aws", "main", {"region": "us-east-1"})
options = pulumi.ResourceOptions(provider=provider)
stack = pulumi.get_stack()
most = pulumi.Config("slipway").require_object("database")["replicas"]["max"]
digest = hashlib.sha256(stack.encode()).hexdigest()
inputs = {"name": f"{stack}-{digest[:8]}", "most": most, "twice": 2 * most}
pulumi.CustomResource("aws:sqs/queue:Queue", "database", inputs, options)
for number in range(most):
    pulumi.CustomResource("aws:sns/topic:Topic", f"topic-{number}", {}, options)
"""
BY_NAME = """
if stack == "staging":
    pulumi.CustomResource("aws:sqs/queue:Queue", "extra", {}, options)
pulumi.CustomResource("aws:sns/topic:Topic", "loud", {"loud": stack == "production"}, options)
"""


@pytest.fixture
def two(project: Path) -> Path:
    """A project whose stacks declare as much as one setting says."""
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    return project


def compared() -> tuple[int, dict[str, dict[str, str | None]]]:
    """The exit code, and the reason of each declared difference by type, name and path."""
    done = slipway(*PAIR, "--json")
    content = json.loads(done.stdout)
    reasons = {
        f"{each['type'].rpartition(':')[2]} {each['name']} {each['path']}".strip(): each["reason"]
        for each in content["declared"]
    }
    return done.exit_code, {"declared": reasons}


@pytest.mark.usefixtures("two")
def test_what_follows_from_a_setting_that_may_differ_may_differ() -> None:
    """With the setting where it is seen; names and digests of them do not count."""
    code, found = compared()
    assert code == 0
    assert found["declared"] == {
        "Queue database most": "follows from database.replicas.max",
        "Queue database twice": "follows from the settings",
        "Topic topic-2": "follows from the settings",
        "Topic topic-3": "follows from the settings",
        "Topic topic-4": "follows from the settings",
    }


def test_what_depends_on_the_name_of_a_stack_may_not_differ(two: Path) -> None:
    """No setting explains it, so staging would not show what production does."""
    (two / "__main__.py").write_text(PROGRAM + BY_NAME, encoding="utf-8")
    code, found = compared()
    assert code == 1
    assert found["declared"]["Queue extra"] is None
    assert found["declared"]["Topic loud loud"] is None
    assert found["declared"]["Queue database most"]
    text = slipway(*PAIR).stdout
    assert "✗ aws:sqs/queue:Queue  extra  only in staging  (may not differ" in text
    assert "staging differs from production where it may not: 2 of what is declared" in text


def test_a_setting_that_may_not_differ_fails_the_comparison(two: Path) -> None:
    """It is shown with the others, and told in a sentence with its requirement."""
    file = two / "Pulumi.staging.yaml"
    text = file.read_text(encoding="utf-8")
    changed = text.replace("requestsPerFiveMinutes: 2000", "requestsPerFiveMinutes: 1000")
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    done = slipway(*PAIR, "--json")
    content = json.loads(done.stdout)
    assert done.exit_code == 1
    assert content["failed"] is True
    (problem,) = content["problems"]
    assert "edge.requestsPerFiveMinutes is 1000" in problem
    assert "(ENV-07)" in problem
    (setting,) = [each for each in content["settings"] if not each["allowed"]]
    assert setting == {
        "key": "edge.requestsPerFiveMinutes",
        "values": [1000, 2000],
        "allowed": False,
        "reason": None,
    }
    assert "✗ edge.requestsPerFiveMinutes: 1000 → 2000  (may not differ)" in slipway(*PAIR).stdout


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(two: Path) -> None:
    """It is written where it is asked for, else below `out/`."""
    file = two / "Pulumi.staging.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("LOG_LEVEL: info", 'LOG_LEVEL: "<b>"'), encoding="utf-8")
    assert slipway(*PAIR, "--html", "page.html").exit_code == 1
    page = (two / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "src=" not in page
    assert slipway(*PAIR).stdout.endswith("Report: out/staging-against-production.html\n")
    assert (two / "out" / "staging-against-production.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("staging",), "takes two environments"),
        (("staging", "production", "integration"), "takes two environments"),
        (("staging", "production", "--sarif", "x.sarif"), "goes with --json and --html only"),
        (("stagin", "production"), ""),
    ],
)
@pytest.mark.usefixtures("two")
def test_anything_but_two_environments_is_bad_usage(arguments: tuple[str, ...], said: str) -> None:
    """The message says what it takes."""
    done = slipway("preview", "--compare", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_projects_staging_stands_in_for_its_production(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of its differences may be: nothing depends on the name of a stack."""
    monkeypatch.chdir(PROJECT)
    done = slipway(*PAIR, "--json")
    content = json.loads(done.stdout)
    wrong = [each for each in content["declared"] if not each["allowed"]]
    assert (done.exit_code, wrong, content["problems"]) == (0, [], [])
    assert {each["key"] for each in content["settings"]} >= {"name", "aws.account"}
