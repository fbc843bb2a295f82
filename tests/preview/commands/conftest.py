"""A small project to run commands in: this project's records, and a program of one network."""

import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PROGRAM = """\
import pulumi

tags = '{"tags": {"Environment": "production"}}'
provider = pulumi.ProviderResource("aws", "main", {"region": "us-east-1", "defaultTags": tags})
network = pulumi.ComponentResource("slipway:network:Network", "network")
inside = pulumi.ResourceOptions(parent=network, provider=provider)
vpc = pulumi.CustomResource("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"}, inside)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the project, which is the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    for file in PROJECT.glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
