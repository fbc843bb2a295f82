"""Tests the tests: changes the code in one place at a time and wants a test to fail.

Of the policies, or of the judgement of cutovers: each area has a file beside this one. mutmut makes
the mutants, and `trials.py` tries the tests on them. mutmut leaves decorated functions alone, which
all rules are, so it is given a copy of the project in which `@rule(...)` stands below its function,
as a call.
"""

# ruff: noqa: INP001 a script, not a package

import argparse
import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parents[2]
DOCUMENT: Final = PROJECT / "docs" / "mutation.md"
HERE: Final = Path(__file__).parent
TRIALS: Final = HERE / "trials.py"
ROOMS: Final = ("standards", "environments", "plan", "preview", "policies", "scripts")


@dataclass(frozen=True, kw_only=True)
class Area:
    """What is mutated."""

    name: str
    source: Path
    """The package, in the project."""
    tests: tuple[str, ...]
    heading: str
    """What its results stand under in the document."""
    seconds: float
    """What is tried on one mutant; whatever only slower tests would notice counts as alive."""

    @property
    def copy(self) -> Path:
        """Where the copy of the project lies."""
        return PROJECT / "out" / "mutation" / self.name

    @property
    def settings(self) -> str:
        """What mutmut is told."""
        return (HERE / f"{self.name}.toml").read_text("utf-8")

    @property
    def results(self) -> Path:
        """Where mutmut notes what became of its mutants."""
        return self.copy / "mutants" / self.source


AREAS: Final = {
    "policies": Area(
        name="policies",
        source=Path("policies"),
        tests=("tests/__init__.py", "tests/conftest.py", "tests/plan", "tests/policies"),
        heading="## Measured",
        seconds=0.3,
    ),
    "cutover": Area(
        name="cutover",
        source=Path("scripts/cutover"),
        tests=(
            "tests/__init__.py",
            "tests/conftest.py",
            "tests/scripts/__init__.py",
            "tests/scripts/cutover",
        ),
        heading="## Measured of the cutover",
        seconds=3,
    ),
}

LOWERED: Final = (["property"], ["cache"], ["lru_cache"], ["cached_property"])
"""Decorators that do not hide what their function does."""

# What mutmut notes of each mutant: the exit code of its tests.
NOT_RUN: Final = None
ALIVE: Final = {0, 33}
"""Tests that passed, and no tests at all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants and print the score of each module."""
    parser = argparse.ArgumentParser(description="Mutation tests.", epilog=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="policies.nodes; all unless named"
    )
    parser.add_argument("--area", choices=AREAS, default="policies")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="PROCESSES")
    parser.add_argument(
        "--least", type=float, default=90, metavar="PERCENT", help="the score wanted"
    )
    parser.add_argument(
        "--again", action="store_true", help="try the survivors of the last run again"
    )
    parser.add_argument(
        "--report", action="store_true", help="only print the results of the last run"
    )
    parser.add_argument(
        "--document", action="store_true", help=f"write the results into {DOCUMENT.name}, too"
    )
    options = parser.parse_args(arguments)
    area = AREAS[options.area]
    if not options.report:
        _copy(area)
        if options.again:
            _forget_survivors(area)
        patterns = [f"{module}.*" for module in options.modules] or ["*"]
        command = [sys.executable, str(TRIALS), str(options.jobs), str(area.seconds), *patterns]
        subprocess.run(command, cwd=area.copy, check=True)  # noqa: S603 our own command
    return 0 if _report(area, write=options.document) >= options.least else 1


def _copy(area: Area) -> None:
    """Copy what the tests of `area` need; results of unchanged functions stay."""
    area.copy.mkdir(parents=True, exist_ok=True)
    project = (PROJECT / "pyproject.toml").read_text("utf-8").partition("[tool.mutmut]")[0]
    _put(area.copy / "pyproject.toml", (project + area.settings).encode())
    for name in ("Pulumi.yaml", *ROOMS, *area.tests):
        source, target = PROJECT / name, area.copy / name
        files = [path for path in source.rglob("*") if path.is_file()] or [source]
        for file in files:
            if "__pycache__" not in file.parts:
                _write(file, area)
        for stale in target.rglob("*.py"):
            if not (PROJECT / stale.relative_to(area.copy)).exists():
                stale.unlink()

    for file, _ in _results(area):
        if not (PROJECT / file.relative_to(area.copy / "mutants")).with_suffix("").exists():
            file.unlink()


def _write(file: Path, area: Area) -> None:
    content = file.read_bytes()
    place = file.relative_to(PROJECT)
    if place.match("policies/rules/*.py"):
        content = undecorated(content.decode()).encode()
    elif area.source in place.parents and place.suffix == ".py":
        content = below(content.decode()).encode()
    _put(area.copy / place, content)


