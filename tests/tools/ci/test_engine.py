"""The steps and the real engine: they understand each other, from the first update to drift."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.tools.ci.conftest import Stage

PROGRAM = """\
import pulumi

class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:part:Part", name)

for name in [NAMES]:
    Part(name)
"""
PACK = """\
from pulumi_policy import PolicyPack, ResourceValidationPolicy

policy = ResourceValidationPolicy("all-is-well", "Nothing is wrong", lambda _, report: None)
PolicyPack("quiet", policies=[policy])
"""
RUNTIME = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on the PATH"),
]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of the engine: a state, a home and a passphrase of its own."""
    (tmp_path / "state").mkdir()
    return {
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@pytest.fixture
def project(stage: Stage, variables: dict[str, str]) -> Stage:
    """A project with a program and a pack for the real engine, whose stack is made."""
    (stage.tools / "pulumi").unlink()
    pack = stage.folder / "policies"
    pack.mkdir()
    settings = stage.folder / "Pulumi.development.yaml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    plain = "\n".join(line for line in lines if not line.startswith("secretsprovider"))
    for path, text in {
        stage.folder / "Pulumi.yaml": json.dumps({"name": "slipway", "runtime": RUNTIME}),
        settings: plain,
        pack / "PulumiPolicy.yaml": json.dumps({"runtime": RUNTIME}),
        pack / "__main__.py": PACK,
    }.items():
        path.write_text(text, encoding="utf-8")
    stage.call("pulumi", "stack", "init", "development", **variables)
    return stage


def declare(stage: Stage, names: str) -> None:
    """Let the program declare parts of these `names`, and commit it."""
    text = PROGRAM.replace("NAMES", names)
    (stage.folder / "__main__.py").write_text(text, encoding="utf-8")
    stage.commit()


def test_updates_plans_and_drift(project: Stage, variables: dict[str, str]) -> None:
    """What was applied is as the code says; what it says anew is drift until that is applied."""

    def ends(step: str, *arguments: str) -> tuple[int, str]:
        done = project.run(step, "development", *arguments, **variables)
        return done.returncode, done.stdout + done.stderr

    declare(project, "'one'")
    code, said = ends("apply")
    assert code == 0, said
    assert "+ 2 created" in said
    code, said = ends("drift")
    assert code == 0, said
    declare(project, "'one', 'two'")
    code, said = ends("drift")
    assert code == 3, said
    code, said = ends("preview", "--plan", "out/plan.json")
    assert code == 0, said
    declare(project, "'one', 'two', 'three'")
    code, said = ends("apply", "--plan", "out/plan.json")
    assert code == 1, said
    assert "not allowed by the plan" in said
    declare(project, "'one', 'two'")
    code, said = ends("apply", "--plan", "out/plan.json")
    assert code == 0, said
    assert "+ 1 created" in said
    assert ends("drift")[0] == 0


def test_a_lock_that_somebody_left_is_told_and_left(
    project: Stage, variables: dict[str, str], tmp_path: Path
) -> None:
    """The step waits for a person; the lock is still there."""
    declare(project, "'one'")
    folder = tmp_path / "state" / ".pulumi" / "locks" / "organization" / "slipway" / "development"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "left.json"
    lock.write_text(
        '{"pid": 1, "username": "ann", "hostname": "far", "timestamp": "2026-01-01T00:00:00Z"}',
        encoding="utf-8",
    )
    done = project.run("apply", "development", **variables)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "created by ann@far" in done.stdout
    assert lock.exists()
