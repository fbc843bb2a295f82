"""Development, on an emulator by the real engine: made, left alone, resized, and taken away.

`docs/emulator.md` lists what the emulator cannot do, and why; the tests read it from there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import pytest
import yaml

from environments import load
from plan import Plan
from preview.environment import evaluate_environment
from tests.engine.engine import missing

PROJECT: Final = Path(__file__).parents[2]
STACK: Final = "development"
PARTS: Final = ("environments", "stacks", "standards")
PAGE: Final = PROJECT / "docs" / "emulator.md"


_MISSING: Final = missing(load(STACK, PROJECT).aws.account)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(_MISSING is not None, reason=_MISSING or ""),
]


def _listed(heading: str) -> dict[str, set[str]]:
    """The rows of a table of the page: each type, and the names in code beside it."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(aws:[^`]+)` \| (.+) \|$", text, re.MULTILINE)
    return {type_: set(re.findall(r"`([^`]+)`", rest)) for type_, rest in rows}


LACKING: Final = _listed("What it cannot create")
FORGOTTEN: Final = _listed("What it forgets")


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack of development, in a copy of the project whose state is a folder."""

    project: Path
    folder: Path

    def run(self, *command: str) -> str:
        """What the CLI says to `command`."""
        done = subprocess.run(  # noqa: S603 - fixed commands
            [cast("str", shutil.which("pulumi")), *command, "--non-interactive"],
            cwd=self.project,
            env={
                **os.environ,
                "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
                "PULUMI_CONFIG_PASSPHRASE": "test",
                "PULUMI_HOME": str(self.folder / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout

    def up(self) -> None:
        """Make what is declared and the emulator can hold."""
        self.run("up", "--yes", "--skip-preview", "--parallel", "16", *_without())

    def changes(self) -> dict[str, tuple[str, set[str]]]:
        """What an update would do: operation and properties, by type and name."""
        plan = json.loads(self.run("preview", "--json", *_without()))
        found: dict[str, tuple[str, set[str]]] = {}
        for step in plan["steps"]:
            *_, types, name = step["urn"].split("::")
            type_, operation = types.rpartition("$")[2], step["op"]
            properties = {re.split(r"[.\[]", one)[0] for one in step.get("diffReasons") or ()}
            shown = properties - FORGOTTEN.get(type_, set())
            if operation not in {"same", "update"} or (operation == "update" and shown):
                found[f"{type_} {name}"] = operation, shown
        return found

    def there(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        state = json.loads(self.run("stack", "export"))
        return cast("list[dict[str, Any]]", state["deployment"].get("resources", []))


def _without() -> Iterator[str]:
    for type_ in LACKING:
        yield from ("--exclude", f"**{type_.removeprefix('aws:').replace('/', '*')}**")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Development, made once for all tests of it."""
    folder = tmp_path_factory.mktemp("engine")
    project = folder / "project"
    project.mkdir()
    for part in PARTS:
        shutil.copytree(PROJECT / part, project / part)
    shutil.copy(PROJECT / "__main__.py", project)
    settings = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
    settings.pop("backend", None)
    options = {"toolchain": "pip", "virtualenv": sys.prefix}
    settings["runtime"] = {"name": "python", "options": options}
    (project / "Pulumi.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    text = (PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8")
    here = f"http://127.0.0.1:{urlsplit(os.environ['AWS_ENDPOINT_URL']).port}"
    (project / f"Pulumi.{STACK}.yaml").write_text(
        text.replace("http://127.0.0.1:5555", here), encoding="utf-8"
    )
    (folder / "state").mkdir()
    made = Stack(project, folder)
    made.run("stack", "init", STACK)
    made.up()
    return made


def test_all_that_the_emulator_has_is_created(stack: Stack) -> None:
    """Every resource of the plan is there but those that the page names, which it does declare."""
    declared = _declared(stack)
    there = {one["urn"] for one in stack.there()}
    lacking = {one.urn for one in declared.resources if one.type in LACKING}
    assert {one.type for one in declared.resources if one.urn in lacking} == LACKING.keys()
    assert {one.urn for one in declared.resources} - there == lacking


def test_a_second_preview_shows_no_change(stack: Stack) -> None:
    """What was made is what is declared: nothing is read back otherwise."""
    assert stack.changes() == {}


def test_another_size_updates_in_place(stack: Stack) -> None:
    """Nothing is made anew, and nothing else is touched."""
    path = stack.project / f"Pulumi.{STACK}.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("instances: {min: 1, max: 2}", "instances: {min: 1, max: 3}", 1))
    changes = stack.changes()
    assert changes
    for name, (operation, properties) in changes.items():
        assert operation == "update", name
        assert properties, name
        assert "api" in name
    stack.up()
    assert stack.changes() == {}


def test_destroy_leaves_what_is_protected_or_retained(stack: Stack) -> None:
    """Of development, whose data can be made again, that is nothing at all."""
    kept = [one.urn for one in _declared(stack).resources if one.options.protect]
    stack.run("destroy", "--yes", "--skip-preview", "--parallel", "16")
    assert [one["urn"] for one in stack.there()] == kept


def _declared(stack: Stack) -> Plan:
    return evaluate_environment(load(STACK, stack.project), stack.project)
