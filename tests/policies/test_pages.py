"""Tests of the rules' pages."""

import re
from pathlib import Path

import pytest
import yaml

from plan import SECRET, UNKNOWN
from policies import pages
from policies.registry import AnyRule, Given, Ref, rules
from policies.schemas import schema_of
from standards import requirement
from standards.figures import Ratio, Whole

MADE = pages.pages()

each_rule = pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)


@each_rule
def test_a_page_says_all_that_the_rule_has(rule: AnyRule) -> None:
    """Why, how grave, where it is enforced, whom it cites with what words, what to do."""
    page = MADE[f"{rule.id}.md"]
    controls = rule.controls
    for text in (rule.title, rule.description, rule.severity, rule.remediation, *rule.types):
        assert text in page
    for control in (*controls.fsbp, *controls.cis, *controls.checkov, *controls.pss):
        assert control in page
    for cited in rule.requirements:
        assert f"**{cited}** {requirement(cited).text}" in page
    for setting in schema_of(rule.settings):
        assert f"| `{setting}` |" in page
    for tier in ("development", "staging", "production"):
        assert re.search(rf"{tier} (mandatory|advisory)", page)


@each_rule
def test_a_page_shows_one_example_of_each_kind(rule: AnyRule) -> None:
    """As YAML that can be read, with every resource of the example."""
    _, passing, failing = MADE[f"{rule.id}.md"].split("\n## It ")
    for text, examples in ((passing, rule.passing), (failing, rule.failing)):
        if not examples:
            continue
        read = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
        assert [one["type"] for one in read["resources"].values()] == [
            given.type for given in examples[0]
        ]


def test_a_setting_names_the_figure_that_it_comes_from() -> None:
    """With its default and its bounds, as a configuration writes them."""
    cited: list[str] = []
    for rule in rules().values():
        for name, field in rule.settings.model_fields.items():
            if isinstance(field.default, Whole | Ratio):
                number, source = f"{field.default}", field.default.figure.requirement
                row = f"| `{field.alias or name}` | `{number}` | {source} | "
                assert row in MADE[f"{rule.id}.md"]
                cited.append(source)
    assert "LOG-03" in cited
    assert "| `minCount` | `2` | SVC-01 | integer, at least 2 |" in MADE["ecs-multi-az.md"]


def test_an_fsbp_control_links_to_what_aws_says_of_it() -> None:
    """At the control, not at the top."""
    assert "[EC2.6](https://docs.aws.amazon.com/" in MADE["vpc-flow-logs.md"]
    assert "/ec2-controls.html#ec2-6)" in MADE["vpc-flow-logs.md"]


def test_the_index_lists_every_page() -> None:
    """Each once."""
    linked = re.findall(r"^\| \[.+?\]\((.+?)\)", MADE["README.md"], re.MULTILINE)
    assert sorted(linked) == sorted(set(MADE) - {"README.md"})


def test_an_example_keeps_what_a_plan_would_not_tell() -> None:
    """References, secrets and unknowns are written as such; two resources may share a name."""
    given = Given("a:b:C", "x", {"to": Ref("y"), "s": SECRET, "u": [UNKNOWN]}, protect=True)
    text = pages.example((given, Given("a:b:D", "x", provider="y")))
    read = yaml.safe_load(text.removeprefix("```yaml\n").removesuffix("```"))["resources"]
    assert read["x"]["properties"] == {
        "to": "${y}",
        "s": {"fn::secret": "…"},
        "u": ["(known after apply)"],
    }
    assert read["x"]["options"] == {"protect": True}
    assert read["x (D)"] == {"type": "a:b:D", "options": {"provider": "${y}"}}


def test_writing_removes_the_page_of_a_rule_that_is_no_more(tmp_path: Path) -> None:
    """And only pages."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "gone.md").touch()
    (folder / "drawing.svg").touch()
    pages.write(folder)
    assert {path.name for path in folder.iterdir()} == {*MADE, "drawing.svg"}
