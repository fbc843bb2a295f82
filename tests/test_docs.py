"""What is generated in `docs/` is what the code says today, and what pages name is there.

`make docs` brings the generated pages up to date.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from policies.pages import pages
from policies.registry import PAGES
from scripts.cli import app

ROOT = Path(__file__).parents[1]
WRITTEN = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"))
    if PAGES not in path.relative_to(ROOT).as_posix()
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:make|slipway|pulumi|python -m tools)\b[^`\n]*)`")
COMMAND = re.compile(r"(?:^|[|;&(] *)((?:\.venv/bin/)?(?:make|slipway|pulumi) .*)")

each_page = pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)


def commands(path: Path, program: str) -> Iterator[list[str]]:
    """The words of each command of `program` that the page at `path` gives."""
    text = path.read_text(encoding="utf-8")
    lines = [each for each in INLINE.findall(text) if "…" not in each]
    for _, block in BLOCK.findall(text):
        joined = re.sub(r"\\\n *", "", block)
        for line in joined.splitlines():
            lines += COMMAND.findall(line.partition(" #")[0].strip())
    for line in lines:
        words = shlex.split(re.split(r" [|>&;] ?", re.sub(r"<[^>]*>", "X", line))[0])
        if Path(words[0]).name == program:
            yield words[1:]


def anchors(path: Path) -> set[str]:
    """The places in the page at `path` that a link can name."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_the_pages_of_the_rules_are_current() -> None:
    """A page a rule, none of a rule that is no more, and each as the rule is."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / PAGES).iterdir()}
    assert sorted(there) == sorted(made), "run `make docs`"
    assert [name for name in made if made[name] != there[name]] == [], "run `make docs`"


@each_page
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file of the project, and to a heading that it has."""
    wrong: list[str] = []
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_every_runbook_is_listed() -> None:
    """Whoever is called finds the page from the first one."""
    folder = ROOT / "docs" / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("*.md") if f"({path.name})" not in index] == [
        "README.md"
    ]


@each_page
def test_every_target_of_make_is_there(path: Path) -> None:
    """A page names no target that the Makefile does not have."""
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {words[0] for words in commands(path, "make") if words}
    assert named <= made


@each_page
def test_every_command_and_option_of_ours_is_there(path: Path) -> None:
    """A page names no command, and no option, that `slipway` does not have."""
    root = typer.main.get_command(app)
    for words in commands(path, "slipway"):
        command, rest = root, list(words)
        while rest and (known := getattr(command, "commands", None)):
            assert rest[0] in known, words
            command = known[rest.pop(0)]
        options = {name for each in command.params for name in each.opts} | {"-h", "--help"}
        used = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert used <= options, words


@each_page
def test_every_step_of_the_workflows_is_there(path: Path) -> None:
    """A page names no module of `tools/ci` that there is not."""
    named = re.findall(r"-m tools\.ci\.(\w+)", path.read_text(encoding="utf-8"))
    assert [each for each in named if not (ROOT / "tools" / "ci" / f"{each}.py").is_file()] == []


@pytest.mark.engine
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on the PATH")
@each_page
def test_every_command_and_option_of_pulumi_is_there(path: Path) -> None:
    """A page names no command, and no option, that the engine's command line does not have."""
    for words in filter(None, commands(path, "pulumi")):
        verbs: list[str] = []
        for word in words:
            if word.startswith("-") or not re.fullmatch("[a-z]+", word):
                break
            verbs.append(word)
        shown = help_of(*verbs[:2]) or help_of(*verbs[:1])
        assert shown, words
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        known = set(re.findall(r"(?<![\w-])--?[\w-]+", shown))
        assert used <= known, words


@cache
def help_of(*verbs: str) -> str:
    """What `pulumi` says of a command of its own; nothing where it has no such command."""
    done = subprocess.run(  # noqa: S603
        ["pulumi", *verbs, "--help"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or f"pulumi {verbs[0]}" not in done.stdout:
        return ""
    # An unknown command below a known one is answered with the help of the known one.
    return "" if verbs[1:] and done.stdout == help_of(verbs[0]) else done.stdout