def _put(target: Path, content: bytes) -> None:
    # An untouched file keeps its date, by which mutmut knows that its mutants are still good.
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def undecorated(source: str) -> str:
    """The module `source` with each `@rule(...)` applied by a call below its function.

    Functions that only make examples run when the module is imported, before a mutant is switched
    on: they are marked to be left alone.
    """
    lines = source.splitlines()
    tree = ast.parse(source)
    judging = _judging(tree)
    for node in reversed(tree.body):
        if not isinstance(node, ast.FunctionDef):
            continue
        end = node.end_lineno or node.lineno
        if node.name.startswith("_") and node.name not in judging:
            lines.insert(end, "# pragma: no mutate end")
            lines.insert(node.lineno - 1, "# pragma: no mutate start")
        elif node.decorator_list:
            _lower(node, lines)
    return "\n".join(lines) + "\n"


def below(source: str) -> str:
    """The module `source` with each cache and property applied by a call below its function."""
    lines = source.splitlines()
    tree = ast.parse(source)
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    functions = [node for body in bodies for node in body if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: node.lineno, reverse=True):
        if [ast.unparse(each).partition("(")[0] for each in node.decorator_list] in LOWERED:
            _lower(node, lines)
    return "\n".join(lines) + "\n"


def _lower(node: ast.FunctionDef, lines: list[str]) -> None:
    """Put the decorator of `node` below it, as a call."""
    decorator, end = node.decorator_list[0], node.end_lineno or node.lineno
    first, last = decorator.lineno - 1, decorator.end_lineno or decorator.lineno
    indent = " " * node.col_offset
    call = [lines[first].strip().removeprefix("@"), *lines[first + 1 : last]]
    call[0] = f"{indent}{node.name} = {call[0]}"
    call[-1] += f"({node.name})"
    lines[first:end] = [*lines[last:end], "", "", *call]


def _judging(tree: ast.Module) -> set[str]:
    """The functions of a module that judge or remedy: rules, public ones, and what they call."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    pending = [name for name in functions if not name.startswith("_")]
    for call in ast.walk(tree):
        if isinstance(call, ast.keyword) and call.arg == "remedy":
            pending += _names(call)
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name in functions and name not in found:
            found.add(name)
            pending += _names(*functions[name].body)
    return found


def _names(*nodes: ast.AST) -> list[str]:
    """The names that stand anywhere in `nodes`."""
    return [each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)]


def _results(area: Area) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What mutmut notes of each module: the file, and what stands in it."""
    for file in sorted(area.results.rglob("*.py.meta")):
        yield file, json.loads(file.read_text("utf-8"))


def _forget_survivors(area: Area) -> None:
    for file, noted in _results(area):
        codes: dict[str, int | None] = noted["exit_code_by_key"]
        noted["exit_code_by_key"] = {
            name: NOT_RUN if code in ALIVE else code for name, code in codes.items()
        }
        file.write_text(json.dumps(noted), "utf-8")


def _report(area: Area, *, write: bool) -> float:
    """Print what became of the mutants, and the share that was killed, in percent."""
    killed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    survivors: list[str] = []
    left = 0
    for file, noted in _results(area):
        path = file.relative_to(area.results).with_suffix("").with_suffix("")
        module = ".".join(path.parts)
        for mutant, code in noted["exit_code_by_key"].items():
            if code is NOT_RUN:
                left += 1
                continue
            total[module] += 1
            if code in ALIVE:
                survivors.append(mutant)
            else:
                killed[module] += 1
    (area.copy / "survivors.txt").write_text("".join(f"{name}\n" for name in survivors), "utf-8")
    score = 100 * killed.total() / total.total() if total else 0.0
    rows = [f"| `{module}` | {total[module]} | {killed[module]} |" for module in total]
    rows.append(f"| together | {total.total()} | {killed.total()} ({score:.1f} %) |")
    table = "\n".join(("| Module | Mutants | Killed |", "|---|---|---|", *rows, ""))
    sys.stdout.write(f"{table}{left} mutants not tried; survivors: {area.copy}/survivors.txt\n")
    if write:
        table += f"\n{left:,} more were not tried.\n" if left else ""
        before, heading, after = DOCUMENT.read_text("utf-8").partition(f"{area.heading}\n")
        _, following, rest = after.partition("\n## ")
        DOCUMENT.write_text(f"{before}{heading}\n{table}{following}{rest}", "utf-8")
    return score


if __name__ == "__main__":
    sys.exit(main())
