"""The pack under the real engine, pointed at by another project: its settings, its own waivers."""

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.engine.engine import judged, missing

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]

PACK: Final = Path(__file__).parents[2] / "policies"
PROGRAM: Final = """
import pulumi
import pulumi_aws as aws

provider = aws.Provider("main", region="us-east-1", access_key="test", secret_key="test",
    skip_credentials_validation=True, skip_metadata_api_check=True)
options = pulumi.ResourceOptions(provider=provider)
topic = aws.sns.Topic("topic", opts=options)
aws.cloudwatch.LogGroup("logs", retention_in_days=7, opts=options)
aws.cloudwatch.LogGroup("later", retention_in_days=topic.arn.apply(len), opts=options)
aws.rds.Cluster("database", engine="aurora-postgresql", master_username="root",
    master_password=pulumi.Output.secret("hunter2"), opts=options)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that knows nothing of this one."""
    path = tmp_path / "shop"
    path.mkdir()
    (path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (path / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the engine's own files."""
    path = tmp_path / "engine"
    path.mkdir()
    return path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack, which is run with this interpreter."""
    return shutil.copytree(PACK, tmp_path / "pack")


def test_the_engine_takes_the_pack_and_its_defaults(
    project: Path, folder: Path, pack: Path
) -> None:
    """It validates every default, stops for what is mandatory, and shows no secret."""
    with pytest.raises(AssertionError) as caught:
        judged(project, "dev", folder, pack, {})
    said = str(caught.value)
    assert re.search(r"\[mandatory\].*  rds-encrypted  ", said)
    assert "database: storage is not encrypted" in said
    assert "hunter2" not in said


def test_what_cannot_be_decided_is_said(project: Path, folder: Path, pack: Path) -> None:
    """It stops nothing, and does not look like a pass."""
    said = judged(project, "dev", folder, pack, {"all": "advisory"})
    assert "not evaluated, which is no pass: later: retentionInDays is known after apply" in said
    assert "[mandatory]" not in said
    assert "hunter2" not in said


def test_a_configuration_remedies(project: Path, folder: Path, pack: Path) -> None:
    """The engine goes on with the inputs that the rule gave."""
    said = judged(project, "dev", folder, pack, {"all": "disabled", "log-retention": "remediate"})
    assert re.search(r"\[remediate\].*  log-retention  ", said)
    assert "fewer than" not in said


def test_a_configuration_names_the_waivers(
    project: Path, folder: Path, pack: Path, tmp_path: Path
) -> None:
    """A slip in the file's name is refused before anything is judged."""
    waivers = str(tmp_path / "waivers.yaml")
    with pytest.raises(AssertionError, match=r"slipway\.waivers: there is no file"):
        judged(project, "dev", folder, pack, {"slipway": {"waivers": waivers}})


def test_a_rule_that_does_not_exist_stops_the_engine(
    project: Path, folder: Path, pack: Path
) -> None:
    """A slip in a rule's name must not leave its rule as it was."""
    with pytest.raises(AssertionError, match="there is no such rule; closest: rds-encrypted"):
        judged(project, "dev", folder, pack, {"rds-encryptd": "disabled"})
