"""What people do around a deployment in tests: sign evidence, approve plans, prove a build."""

import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from scripts.cli import app
from scripts.exits import ExitCode
from tests.scripts.runs.people import key

_REPORT = "Nothing critical was found in the program. " * 10
_MEASURED = '{"figures": {"instruction_compute_units": 1400, "transaction_bytes": 900}}'


def pem(folder: Path, name: str) -> str:
    """The file of a person's key."""
    path = folder / f"{name}.pem"
    path.touch(mode=0o600)
    path.write_bytes(key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def sign(folder: Path, evidence: str, name: str = "Ana") -> str:
    """The evidence, signed by who ran it."""
    _do("evidence", "sign", evidence, "--by", name, "--role", "lead", "--key", pem(folder, name))
    return evidence


def approve(folder: Path, name: str, role: str, plan: str) -> str:
    """The approval of somebody, in a file."""
    out = str(folder / f"{name}.json")
    words = ("--by", name, "--role", role, "--key", pem(folder, name), "--output", out)
    _do("evidence", "approve", plan, *words)
    return out


def prove(folder: Path, file: Path) -> Path:
    """Every proof of the build in `file`, in a folder."""
    proofs, copy, report = folder / "proofs", folder / "rebuilt.so", folder / "report.txt"
    proofs.mkdir()
    report.write_text(_REPORT, encoding="utf-8")
    run = (sys.executable, "-c")
    copies = "import shutil, sys; print(shutil.copyfile(*sys.argv[1:]))"
    for kind, name, role, words in (
        ("tests", "Ben", "engineering", ("--", *run, "print('3 passed')", "{file}")),
        (
            "build",
            "Ben",
            "engineering",
            ("--rebuilt", str(copy), "--", *run, copies, "{file}", str(copy)),
        ),
        ("compute", "Ben", "engineering", ("--", *run, f"print({_MEASURED!r})")),
        (
            "audit",
            "Cem",
            "security",
            ("--report", str(report), "--figure", "critical_findings_count=0"),
        ),
    ):
        signs = ("--by", name, "--role", role, "--key", pem(folder, name))
        output = ("--output", str(proofs / f"{kind}.json"))
        _do("program", "prove", kind, str(file), *signs, *output, *words)
    return proofs


def release(folder: Path, version: str, branch: str = "main") -> str:
    """A folder with the source of a release, committed and tagged."""
    source = folder / "source"
    (source / "src").mkdir(parents=True)
    (source / "src" / "lib.rs").write_text("pub fn trade() {}\n", encoding="utf-8")
    for command in (
        ["init", "--quiet", "--initial-branch", branch],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "x"],
        ["tag", f"v{version}"],
    ):
        subprocess.run(["git", "-C", str(source), *command], check=True)  # noqa: S603, S607
    return str(source)


def _do(*words: str) -> None:
    said = CliRunner().invoke(app, words)
    assert said.exit_code == ExitCode.DONE, said.output
