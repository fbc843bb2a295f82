"""A project under git, and stand-ins for the programs that the steps ask: pulumi and gh."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# It answers by the first argument from a file of that name, beside it, whose first line is the exit
# code, and writes down how it was called.
ASKED = """\
#!{python}
import os, sys
from pathlib import Path
here = Path(__file__).parent
with (here / "calls").open("a", encoding="utf-8") as calls:
    calls.write(" ".join([Path(__file__).name, *sys.argv[1:]]) + "\\n")
    calls.write("in " + os.environ.get("PULUMI_BACKEND_URL", "") + "\\n")
keys = [each for each in sys.argv[1:] if not each.startswith("-")]
for length in range(len(keys), 0, -1):
    file = here / ".".join([Path(__file__).name, *keys[:length]]).replace("/", "_")
    if file.exists():
        code, _, text = file.read_text(encoding="utf-8").partition("\\n")
        sys.stdout.write(text)
        sys.exit(int(code))
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where steps run: a copy of the project's files under git, with stand-ins on the PATH."""

    folder: Path
    tools: Path

    def answers(self, program: str, words: str, text: str = "", *, code: int = 0) -> None:
        """Let `program`, called with `words` first, print `text` and end with `code`."""
        name = ".".join([program, *words.split()]).replace("/", "_")
        (self.tools / name).write_text(f"{code}\n{text}", encoding="utf-8")

    @property
    def calls(self) -> list[str]:
        """How pulumi and gh were called."""
        file = self.tools / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [line for line in lines if not line.startswith("in ")]

    @property
    def backends(self) -> set[str]:
        """The backends that pulumi was told."""
        lines = (self.tools / "calls").read_text(encoding="utf-8").splitlines()
        return {line.removeprefix("in ") for line in lines if line.startswith("in ")}

    def run(self, step: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step as the workflows do, in the copy."""
        return subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", f"tools.ci.{step}", *arguments],
            cwd=self.folder,
            env=self.environment(variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def git(self, *arguments: str) -> str:
        """Run git in the copy; what it prints."""
        return self.call("git", *arguments)

    def call(self, *command: str, **variables: str) -> str:
        """Run `command` in the copy; what it prints."""
        done = subprocess.run(  # noqa: S603 - git or pulumi
            command,
            cwd=self.folder,
            env=self.environment(variables),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "more") -> str:
        """Commit all there is; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment variables: nobody's own settings of git, and no CI's."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("GITHUB_", "PULUMI_", "GIT_"))
        }
        people = {
            f"GIT_{who}_{what}": "tests@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        path = os.pathsep.join((str(self.tools), os.environ["PATH"]))
        return {**kept, **people, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull, **variables}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """The copy and the stand-ins, on the branch `develop` with one commit."""
    folder, tools = tmp_path / "project", tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    for file in PROJECT.glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    shutil.copytree(
        PROJECT / "tools" / "ci",
        folder / "tools" / "ci",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (folder / ".gitignore").write_text("__pycache__/\nout/\n", encoding="utf-8")
    for program in ("pulumi", "gh"):
        file = tools / program
        file.write_text(ASKED.format(python=sys.executable), encoding="utf-8")
        file.chmod(0o755)
    ready = Stage(folder, tools)
    ready.git("init", "--quiet", "--initial-branch", "develop")
    ready.commit("first")
    return ready
