"""Tests of what is kept of a program on disk, and of how it is found again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from scripts.program.folder import Folder, Saved, SavedError

_PROGRAM = Pubkey.new_unique()
_THEN = datetime(2026, 11, 20, tzinfo=UTC)


def _folder(root: Path, *kept: tuple[str, str, datetime | None]) -> Folder:
    """With programs of these hashes and versions, which were replaced then."""
    folder = Folder(root=root, program=_PROGRAM)
    for hash_, version, replaced in kept:
        about = Saved(program=str(_PROGRAM), hash=hash_, size=1, version=version, replaced=replaced)
        folder.save(b"x", about)
    return folder


def test_a_version_means_the_program_that_ran(tmp_path: Path) -> None:
    """Not the build of a deployment that was given up, which has its name, too."""
    folder = _folder(tmp_path, ("a" * 64, "1.0.0", None), ("b" * 64, "1.0.0", _THEN))
    found = folder.named("1.0.0")
    assert found
    assert found.hash == "b" * 64
    assert folder.named("aaaaaaaa") == folder.saved("a" * 64)
    assert folder.named("2.0.0") is None


def test_what_ran_twice_under_one_name_is_named_by_its_hash(tmp_path: Path) -> None:
    """Neither is taken for the other."""
    folder = _folder(tmp_path, ("a" * 64, "1.0.0", _THEN), ("b" * 64, "1.0.0", _THEN))
    with pytest.raises(SavedError, match=f"one of {'a' * 64}, {'b' * 64}"):
        folder.named("1.0.0")
