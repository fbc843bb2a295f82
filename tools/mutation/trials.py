"""Tries the tests on every mutant: they are collected once, and each mutant has a fork.

mutmut makes the mutants, all of them in one file of which one at a time is switched on, and says
how a result is noted. Collecting some thousand tests takes seconds and trying a mutant
milliseconds, so they are not collected anew for each of them.
"""

# ruff: noqa: INP001 run by the command beside it, in the copy of the project

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from functools import _lru_cache_wrapper  # pyright: ignore[reportPrivateUsage] - it has no other name
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files

MUTANTS: Final = Path("mutants")
LEARNED: Final = Path("learned.json")

SURVIVED, KILLED, NO_TESTS = 0, 1, 33
"""As mutmut notes it: the exit code of the tests."""

CPU_SECONDS: Final = 20
"""A mutant that runs longer does not come to an end; tests that time out have noticed it."""
BYTES: Final = 6 * 2**30

_PYTEST: Final = ("-s", "-qq", "--assert=plain", "--tb=no", "--no-summary", "--rootdir=.")
_NOT_FOR_THIS: Final = "not hostile and not megabytes and not circle"
"""Tests for no crash on all that somebody may write; they take most of the time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What one test is known to do: the functions that it calls, and how long it takes."""

    seconds: float
    functions: tuple[str, ...]

    @property
    def cost(self) -> float:
        """The tests to try first are quick, and are of few functions."""
        return self.seconds * len(self.functions)


class Trials:
    """In place of one run of all tests: a run of those that matter, for each mutant."""

    def __init__(self, patterns: Sequence[str], jobs: int, seconds: float) -> None:
        self._patterns = patterns
        self._jobs = jobs
        self._seconds = seconds
        """What is tried on one mutant; whatever only slower tests would notice counts as alive."""
        self._running: dict[int, tuple[SourceFileMutationData, str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn what each test reaches, then try the mutants that have no result yet."""
        os.chdir(os.pardir)
        items = {item.nodeid: item for item in session.items}
        reaches = _learned(items)
        by_function: dict[str, list[str]] = {}
        for test in sorted(reaches, key=lambda test: reaches[test].cost):
            for function in reaches[test].functions:
                by_function.setdefault(function, []).append(test)
        _forget()
        gc.freeze()  # what is there already is not copied into every fork by its collector
        for path in sorted(walk_mutatable_files()):
            data = SourceFileMutationData(path=path)
            data.load()
            for mutant, code in data.exit_code_by_key.items():
                if code is None and any(fnmatch(mutant, each) for each in self._patterns):
                    tests = by_function.get(mutant.partition("__mutmut_")[0], [])
                    affordable = _affordable(tests, reaches, self._seconds)
                    self._try(data, mutant, [items[test] for test in affordable])
        while self._running:
            self._note_one()
        return True

    def _try(self, data: SourceFileMutationData, mutant: str, items: list[pytest.Item]) -> None:
        if not items:
            _note(data, mutant, NO_TESTS)
            return
        while len(self._running) >= self._jobs:
            self._note_one()
        process = os.fork()
        if not process:
            _run_and_exit(mutant, items)
        self._running[process] = (data, mutant)

    def _note_one(self) -> None:
        process, status = os.wait()
        data, mutant = self._running.pop(process)
        _note(data, mutant, os.waitstatus_to_exitcode(status))


def main(jobs: int, seconds: float, patterns: Sequence[str]) -> int:
    """Make the mutants and try those that `patterns` name."""
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(jobs)
    set_mutant_under_test("")
    os.chdir(MUTANTS)
    sys.path.insert(0, str(Path.cwd()))
    os.environ["PYTHONPATH"] = str(Path.cwd())  # for tests that start a process of their own
    told = config()
    arguments = [
        *_PYTEST,
        "-k",
        _NOT_FOR_THIS,
        *told.pytest_add_cli_args,
        *told.pytest_add_cli_args_test_selection,
    ]
    return int(pytest.main(arguments, plugins=[Trials(patterns, jobs, seconds)]))


def _run_and_exit(mutant: str, items: Sequence[pytest.Item]) -> None:
    code = KILLED
    try:
        os.chdir(MUTANTS)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        set_mutant_under_test(mutant)
        if all(passes for _, passes in _each_run(items)):
            code = SURVIVED
    finally:
        os._exit(code)


def _each_run(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, bool]]:
    """Run tests one by one; each with whether it passes."""
    for item, following in zip(items, [*items[1:], None], strict=False):
        reports = runtestprotocol(item, log=False, nextitem=following)
        yield item, not any(report.failed for report in reports)


def _affordable(tests: Iterable[str], reaches: dict[str, Reach], allowed: float) -> Iterator[str]:
    seconds = 0.0
    for test in tests:
        seconds += reaches[test].seconds
        if seconds > allowed:
            return
        yield test


def _forget() -> None:
    """Empty every cache of the code: what it holds was computed without a mutant."""
    for path in walk_mutatable_files():
        module = sys.modules.get(str(path.with_suffix("")).replace("/", "."))
        for each in vars(module).values() if module else ():
            if isinstance(each, _lru_cache_wrapper):
                each.cache_clear()


def _note(data: SourceFileMutationData, mutant: str, code: int) -> None:
    data.exit_code_by_key[mutant] = code
    data.save()


def _learned(items: dict[str, pytest.Item]) -> dict[str, Reach]:
    """What each test reaches; from the last run, where all that it reaches is as it was then.

    A test that fails without a mutant is left out: it would seem to notice every one.
    """
    functions = {str(path): _functions_of(path) for path in walk_mutatable_files()}
    known: dict[str, Reach] = {}
    if LEARNED.exists():
        noted: dict[str, dict[str, Any]] = json.loads(LEARNED.read_text("utf-8"))
        same = {
            path.removesuffix(".py").replace("/", ".")
            for path, names in functions.items()
            if noted["functions"].get(path) == names
        }
        known = {
            test: Reach(reach["seconds"], tuple(reach["functions"]))
            for test, reach in noted["tests"].items()
            if test in items and all(name.rpartition(".")[0] in same for name in reach["functions"])
        }
    known |= _learn([item for test, item in items.items() if test not in known])
    tests = {test: asdict(reach) for test, reach in known.items()}
    LEARNED.write_text(json.dumps({"functions": functions, "tests": tests}), "utf-8")
    return known


def _functions_of(path: Path) -> list[str]:
    data = SourceFileMutationData(path=path)
    data.load()
    return sorted(data.hash_by_function_name)


def _learn(unknown: Sequence[pytest.Item]) -> dict[str, Reach]:
    """Run tests once, and note what each of them reaches."""
    sys.stdout.write(f"{len(unknown)} tests to be learned\n")
    reached = state()._stats  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - mutmut gathers it there
    known: dict[str, Reach] = {}
    set_mutant_under_test("stats")
    os.chdir(MUTANTS)
    began = time.process_time()
    for item, passes in _each_run(unknown):
        if passes:
            known[item.nodeid] = Reach(time.process_time() - began, tuple(sorted(reached)))
        else:
            sys.stdout.write(f"left out, it fails by itself: {item.nodeid}\n")
        reached.clear()
        began = time.process_time()
    os.chdir(os.pardir)
    set_mutant_under_test("")
    return known


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
