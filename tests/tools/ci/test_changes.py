"""A pull request says what it does to each stack, and which ones the engine has to look at."""

import json

import pytest

from plan.file import read_plan
from tests.tools.ci.conftest import Stage

PROGRAM = """\
import pulumi

provider = pulumi.ProviderResource("aws", "main", {"region": "us-east-1"})
for name in [NAMES]:
    pulumi.CustomResource(
        "TYPE",
        name,
        {"cidrBlock": "10.0.0.0/16"},
        pulumi.ResourceOptions(provider=provider),
    )
"""


def declare(stage: Stage, names: str, type_: str = "aws:ec2/vpc:Vpc") -> None:
    """Let the program declare networks of these `names`, as Python writes them; or others."""
    text = PROGRAM.replace("NAMES", names).replace("TYPE", type_)
    (stage.folder / "__main__.py").write_text(text, encoding="utf-8")


@pytest.fixture
def project(stage: Stage) -> Stage:
    """A project of one network in each stack, committed."""
    declare(stage, "'net'")
    (stage.folder / "policies").mkdir()
    (stage.folder / "policies" / "waivers.yaml").write_text("[]\n", encoding="utf-8")
    stage.commit("base")
    return stage


def changes(stage: Stage) -> tuple[list[str], str]:
    """The stacks that the working tree changes, and the comment."""
    done = stage.run("changes", "HEAD", "--comment", "out/comment.md")
    assert done.returncode == 0, done.stderr
    comment = (stage.folder / "out" / "comment.md").read_text(encoding="utf-8")
    return json.loads(done.stdout), comment


def test_no_change_is_told_as_none(project: Stage) -> None:
    """No stack needs the engine."""
    names, comment = changes(project)
    assert names == []
    assert comment.startswith("No difference in ")
    assert "production" in comment


def test_what_is_added_is_told_for_each_stack(project: Stage) -> None:
    """With its findings, and which are new; what an emulator holds needs no engine."""
    declare(project, "'net', 'more'")
    names, comment = changes(project)
    assert names == ["integration", "production", "staging"]
    assert "### production: 1 added" in comment
    assert "### development: 1 added" in comment
    assert "| + | `aws:ec2/vpc:Vpc` **more** | |" in comment
    assert "new: `" in comment
    kept = read_plan(project.folder / "out" / "production.plan.json")
    assert {"net", "more"} <= {each.name for each in kept.resources}


def test_what_a_change_costs_is_told_where_it_costs_something(project: Stage) -> None:
    """Networks are free; a key has its price, to the cent, and the date of the list it is in."""
    declare(project, "'net', 'more'")
    assert "Cost a month" not in changes(project)[1]
    declare(project, "'key'", "aws:kms/key:Key")
    comment = changes(project)[1]
    assert "Cost a month: 1 US dollars, +1.00 (list prices of us-east-1 on 20" in comment


def test_only_the_environment_whose_file_changed_is_named(project: Stage) -> None:
    """A setting that the program reads in one environment leaves the others alone."""
    declare(project, "pulumi.Config('slipway').require('owner')")
    project.commit()
    file = project.folder / "Pulumi.production.yaml"
    text = file.read_text(encoding="utf-8").replace("owner: platform@", "owner: others@")
    file.write_text(text, encoding="utf-8")
    names, comment = changes(project)
    assert names == ["production"]
    assert "### production: 1 added, 1 removed" in comment


def test_a_base_that_cannot_be_planned_counts_as_changed(project: Stage) -> None:
    """What cannot be compared is looked at."""
    declare(project, "1 / 0")
    project.commit("broken")
    declare(project, "'net'")
    names, comment = changes(project)
    assert "production" in names
    assert "The base could not be compared." in comment


def test_a_commit_that_there_is_not_is_told(project: Stage) -> None:
    """The exit code is no success."""
    done = project.run("changes", "0" * 40, "--comment", "out/comment.md")
    assert done.returncode == 1
    assert "git has no commit" in done.stderr
