"""A scan of the source finds what stands in for the real thing; a tag is the release's or not."""

import subprocess
from pathlib import Path

import pytest

from scripts.program.source import SourceError, scan, tag_problem

CLEAN = """\
declare_id!("SLWY7mQk3vRzCtXn5pJdAe2HbUgFs9oWyTiK4NcGhPr");

pub fn trade(amount: u64) -> Result<u64> {
    amount.checked_mul(2).ok_or(Error::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_doubles() {
        let mock_price = 7; // TODO: more of them
        assert_eq!(trade(mock_price), Ok(14));
    }
}

pub fn after(amount: u64) -> u64 { amount }
"""


def sources(folder: Path, text: str, name: str = "src/lib.rs") -> Path:
    """A folder with one source."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_clean_source_has_no_finding(tmp_path: Path) -> None:
    """Test modules may hold what they like, and so may folders of tests and of builds."""
    sources(tmp_path, CLEAN)
    sources(tmp_path, "todo!()", "tests/integration.rs")
    sources(tmp_path, "todo!()", "target/out.rs")
    assert scan(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("    todo!()", "a placeholder"),
        ('    unimplemented!("later")', "a placeholder"),
        ("    // FIXME: check the authority", "a placeholder"),
        ("    let price = mock_oracle();", "a mock"),
        ('declare_id!("11111111111111111111111111111111");', "a made-up program id"),
        ('const RPC: &str = "http://localhost:8899";', "a test value"),
        ("#[test]", "a test function"),
    ],
)
def test_what_stands_in_is_found_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    """Before a test module, and behind one."""
    sources(tmp_path, f"{line}\n{CLEAN}\n{line}\n")
    found = scan(tmp_path)
    last = len(CLEAN.splitlines()) + 3
    assert [(one.line, one.what) for one in found] == [(1, what), (last, what)]
    assert str(found[0]) == f"src/lib.rs:1: {what}"


def test_a_single_test_item_ends_at_its_semicolon(tmp_path: Path) -> None:
    """`#[cfg(test)] mod tests;` hides nothing of what follows."""
    sources(tmp_path, "#[cfg(test)]\nmod tests;\nfn real() { todo!() }\n")
    assert [one.line for one in scan(tmp_path)] == [3]


def test_a_folder_without_source_is_refused(tmp_path: Path) -> None:
    """Nothing was scanned, and that is no pass."""
    with pytest.raises(SourceError, match="no Rust source"):
        scan(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on `main`, tagged v1.2.3."""
    sources(tmp_path, CLEAN)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "x"],
        ["tag", "v1.2.3"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)  # noqa: S603, S607
    return tmp_path


def test_a_tagged_commit_on_its_branch_is_the_release(repository: Path) -> None:
    """From within a folder of it, too."""
    assert tag_problem(repository, "1.2.3", "main") == ""
    assert tag_problem(repository / "src", "1.2.3", "main") == ""


def test_anything_else_is_not_the_release(repository: Path, tmp_path: Path) -> None:
    """Another version, another branch, a changed file; no repository is an error."""
    assert "no tag v1.2.4, but v1.2.3" in tag_problem(repository, "1.2.4", "main")
    assert "not on production" in tag_problem(repository, "1.2.3", "production")
    (repository / "src" / "lib.rs").write_text("changed", encoding="utf-8")
    assert "changed since" in tag_problem(repository, "1.2.3", "main")
    with pytest.raises(SourceError, match="no git repository"):
        tag_problem(tmp_path.parent, "1.2.3", "main")
