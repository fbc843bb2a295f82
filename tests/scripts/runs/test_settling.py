"""Tests of the commands that list what runs owe and bring it, as people type them."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from scripts.cli import app
from scripts.exits import ExitCode
from scripts.runs.stores import open_store
from tests.scripts.runs.people import key, write_approvers
from tests.scripts.runs.test_owed import TARGET, emergency


def call(*words: str) -> Result:
    """The command, in the folder of a project."""
    return CliRunner().invoke(app, ["evidence", *words])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which an emergency was released, and written about."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\nruntime: python\n", encoding="utf-8")
    emergency(open_store(tmp_path / ".slipway"))
    write_approvers(tmp_path / "approvers.yaml")
    (tmp_path / "about.md").write_text("What happened.\n", encoding="utf-8")
    private = key("Cem").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "cem.pem").touch(mode=0o600)
    (tmp_path / "cem.pem").write_bytes(private)
    return tmp_path


def test_documentation_is_attached_with_its_hash_link_and_signature(project: Path) -> None:
    """And is owed no more; what remains is listed, with exit code 3."""
    hashed = sha256((project / "about.md").read_bytes()).hexdigest()
    signing = ("--by", "Cem", "--role", "security", "--key", "cem.pem", "-o", "cem.json")
    assert call("approve", hashed, *signing).exit_code == ExitCode.DONE
    written = ("--document", "about.md", "--link", "https://wiki.example.com/42")
    done = call("settle", TARGET, "r1", "documentation", *written, "--approval", "cem.json")
    assert done.exit_code == ExitCode.DONE, done.stderr
    left = call("owed", TARGET, "--json")
    assert left.exit_code == ExitCode.PENDING
    assert [one["what"] for one in json.loads(left.stdout)] == ["approval"]
    assert "the run r1" in call("owed", TARGET).stdout


def test_what_no_run_owes_is_refused_with_what_is_owed() -> None:
    """A run or a word that is wrong says which are right."""
    refused = call("settle", TARGET, "r2", "review", "--link", "https://wiki.example.com/42")
    assert refused.exit_code == ExitCode.USAGE
    assert "r1 its approval, r1 its documentation" in refused.stderr
