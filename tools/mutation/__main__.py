"""Tests the tests of `policies/`: changes the code in one place at a time and wants a test to fail.

mutmut makes the mutants, and `trials.py` tries the tests on them. mutmut leaves decorated functions
alone, which all rules are, so it is given a copy of the project in which `@rule(...)` stands below
its function, as a call.
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
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parents[2]
COPY: Final = PROJECT / "out" / "mutation"
DOCUMENT: Final = PROJECT / "docs" / "mutation.md"
TRIALS: Final = Path(__file__).with_name("trials.py")
ROOMS: Final = ("standards", "environments", "plan", "preview", "policies", "scripts")
TESTS: Final = ("tests/__init__.py", "tests/conftest.py", "tests/plan", "tests/policies")

# What mutmut notes of each mutant: the exit code of its tests.
NOT_RUN: Final = None
ALIVE: Final = {0, 33}
"""Tests that passed, and no tests at all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutants and print the score of each module."""
    parser = argparse.ArgumentParser(description="Mutation tests of policies/.", epilog=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="policies.nodes; all unless named"
    )
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
    if not options.report:
        _copy()
        if options.again:
            _forget_survivors()
        patterns = [f"{module}.*" for module in options.modules] or ["*"]
        command = [sys.executable, str(TRIALS), str(options.jobs), *patterns]
        subprocess.run(command, cwd=COPY, check=True)  # noqa: S603 our own command
    return 0 if _report(write=options.document) >= options.least else 1


def _copy() -> None:
    """Copy what the tests of `policies/` need; results of unchanged functions stay."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ("pyproject.toml", "Pulumi.yaml", *ROOMS, *TESTS):
        source, target = PROJECT / name, COPY / name
        files = [path for path in source.rglob("*") if path.is_file()] or [source]
        for file in files:
            if "__pycache__" not in file.parts:
                _write(file, COPY / file.relative_to(PROJECT))
        for stale in target.rglob("*.py"):
            if not (PROJECT / stale.relative_to(COPY)).exists():
                stale.unlink()


def _write(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if source.parent == PROJECT / "policies" / "rules":
        content = undecorated(content.decode()).encode()
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
            decorator = node.decorator_list[0]
            first, last = decorator.lineno - 1, decorator.end_lineno or decorator.lineno
            call = [lines[first].removeprefix("@"), *lines[first + 1 : last]]
            call[0] = f"{node.name} = {call[0]}"
            call[-1] += f"({node.name})"
            lines[first:end] = [*lines[last:end], "", "", *call]
    return "\n".join(lines) + "\n"


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


def _results() -> Iterator[tuple[Path, dict[str, Any]]]:
    """What mutmut notes of each module: the file, and what stands in it."""
    for file in sorted((COPY / "mutants" / "policies").rglob("*.py.meta")):
        yield file, json.loads(file.read_text("utf-8"))


def _forget_survivors() -> None:
    for file, noted in _results():
        codes: dict[str, int | None] = noted["exit_code_by_key"]
        noted["exit_code_by_key"] = {
            name: NOT_RUN if code in ALIVE else code for name, code in codes.items()
        }
        file.write_text(json.dumps(noted), "utf-8")


def _report(*, write: bool) -> float:
    """Print what became of the mutants, and the share that was killed, in percent."""
    killed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    survivors: list[str] = []
    left = 0
    for file, noted in _results():
        path = file.relative_to(COPY / "mutants" / "policies").with_suffix("").with_suffix("")
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
    (COPY / "survivors.txt").write_text("".join(f"{name}\n" for name in survivors), "utf-8")
    score = 100 * killed.total() / total.total() if total else 0.0
    rows = [f"| `{module}` | {total[module]} | {killed[module]} |" for module in total]
    rows.append(f"| together | {total.total()} | {killed.total()} ({score:.1f} %) |")
    table = "\n".join(("| Module | Mutants | Killed |", "|---|---|---|", *rows, ""))
    sys.stdout.write(f"{table}{left} mutants not tried; survivors: {COPY}/survivors.txt\n")
    if write:
        text, heading, _ = DOCUMENT.read_text("utf-8").partition("## Measured\n")
        DOCUMENT.write_text(f"{text}{heading}\n{table}", "utf-8")
    return score


if __name__ == "__main__":
    sys.exit(main())
