"""Tests of `slipway program prove` and `verify`: what is known of a binary, here and on chain."""

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from scripts.cli import app
from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from tests.localnet.elf import program
from tests.scripts.program.network import project
from tests.scripts.runs.people import key

_CODE = program(1, 700)


def _prove(folder: Path, *words: str) -> Result:
    pem = folder / "ana.pem"
    pem.touch(mode=0o600)
    pem.write_bytes(key("Ana").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file = folder / "program.so"
    file.write_bytes(_CODE)
    by = ("--by", "Ana", "--key", str(pem), "--output", str(folder / "proof.json"))
    kind, *rest = words
    return CliRunner().invoke(app, ["program", "prove", kind, str(file), *by, *rest])


def test_what_a_command_proves_is_signed_for_these_bytes(tmp_path: Path) -> None:
    """With what it measured, and a digest of what it printed."""
    said = _prove(
        tmp_path,
        *("compute", "--role", "engineering", "--figure", "transaction_bytes=900"),
        *("--", sys.executable, "-c", "print('all of it')"),
    )
    assert said.exit_code == ExitCode.DONE, said.output
    stated = json.loads((tmp_path / "proof.json").read_bytes())["statement"]
    assert stated["program"] == program_hash(_CODE)
    assert stated["figures"] == {"transaction_bytes": 900}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tests", "--role", "engineering", "--", sys.executable, "-c", "exit(1)"), "ended with 1"),
        (("tests", "--role", "engineering", "--", "/no/such/command"), "No such file"),
        (("tests", "--role", "engineering"), "name what proves it"),
        (("audit", "--role", "lead", "--", "true"), "signed as security"),
        (("tests", "--role", "engineering", "--figure", "a=b", "--", "true"), "a whole number"),
    ],
)
def test_what_proves_nothing_is_not_signed(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """A command that fails, or that nobody named; a role that cannot answer for it."""
    said = _prove(tmp_path, *words)
    assert said.exit_code == ExitCode.USAGE
    assert told in said.stderr
    assert not (tmp_path / "proof.json").exists()


def test_what_runs_is_compared_with_a_hash_or_with_evidence(tmp_path: Path) -> None:
    """The hash of solana-verify; the evidence of the run that deployed it."""
    with project(tmp_path) as it:
        assert it.deploy(_CODE).exit_code == ExitCode.DONE
        (evidence,) = (tmp_path / ".slipway" / "evidence").iterdir()
        for words in (("--hash", program_hash(_CODE).upper()), ("--evidence", str(evidence))):
            same = it.run("verify", "development", *words, "--json")
            assert same.exit_code == ExitCode.DONE, same.output
            assert json.loads(same.stdout)["same"] is True
        other = it.run("verify", "development", "--hash", "0" * 64)
        assert other.exit_code == ExitCode.FAILED
        for words, told in (
            ((), "name one"),
            (("--evidence", str(tmp_path / "program.so")), "is no evidence"),
            (("--evidence", str(tmp_path / "none.json")), "No such file"),
        ):
            said = it.run("verify", "development", *words)
            assert said.exit_code == ExitCode.USAGE, said.output
            assert told in said.stderr
        assert json.loads(it.run("recover", "development", "--json").stdout) == []
