"""The program's source: what must not stand in it, and whether its tag is the release's."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.exits import CommandError, ExitCode

_PLACEHOLDERS: Final = {
    "a placeholder": re.compile(r"\b(?:todo|unimplemented)!|\b(?:TODO|FIXME|XXX|PLACEHOLDER)\b"),
    "a mock": re.compile(r"\b(mock|Mock|fake_|Fake|dummy|stub_)\w*"),
    "a made-up program id": re.compile(r'declare_id!\(\s*"1{32}"'),
    "a test value": re.compile(r"\b(test_only|TEST_|testing::|localhost|127\.0\.0\.1)\w*"),
    "a test function": re.compile(r"#\[(test|tokio::test)\]"),
}
_TEST_MODULE: Final = re.compile(r"#\[cfg\((?:all\()?test\b")
_SKIPPED: Final = frozenset({"target", "tests", ".git", "node_modules"})


class SourceError(CommandError):
    """A folder that holds no source."""

    code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class StandIn:
    """Something in the source that is not meant for users."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def scan(folder: Path) -> list[StandIn]:
    """What stands in the Rust sources under `folder` and should not; test modules are left out.

    Raises:
        SourceError: there is no Rust source.
    """
    files = [
        path
        for path in sorted(folder.rglob("*.rs"))
        if not _SKIPPED & set(path.relative_to(folder).parts[:-1])
    ]
    if not files:
        raise SourceError(f"{folder} holds no Rust source: name the program's folder with --source")
    return [
        StandIn(str(path.relative_to(folder)), number, what)
        for path in files
        for number, line in _own_lines(path.read_text(encoding="utf-8", errors="replace"))
        for what, pattern in _PLACEHOLDERS.items()
        if pattern.search(line)
    ]


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines outside of test modules, whose braces are counted."""
    depth, pending = 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if depth or pending:
            depth += line.count("{") - line.count("}")
            pending = pending and depth <= 0 and ";" not in line
        elif _TEST_MODULE.search(line):
            opened = line.count("{") - line.count("}")
            depth, pending = max(opened, 0), opened <= 0 and ";" not in line
        else:
            yield number, line


def tag_problem(folder: Path, version: str, branch: str) -> str:
    """Why the release `version` is not what is checked out in `folder`; empty if it is.

    The commit has to carry the tag `version` or `v<version>`, lie on `branch`, and be unchanged.
    """
    tags = _git(folder, "tag", "--points-at", "HEAD").split()
    if not {version, f"v{version}"} & set(tags):
        return f"the commit has no tag v{version}, but {', '.join(tags) or 'none'}"
    if _git(folder, "status", "--porcelain", "--", "."):
        return "files were changed since the commit"
    on = _git(folder, "branch", "--all", "--contains", "HEAD", "--format", "%(refname:short)")
    if branch not in {name.removeprefix("origin/") for name in on.split()}:
        return f"the commit is not on {branch}"
    return ""


def head(folder: Path) -> str:
    """The commit that is checked out in `folder`."""
    return _git(folder, "rev-parse", "HEAD")


def review_problem(folder: Path, files: Sequence[str]) -> str:
    """Why `files` in `folder` are not as they were reviewed: committed, and unchanged since."""
    if not files:
        return "no file of the project is run"
    try:
        known = set(_git(folder, "ls-files", "--", *files).splitlines())
        changed = _git(folder, "status", "--porcelain", "--", *files)
    except SourceError as error:
        return str(error)
    if unknown := sorted(set(files) - known):
        return f"not committed: {', '.join(unknown)}"
    return "changed since the commit: " + ", ".join(changed.split()[1::2]) if changed else ""


def _git(folder: Path, *arguments: str) -> str:
    try:
        run = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the git of the user's path
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise SourceError(f"git: {error.strerror}") from None
    if run.returncode:
        raise SourceError(f"{folder} is no git repository: {run.stderr.strip()}")
    return run.stdout.strip()
