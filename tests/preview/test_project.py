"""A project's settings files are read as the engine reads them."""

from pathlib import Path

import pytest

from preview.errors import ProjectError
from preview.project import PLACEHOLDER, Project, read_project


def project(folder: Path, stack: str, shared: str = "name: shop\n") -> Project:
    """The settings of the stack `dev` with these two files."""
    (folder / "Pulumi.yaml").write_text(shared, encoding="utf-8")
    (folder / "Pulumi.dev.yaml").write_text(stack, encoding="utf-8")
    return read_project(folder, "dev")


def test_scalars_stay_as_written_and_structures_become_json(tmp_path: Path) -> None:
    """A key without a namespace belongs to the project."""
    found = project(
        tmp_path,
        """
config:
  flag: true
  version: 1.10
  aws:region: eu-central-1
  pulumi:disable-default-providers: ["*"]
  shop:network: {cidr: 10.0.0.0/16, zones: [a, b], count: 3, nat: false}
""",
    )
    assert found.name == "shop"
    assert found.config == {
        "shop:flag": "true",
        "shop:version": "1.10",
        "aws:region": "eu-central-1",
        "pulumi:disable-default-providers": '["*"]',
        "shop:network": '{"cidr": "10.0.0.0/16", "zones": ["a", "b"], "count": 3, "nat": false}',
    }
    assert found.secret_keys == frozenset()


def test_encrypted_values_become_placeholders(tmp_path: Path) -> None:
    """At the top or deep inside a structure; the whole key is secret then."""
    found = project(
        tmp_path,
        """
config:
  token: {secure: v1:abc}
  database: {user: u, passwords: [{secure: v1:def}]}
""",
    )
    assert found.config == {
        "shop:token": PLACEHOLDER,
        "shop:database": f'{{"user": "u", "passwords": ["{PLACEHOLDER}"]}}',
    }
    assert found.secret_keys == {"shop:token", "shop:database"}
    assert len(found.warnings) == 2


def test_the_stack_goes_before_the_project(tmp_path: Path) -> None:
    """The project's file gives values and defaults, the stack's file overrides them."""
    found = project(
        tmp_path,
        "config:\n  a: stack\n",
        """
name: shop
config:
  a: {type: string, default: project}
  b: {value: 2}
  c: plain
  d: {type: string, description: must be set by the stack}
  e: {free: form}
""",
    )
    assert found.config == {
        "shop:a": "stack",
        "shop:b": "2",
        "shop:c": "plain",
        "shop:e": '{"free": "form"}',
    }


@pytest.mark.parametrize("text", ["", "config:\n", "config: {}\n"])
def test_a_stack_may_have_no_settings(tmp_path: Path, text: str) -> None:
    """An empty file is a valid one."""
    assert project(tmp_path, text).config == {}


@pytest.mark.parametrize(
    ("shared", "stack", "message"),
    [
        ("runtime: python\n", "", r"Pulumi\.yaml: name: a project needs one"),
        ("name: shop\n", "config: [a]\n", r"Pulumi\.dev\.yaml:1: keys with values were expected"),
        ("name: shop\n", "config: {a: [}\n", r"Pulumi\.dev\.yaml:1:\d+: no YAML"),
        ("name: shop\nname: b\n", "", r"Pulumi\.yaml:2:1: name stands here a second time"),
        ("name: shop\n", "config: {a: {b: !c d}}\n", "could not determine a constructor"),
        ("- shop\n", "", r"Pulumi\.yaml:1: keys with values were expected"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, shared: str, stack: str, message: str) -> None:
    """The message says which file, and where in it."""
    with pytest.raises(ProjectError, match=message):
        project(tmp_path, stack, shared)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The stack's file must be there."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"Pulumi\.dev\.yaml: .*No such file"):
        read_project(tmp_path, "dev")
