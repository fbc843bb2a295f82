"""Tests of `slipway program prove` and `verify`: what is known of a binary, here and on chain."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scripts.cli import app
from scripts.exits import ExitCode
from scripts.program.elf import program_hash
from tests.localnet.elf import program
from tests.scripts.program.network import Project, project
from tests.scripts.program.people import pem, sign
from tests.scripts.runs.people import write_approvers

_CODE = program(1, 700)


_MEASURES = """
import json, os, sys
assert os.environ["SLIPWAY_PROGRAM_FILE"] == sys.argv[1]
size = os.path.getsize(sys.argv[1])
print(json.dumps({"figures": {"instruction_compute_units": size}}))
"""
_AS = ("--role", "engineering")
_REPORT = b"nothing was found " * 20
_PRINTS = ("--", sys.executable, "-c", "print('ok')")


def _prove(folder: Path, *words: str, by: str = "Ana") -> Result:
    file = folder / "program.so"
    file.write_bytes(_CODE)
    signs = ("--by", by, "--key", pem(folder, by), "--output", str(folder / "proof.json"))
    kind, *rest = words
    return CliRunner().invoke(app, ["program", "prove", kind, str(file), *signs, *rest])


def test_what_a_command_proves_is_signed_for_these_bytes(tmp_path: Path) -> None:
    """With what it measured, and a digest of what it printed."""
    said = _prove(
        tmp_path,
        *("compute", "--role", "engineering", "--figure", "transaction_bytes=900"),
        *("--", sys.executable, "-c", _MEASURES, "{file}"),
    )
    assert said.exit_code == ExitCode.DONE, said.output
    stated = json.loads((tmp_path / "proof.json").read_bytes())["statement"]
    assert stated["program"] == program_hash(_CODE)
    assert stated["figures"] == {
        "transaction_bytes": 900,
        "instruction_compute_units": len(_CODE),
    }
    assert stated["read"] == ["instruction_compute_units"]
    assert stated["command"].endswith("{file}'")
    assert f"instruction_compute_units: {len(_CODE):,}, as the command printed it" in said.stdout
    assert "transaction_bytes: 900, as typed" in said.stdout
    told = _prove(tmp_path, "tests", *_AS, "--json", *_PRINTS)
    assert told.exit_code == ExitCode.DONE, told.output
    proof = json.loads((tmp_path / "proof.json").read_bytes())
    assert json.loads(told.stdout) == {"file": str(tmp_path / "proof.json"), **proof}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tests", *_AS, "--", sys.executable, "-c", "exit(1)"), "ended with 1"),
        (("tests", *_AS, "--", "/no/such/command"), "No such file"),
        (("tests", *_AS, "--", "true"), "printed nothing"),
        (("tests", *_AS), "what proves the tests is a command"),
        (("tests", *_AS, "--figure", "a=b", *_PRINTS), "a whole number"),
        (("tests", *_AS, *_PRINTS[:-1], 'print(\'{"figures": {"a": -1}}\')'), "whole numbers"),
        (("build", *_AS, *_PRINTS), "nothing was rebuilt"),
        (("build", *_AS, "--rebuilt", "program.so", *_PRINTS), "did not write program.so"),
        (("audit", "--role", "security", *_PRINTS), "what proves the audit is a report"),
        (("audit", "--role", "security", "--report", "short.txt"), "has 1 words"),
        (("audit", "--role", "security", "--report", "cut.pdf"), "was cut short"),
        (("audit", "--role", "security", "--report", "program.so"), "is no report"),
        (("audit", "--role", "lead", "--report", "report.txt"), "signed as security"),
    ],
)
def test_what_proves_nothing_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    """A command that fails or says nothing, a report that is none, a role that cannot answer."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("short.txt", b"x"), ("cut.pdf", b"%PDF-1.7"), ("report.txt", _REPORT)):
        (tmp_path / name).write_bytes(content)
    said = _prove(tmp_path, *words)
    assert said.exit_code == ExitCode.USAGE
    assert told in said.stderr
    assert not (tmp_path / "proof.json").exists()


def test_a_build_is_proven_by_what_was_built_anew(tmp_path: Path) -> None:
    """The same bytes from another build; others are told by their hash."""
    for code, exit_code in ((_CODE, ExitCode.DONE), (program(2, 700), ExitCode.USAGE)):
        made = tmp_path / "made.so"
        (tmp_path / "other.so").write_bytes(code)
        copies = "import shutil, sys; print(shutil.copyfile(*sys.argv[1:]))"
        words = ("--", sys.executable, "-c", copies, str(tmp_path / "other.so"), str(made))
        said = _prove(tmp_path, "build", *_AS, "--rebuilt", str(made), *words)
        assert said.exit_code == exit_code, said.output
        assert exit_code == ExitCode.DONE or program_hash(code) in said.stderr


def test_an_audit_is_proven_by_its_report(tmp_path: Path) -> None:
    """Its findings are counted by who signs."""
    (tmp_path / "report.txt").write_bytes(_REPORT)
    words = ("--report", str(tmp_path / "report.txt"), "--figure", "critical_findings_count=0")
    said = _prove(tmp_path, "audit", "--role", "security", *words, by="Cem")
    assert said.exit_code == ExitCode.DONE, said.output
    assert "critical_findings_count: 0, as typed" in said.stdout


def test_what_runs_is_compared_with_a_hash_or_with_evidence(tmp_path: Path) -> None:
    """The hash of solana-verify; the evidence of the run that deployed it, which is signed."""
    with project(tmp_path) as it:
        assert it.deploy(_CODE).exit_code == ExitCode.DONE
        write_approvers(tmp_path / "approvers.yaml")
        (evidence,) = (tmp_path / ".slipway" / "evidence").iterdir()
        _told(it, "--evidence", str(evidence), told="who ran it, has not signed it as lead")
        sign(tmp_path, str(evidence))
        for words in (("--hash", program_hash(_CODE).upper()), ("--evidence", str(evidence))):
            same = it.run("verify", "development", *words, "--json")
            assert same.exit_code == ExitCode.DONE, same.output
            assert json.loads(same.stdout)["same"] is True
        other = it.run("verify", "development", "--hash", "0" * 64)
        assert other.exit_code == ExitCode.FAILED
        text = evidence.read_text(encoding="utf-8")
        evidence.write_text(text.replace(program_hash(_CODE), "0" * 64), encoding="utf-8")
        _told(it, "--evidence", str(evidence), told="the bundle was changed")
        _told(it, told="name one")
        _told(it, "--hash", "zzz", told="'zzz' is no hash")
        _told(it, "--evidence", str(tmp_path / "program.so"), told="is not to be trusted")
        _told(it, "--evidence", str(tmp_path / "none.json"), told="No such file")
        assert json.loads(it.run("recover", "development", "--json").stdout) == []


def test_evidence_of_what_put_nothing_there_is_no_release(tmp_path: Path) -> None:
    """Signed as it may be: an extension leaves what runs as it is."""
    with project(tmp_path) as it:
        assert it.deploy(_CODE).exit_code == ExitCode.DONE
        write_approvers(tmp_path / "approvers.yaml")
        said = it.run("extend", "development", "--to", "20000", "--execute", "--json")
        evidence = json.loads(said.stdout)["evidence"]
        sign(tmp_path, evidence)
        _told(it, "--evidence", evidence, told="is of program extend, done: name a deployment's")


def _told(it: Project, *words: str, told: str) -> None:
    said = it.run("verify", "development", *words)
    assert said.exit_code == ExitCode.USAGE, said.output
    assert told in said.stderr
