"""Tests of approvals of a plan: given in files before it is run, by others than who runs it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from scripts.cli import app
from scripts.exits import ExitCode
from scripts.runs.approvals import ApprovalError, read_signatures, unreleased, valid_approvals
from scripts.runs.times import utc_now
from tests.scripts.runs.people import approvers, key

_PLAN, _OTHER = "a" * 64, "b" * 64


def _key_file(folder: Path, name: str) -> Path:
    path = folder / f"{name}.pem"
    path.touch(mode=0o600)
    path.write_bytes(key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def _approve(folder: Path, name: str, role: str, plan: str = _PLAN) -> Result:
    words = ["evidence", "approve", plan, "--by", name, "--role", role]
    out = folder / f"{name}.json"
    pem = _key_file(folder, name)
    return CliRunner().invoke(app, [*words, "--key", str(pem), "--output", str(out)])


def test_an_approval_counts_for_its_plan(tmp_path: Path) -> None:
    """From the command's file, by somebody whom the approvers file knows."""
    assert _approve(tmp_path, "Ben", "engineering").exit_code == ExitCode.DONE
    given = read_signatures([tmp_path / "Ben.json"])
    valid, problems = valid_approvals(_PLAN, given, approvers(), "Ana", at=utc_now())
    assert [one.by for one in valid] == ["Ben"]
    assert problems == []


@pytest.mark.parametrize(
    ("name", "role", "plan", "operator", "problem"),
    [
        ("Ben", "engineering", _OTHER, "Ana", "the signature does not match"),
        ("Ben", "security", _PLAN, "Ana", "this key may sign as engineering only"),
        ("Ben", "engineering", _PLAN, "Ben", ""),
    ],
    ids=["of another plan", "in a role that is not theirs", "by who runs it"],
)
def test_an_approval_that_does_not_count(  # noqa: PLR0913, PLR0917 - each is a part of a case
    tmp_path: Path, name: str, role: str, plan: str, operator: str, problem: str
) -> None:
    """Each is left out, and what is wrong with it is told."""
    _approve(tmp_path, name, role, plan)
    given = read_signatures([tmp_path / f"{name}.json"])
    valid, problems = valid_approvals(_PLAN, given, approvers(), operator, at=utc_now())
    assert valid == []
    assert problem in "".join(problems)


def test_two_approvals_of_one_person_are_one(tmp_path: Path) -> None:
    """However many files they are in."""
    _approve(tmp_path, "Fay", "executive")
    given = read_signatures([tmp_path / "Fay.json"] * 2)
    valid, _ = valid_approvals(_PLAN, given, approvers(), "Ana", at=utc_now())
    assert len(valid) == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", "no JSON"])
def test_a_file_that_is_no_approval_is_refused(tmp_path: Path, content: str) -> None:
    """By its name."""
    path = tmp_path / "approval.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ApprovalError, match=r"approval\.json holds no approval"):
        read_signatures([path])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["approve", "short", "--by", "Ben", "--role", "engineering"], "is no plan's hash"),
        (["approve", _PLAN, "--by", "Ben", "--role", "boss"], "boss is no role"),
        (["approve", _PLAN, "--by", "Ben", "--role", "lead"], "--key FILE or --kms KEY"),
    ],
)
def test_what_cannot_be_signed_is_refused(words: list[str], said: str) -> None:
    """As bad usage."""
    result = CliRunner().invoke(app, ["evidence", *words])
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


@pytest.mark.parametrize(
    ("by", "role", "operator", "typed", "said"),
    [
        ("Gil", "on-call", "Ana", "", "released"),
        ("Ben", "engineering", "Ana", "production", "not released"),
        ("Hal", "on-call", "Hal", "", "not released"),
        ("Ben", "engineering", "Hal", "production", "released"),
        ("Ben", "engineering", "Hal", "", "not released"),
        ("Ben", "engineering", "nobody", "production", "not released"),
    ],
    ids=[
        "somebody on call",
        "somebody who is not",
        "who runs it, unseen",
        "who runs it, on a terminal",
        "who is on call, unseen",
        "who is not in the file",
    ],
)
def test_an_emergency_is_released_by_somebody_on_call(  # noqa: PLR0913, PLR0917 - parts of a case
    tmp_path: Path, by: str, role: str, operator: str, typed: str, said: str
) -> None:
    """By another's approval in that role, or by an operator on call who types the name."""
    assert _approve(tmp_path, by, role).exit_code == ExitCode.DONE
    given, now, is_typed = read_signatures([tmp_path / f"{by}.json"]), utc_now(), bool(typed)
    problems = unreleased(_PLAN, given, approvers(), operator, at=now, typed=is_typed)
    assert ("not released" if problems else "released") == said
    assert unreleased(_PLAN, given, None, operator, at=now, typed=is_typed)
